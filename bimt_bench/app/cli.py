"""The command line: thin commands over the Python calls, one clear line for bad input."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from bimt_bench.app import tables
from bimt_bench.ground import InputError, __version__

app = typer.Typer(
    name="bimt-bench",
    help="What modular interpretability costs: sweeps, trade-offs and checks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
recipes = typer.Typer(
    help="List the recipes, or show one.", invoke_without_command=True, no_args_is_help=False
)
app.add_typer(recipes, name="recipes")
_OUT = Console()
_ERR = Console(stderr=True)

DataDir = Annotated[
    Path | None,
    typer.Option(help="folder where data may lie: MNIST, tables", envvar="BIMT_BENCH_DATA"),
]
TasksDir = Annotated[
    Path | None,
    typer.Option(help="folder with tasks of your own", envvar="BIMT_BENCH_TASKS"),
]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda")]
Plugins = Annotated[
    list[str] | None,
    typer.Option("--plugin", help="a file or module with kinds of your own; may be repeated"),
]


@contextmanager
def _refusing(plugin: list[str] | None = None) -> Iterator[None]:
    """Turns bad input into its message on stderr and exit status 2, Ctrl-C into 130.

    The plug-ins that are given are loaded first.
    """
    try:
        from bimt_bench import plugins

        with plugins.blaming():
            plugins.load_all(plugin or ())
            yield
    except InputError as error:
        _ERR.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt as stop:
        _ERR.print(str(stop) or "interrupted", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(130) from None


def _version(wanted: bool) -> None:
    if wanted:
        _OUT.print(f"bimt-bench {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """What modular interpretability costs: sweeps, trade-offs and checks."""


@app.command()
def tasks(tasks_dir: TasksDir = None, plugin: Plugins = None) -> None:
    """List the tasks: data, network, loss and published settings."""
    from bimt_bench.spec import catalog

    with _refusing(plugin):
        _OUT.print(tables.of_tasks(catalog.tasks(tasks_dir)))


@recipes.callback()
def list_recipes(
    context: typer.Context,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="print every setting of all, as docs/settings.md")
    ] = False,
    plugin: Plugins = None,
) -> None:
    """List the recipes: how modularity is encouraged."""
    from bimt_bench.app import listings

    with _refusing(plugin):
        if context.invoked_subcommand is None:
            if markdown:
                typer.echo(listings.settings_page(), nl=False)
            else:
                _OUT.print(listings.of_recipes())


@recipes.command("show")
def show_recipe(
    name: Annotated[str, typer.Argument(help="see: bimt-bench recipes")], plugin: Plugins = None
) -> None:
    """Show one recipe: what it does, and every setting with its values and default."""
    from bimt_bench.app import listings

    with _refusing(plugin):
        _OUT.print(listings.of_recipe(name))


def _listing(command: str, what: str, every: Callable[[], Any], one: Callable[[str], Any]) -> None:
    """Adds `command`, which lists what there is, and `command show NAME`."""
    listed = typer.Typer(help=f"List {what}, or show one.", invoke_without_command=True)

    @listed.callback()
    def show_all(context: typer.Context, plugin: Plugins = None) -> None:
        with _refusing(plugin):
            if context.invoked_subcommand is None:
                _OUT.print(every())

    @listed.command("show", help="Show one: what it states, its settings, where it comes from.")
    def show(
        name: Annotated[str, typer.Argument(help=f"see: bimt-bench {command}")],
        plugin: Plugins = None,
    ) -> None:
        with _refusing(plugin):
            _OUT.print(one(name))

    app.add_typer(listed, name=command)


def _list_set(command: str, what: str, name: str) -> None:
    """Adds the commands of an open set; loaded when used, as its kinds bring torch."""

    def kinds() -> Any:
        from bimt_bench import spec

        return getattr(spec, name)

    def every() -> Any:
        from bimt_bench.app import sets

        return sets.of_set(kinds())

    def one(kind: str) -> Any:
        from bimt_bench.app import sets

        return sets.of_kind(kinds(), kind)

    _listing(command, what, every, one)


def _geometries() -> Any:
    from bimt_bench.app import sets

    return sets.of_geometries()


def _geometry(name: str) -> Any:
    from bimt_bench.app import sets

    return sets.of_geometry(name)


_list_set("models", "the models", "MODELS")
_list_set("metrics", "the metrics", "METRICS")
_list_set("data", "the kinds of data", "DATA")
_listing("geometries", "geometries, placements and distances", _geometries, _geometry)
_list_set("losses", "the losses", "LOSSES")
_list_set("measures", "the performance measures", "MEASURES")


@app.command()
def new(
    what: Annotated[str, typer.Argument(help="recipe, metric, model, data, placement or task")],
    name: Annotated[str, typer.Argument(help="its name: small letters, digits and _")],
    folder: Annotated[Path, typer.Option(help="where the files go")] = Path(),
) -> None:
    """Write a file to fill in, which works as it is, and a test that passes as it is."""
    from bimt_bench.app import starting

    with _refusing():
        _print_files(starting.write_new(what, name, folder=folder))


@app.command()
def run(
    task: Annotated[str, typer.Argument(help="a name, e.g. symbolic/independence, or a file")],
    recipe: Annotated[str, typer.Option(help="see: bimt-bench recipes")] = "bimt",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="see: bimt-bench recipes show RECIPE"),
    ] = None,
    seeds: Annotated[str, typer.Option(help="how many (5), which (0,1,7) or from:to (5:8)")] = "1",
    strength: Annotated[str | None, typer.Option(help="short for --set strength=")] = None,
    steps: Annotated[str | None, typer.Option(help="short for --set steps=")] = None,
    with_baseline: Annotated[
        bool, typer.Option("--with-baseline", help="train the baseline recipe too, and compare")
    ] = False,
    out: Annotated[Path, typer.Option(help="folder for frame and drawings")] = Path("runs"),
    device: Device = "auto",
    data_dir: DataDir = None,
    tasks_dir: TasksDir = None,
    plugin: Plugins = None,
) -> None:
    """Train one configuration, print its scorecard and draw the network of its median seed."""
    from bimt_bench.app import given, single

    with _refusing(plugin):
        short = {"strength": strength, "steps": steps}
        entries = [f"{name}={text}" for name, text in short.items() if text is not None]
        wanted = given.settings([*(settings or []), *entries])
        with _bar(f"{task} · {recipe} · seeds {seeds}") as on_progress:
            found = single.run(
                task,
                {"recipe": recipe, **wanted},
                seeds=given.seeds(seeds),
                out=out,
                device=device,
                data_dir=data_dir,
                tasks_dir=tasks_dir,
                with_baseline=with_baseline,
                on_progress=on_progress,
            )
        _OUT.print(tables.of_scorecard(found.frame, found.baseline))
        for line in (found.omissions, found.note):
            if line is not None:
                _OUT.print(line, style="dim", markup=False, highlight=False)
        _print_files(found.files)


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
    tracking_uri: Annotated[
        str | None,
        typer.Option(help="MLflow; sqlite:///mlflow.db if absent", envvar="MLFLOW_TRACKING_URI"),
    ] = None,
    track: Annotated[bool, typer.Option(help="log to MLflow")] = True,
    workers: Annotated[int | None, typer.Option(min=1, help="packs at a time")] = None,
    device: Device = "auto",
    data_dir: DataDir = None,
    tasks_dir: TasksDir = None,
    plugin: Plugins = None,
) -> None:
    """Train every configuration of a sweep on Ray, log to MLflow, draw the trade-offs."""
    from bimt_bench import api

    with _refusing():
        found = api.run_sweep(
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
            plugins=plugin or (),
            console=_ERR,
        )
    for report in found.reports:
        _OUT.print(tables.of_tradeoff(report.tradeoff, performance=report.task.performance.kind))
    _print_files([found.result.folder / "frame.parquet", found.result.folder / "curves.parquet"])
    _print_files(file for r in found.reports for file in r.figures if file.suffix == ".png")
    for pack, reason in found.result.failed.items():
        _ERR.print(f"pack {pack} failed: {reason}", style="red", markup=False, soft_wrap=True)
    if found.tracked is not None:
        _OUT.print("\nSee the runs in MLflow:", style="bold")
        _OUT.print(f"  {found.tracked.open_command}", highlight=False, soft_wrap=True)
        _OUT.print(f"  then open {found.tracked.page}", highlight=False, soft_wrap=True)
    if found.result.failed:
        raise typer.Exit(1)


@app.command()
def tradeoff(
    runs: Annotated[list[Path], typer.Argument(help="results folders of finished sweeps")],
    x: Annotated[str | None, typer.Option(help="modularity metric on the x axis")] = None,
    out: Annotated[Path, typer.Option(help="where tables and figures go")] = Path("runs/tradeoff"),
    tasks_dir: TasksDir = None,
    plugin: Plugins = None,
) -> None:
    """Make tables and figures from finished sweeps."""
    from bimt_bench.results import comparison

    with _refusing(plugin):
        for found in comparison.compare(runs, x=x, out=out, tasks_dir=tasks_dir):
            trade, task = found.report.tradeoff, found.report.task
            _OUT.print(tables.of_tradeoff(trade, performance=task.performance.kind))
            _print_files([*found.report.figures, found.table])


@app.command()
def doctor(data_dir: DataDir = None, plugin: Plugins = None) -> None:
    """Say what this machine has, what is missing and how to get it."""
    from bimt_bench.app import doctor as checks

    with _refusing(plugin):
        found = checks.checkup(data_dir=data_dir)
        _OUT.print(checks.render(found))
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

    with _refusing(plugin):
        found = pack_speeds(
            task, packs.split(","), device=device, data_dir=data_dir, tasks_dir=tasks_dir
        )
    _OUT.print(listings.of_pack_speeds(task, found))


@contextmanager
def _bar(label: str) -> Iterator:
    """A progress bar; yields what to tell the fraction done."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_ERR, transient=True) as progress:
        shown = progress.add_task(label, total=1.0)
        yield lambda fraction: progress.update(shown, completed=fraction)


def _print_files(files: Iterable[Path]) -> None:
    for file in files:
        _OUT.print(f"  {_short(file)}", highlight=False, soft_wrap=True)


def _short(file: Path) -> str:
    here = Path.cwd()
    return str(file.relative_to(here)) if file.is_relative_to(here) else str(file)
