"""The command line: thin commands over the Python calls, one clear line for bad input."""

import atexit
import gc
from pathlib import Path
from typing import Annotated

import typer

from bimt_bench.app import tables, terminal
from bimt_bench.app.commands import add_leaderboard, add_listings, add_looking
from bimt_bench.app.terminal import (
    RUN_KEEPS,
    DataDir,
    Device,
    Experiment,
    Measured,
    Plugins,
    TasksDir,
    TrackingUri,
    print_files,
    refusing,
)
from bimt_bench.ground import __version__, bar

app = typer.Typer(
    name="bimt-bench",
    help="What modular interpretability costs: sweeps, trade-offs and checks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        terminal.OUT.print(f"bimt-bench {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[  # noqa: ARG001 - its callback has answered
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """What modular interpretability costs: sweeps, trade-offs and checks."""
    # Else Python looks through all modules once more before it ends, which takes a second.
    atexit.register(gc.freeze)


add_listings(app)


@app.command()
def new(
    what: Annotated[str, typer.Argument(help="recipe, metric, model, data, placement or task")],
    name: Annotated[str, typer.Argument(help="its name: small letters, digits and _")],
    folder: Annotated[Path, typer.Option(help="where the files go")] = Path(),
) -> None:
    """Write a file to fill in, which works as it is, and a test that passes as it is."""
    from bimt_bench.app import starting

    with refusing():
        print_files(starting.write_new(what, name, folder=folder))


@app.command()
def run(
    task: Annotated[str, typer.Argument(help="a name, e.g. symbolic/independence, or a file")],
    recipe: Annotated[str, typer.Option(help="see: bimt-bench recipes")] = "bimt",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="see: bimt-bench recipes show RECIPE"),
    ] = None,
    seeds: Annotated[
        str, typer.Option(help="how many (5), which (0,1,7), from:to (5:8) or both (0,2,5:8)")
    ] = "1",
    strength: Annotated[str | None, typer.Option(help="short for --set strength=")] = None,
    steps: Annotated[str | None, typer.Option(help="short for --set steps=")] = None,
    with_baseline: Annotated[
        bool, typer.Option("--with-baseline", help="train the baseline recipe too, and compare")
    ] = False,
    metrics: Measured = None,
    out: Annotated[Path, typer.Option(help="folder for frame and drawings")] = Path("runs"),
    device: Device = "auto",
    data_dir: DataDir = None,
    tasks_dir: TasksDir = None,
    plugin: Plugins = None,
) -> None:
    """Train one configuration, print its scorecard and draw the network of its median seed."""
    from bimt_bench.app import given, single
    from bimt_bench.metrics import gap_lines

    with refusing(plugin, kept=RUN_KEEPS):
        short = {"strength": strength, "steps": steps}
        entries = [f"{name}={text}" for name, text in short.items() if text is not None]
        wanted = given.settings([*(settings or []), *entries])
        with bar(f"{task} · {recipe} · seeds {seeds}", console=terminal.ERR) as on_progress:
            found = single.run(
                task,
                {"recipe": recipe, **wanted},
                seeds=given.seeds(seeds),
                out=out,
                device=device,
                data_dir=data_dir,
                tasks_dir=tasks_dir,
                with_baseline=with_baseline,
                metrics=given.names(metrics) or ("usual",),
                on_progress=on_progress,
            )
        terminal.OUT.print(tables.of_scorecard(found.frame, found.baseline))
        for line in (*gap_lines(found.frame), found.omissions, found.others, found.note):
            if line is not None:
                terminal.OUT.print(line, style="dim", markup=False, highlight=False)
        print_files(found.files)


@app.command()
def sweep(
    spec: Annotated[str, typer.Argument(help="a YAML file, or the name of a shipped sweep")],
    address: Annotated[
        str | None, typer.Option(help="a running Ray cluster: auto or host:port")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on after an interruption")] = False,
    resume_as: Annotated[
        bool,
        typer.Option(
            "--resume-as", help="go on though sweep or code changed; reuses packs that still fit"
        ),
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="start again; the old results keep a backup name")
    ] = False,
    mixed_versions: Annotated[
        bool,
        typer.Option(
            "--mixed-versions", help="resume though libraries or device differ; the frame says so"
        ),
    ] = False,
    results_dir: Annotated[Path, typer.Option(help="where results go")] = Path("runs"),
    tracking_uri: TrackingUri = None,
    experiment: Experiment = None,
    track: Annotated[bool, typer.Option(help="log to MLflow")] = True,
    workers: Annotated[int | None, typer.Option(min=1, help="packs at a time")] = None,
    draw: Annotated[
        str, typer.Option(help="chosen: best, median and knee of each recipe; all: each setting")
    ] = "chosen",
    metrics: Measured = None,
    device: Device = "auto",
    data_dir: DataDir = None,
    tasks_dir: TasksDir = None,
    plugin: Plugins = None,
) -> None:
    """Train every configuration of a sweep on Ray, log to MLflow, draw the trade-offs."""
    from bimt_bench import api
    from bimt_bench.app import given

    with refusing():
        found = api.sweep(
            spec,
            results_dir=results_dir,
            address=address,
            resume=resume,
            resume_as=resume_as,
            fresh=fresh,
            mixed_versions=mixed_versions,
            data_dir=data_dir,
            tasks_dir=tasks_dir,
            device=device,
            workers=workers,
            track=track,
            tracking_uri=tracking_uri,
            experiment=experiment,
            plugins=plugin or (),
            draw=draw,
            metrics=given.names(metrics) or None,
            console=terminal.ERR,
        )
    for report in found.reports:
        terminal.OUT.print(
            tables.of_tradeoff(report.tradeoff, performance=report.task.performance.kind)
        )
        if len(report.tradeoff.lines) > 1:
            terminal.OUT.print(tables.of_recipes_compared(report.tradeoff))
    print_files([found.folder / "frame.parquet", found.folder / "curves.parquet"])
    print_files(file for r in found.reports for file in r.files if file.suffix == ".png")
    for pack, reason in found.failed.items():
        terminal.ERR.print(
            f"pack {pack} failed: {reason}", style="red", markup=False, soft_wrap=True
        )
    if found.tracked is not None:
        terminal.print_where(found.tracked.open_command, found.tracked.page)
    if found.undelivered is not None:
        terminal.ERR.print(
            found.undelivered, style="red", markup=False, highlight=False, soft_wrap=True
        )
    if found.failed or found.undelivered is not None:
        raise typer.Exit(1)


@app.command()
def sync(
    run: Annotated[Path, typer.Argument(help="results folder of a finished sweep")],
    tracking_uri: TrackingUri = None,
    experiment: Experiment = None,
    tasks_dir: TasksDir = None,
    plugin: Plugins = None,
) -> None:
    """Write a finished sweep to MLflow: what is not there yet, and nothing twice."""
    from bimt_bench import api

    with refusing(plugin):
        found = api.sync(run, tracking_uri=tracking_uri, experiment=experiment, tasks_dir=tasks_dir)
    for task in found.tasks:
        told = f"{task.task}: {task.configurations} configurations, {task.new} of them new"
        terminal.OUT.print(told, markup=False, highlight=False, soft_wrap=True)
    terminal.print_where(found.open_command, found.page)


add_looking(app)
add_leaderboard(app)


@app.command()
def doctor(data_dir: DataDir = None, plugin: Plugins = None) -> None:
    """Say what this machine has, what is missing and how to get it."""
    from bimt_bench.app import doctor as checks

    with refusing(plugin):
        found = checks.checkup(data_dir=data_dir)
        terminal.OUT.print(checks.render(found))
    if any(check.status == "missing" for check in found):
        raise typer.Exit(1)


@app.command()
def bench(
    task: Annotated[str, typer.Argument(help="a task's name")] = "symbolic/independence",
    packs: Annotated[str, typer.Option(help="members a pack, e.g. 1,16,64")] = "1,16,64",
    device: Device = "cpu",
    data_dir: DataDir = None,
    tasks_dir: TasksDir = None,
    plugin: Plugins = None,
) -> None:
    """Time a training step of a task on this machine, for a few sizes of pack.

    The comparison with training one network at a time is `make bench`, in a clone.
    """
    from bimt_bench.app import listings
    from bimt_bench.tuning import pack_speeds

    with refusing(plugin):
        found = pack_speeds(
            task, packs.split(","), device=device, data_dir=data_dir, tasks_dir=tasks_dir
        )
    terminal.OUT.print(listings.of_pack_speeds(task, found))
