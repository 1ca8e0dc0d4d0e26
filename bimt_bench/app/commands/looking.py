"""What becomes of results: `tradeoff`, `draw`, `export`, and `metrics RUN`."""

from pathlib import Path
from typing import Annotated

import typer

from bimt_bench.app import terminal
from bimt_bench.app.terminal import (
    DataDir,
    Plugins,
    TasksDir,
    print_files,
    refusing,
)
from bimt_bench.ground import InputError, closest

Run = Annotated[
    Path, typer.Argument(help="the results folder of a sweep or a run, or a frame's file")
]


def add_looking(app: typer.Typer) -> None:
    """Adds the commands that read results."""
    app.command()(tradeoff)
    app.command()(draw)
    app.command()(export)


def tradeoff(
    runs: Annotated[list[Path], typer.Argument(help="results folders, or Parquet files of frames")],
    task: Annotated[str | None, typer.Option(help="of one task; of each if absent")] = None,
    x: Annotated[str | None, typer.Option(help="metric on the x axis; the task's own")] = None,
    y: Annotated[str | None, typer.Option(help="metric on the y axis; performance")] = None,
    corner: Annotated[
        str, typer.Option(help="what volumes are counted from: task, nadir, or two numbers X,Y")
    ] = "task",
    out: Annotated[Path, typer.Option(help="where tables and figures go")] = Path("runs/tradeoff"),
    tasks_dir: TasksDir = None,
    plugin: Plugins = None,
) -> None:
    """Make tables and figures from finished sweeps: any metric against any other."""
    from bimt_bench.app import given, tables
    from bimt_bench.results import comparison

    with refusing(plugin):
        compared = comparison.compare(
            runs,
            task=task,
            x=x,
            y=y,
            corner=given.corner(corner),
            out=out,
            tasks_dir=tasks_dir,
        )
        for found in compared:
            report = found.report
            measure = report.task.performance.kind
            terminal.OUT.print(tables.of_tradeoff(report.tradeoff, performance=measure))
            if report.tradeoff.note:
                terminal.OUT.print(report.tradeoff.note, highlight=False, markup=False)
            if len(report.tradeoff.lines) > 1:
                terminal.OUT.print(tables.of_recipes_compared(report.tradeoff))
            print_files([*report.figures, *found.tables])


def draw(
    run: Run,
    member: Annotated[
        str | None,
        typer.Argument(help="best, median, knee, or a member's digest or the start of one"),
    ] = None,
    task: Annotated[str | None, typer.Option(help="of one task")] = None,
    recipe: Annotated[str | None, typer.Option(help="of one recipe")] = None,
    out: Annotated[
        Path | None, typer.Option(help="where drawings go; RUN/figures/TASK if absent")
    ] = None,
    format: Annotated[str, typer.Option(help="png, svg, pdf, or several: png,svg")] = "png,svg",  # noqa: A002 - the option's name
    data_dir: DataDir = None,
    tasks_dir: TasksDir = None,
    plugin: Plugins = None,
) -> None:
    """Draw networks: one member, or the best, the median and the knee of each recipe."""
    from bimt_bench import results
    from bimt_bench.app import given

    with refusing(plugin):
        held = results.load(run, data_dir=data_dir, tasks_dir=tasks_dir)
        formats = given.names([format])
        print_files(
            held.save_drawings(member, task=task, recipe=recipe, folder=out, formats=formats)
        )


def export(
    run: Run,
    member: Annotated[
        str, typer.Argument(help="best, median, knee, or a member's digest or the start of one")
    ],
    task: Annotated[str | None, typer.Option(help="of one task")] = None,
    recipe: Annotated[str | None, typer.Option(help="of one recipe")] = None,
    onnx: Annotated[bool, typer.Option("--onnx", help="network.onnx too")] = False,
    out: Annotated[
        Path | None, typer.Option(help="folder of the files; network-MEMBER if absent")
    ] = None,
    data_dir: DataDir = None,
    tasks_dir: TasksDir = None,
    plugin: Plugins = None,
) -> None:
    """Write a member's network as files that need nothing of this project: docs/export.md."""
    from bimt_bench import results

    with refusing(plugin):
        held = results.load(run, data_dir=data_dir, tasks_dir=tasks_dir)
        network = held.network(member, task=task, recipe=recipe)
        folder = Path(f"network-{network.member}") if out is None else out
        print_files(network.export(folder, onnx=onnx))


def score(
    run: Run,
    metrics: Annotated[
        list[str] | None,
        typer.Option("--metrics", help="names, families or usual, a,b or repeated; all if absent"),
    ] = None,
    members: Annotated[
        list[str] | None,
        typer.Option("--members", help="all, front, best, median, knee, or digests"),
    ] = None,
    data_dir: DataDir = None,
    tasks_dir: TasksDir = None,
    plugin: Plugins = None,
) -> None:
    """Measure stored weights again, or by further metrics, into RUN/metrics.parquet.

    The frame stays as it is; trade-offs find the further metrics there.
    """
    from bimt_bench import results
    from bimt_bench.app import given, tables
    from bimt_bench.metrics import METRICS

    with refusing(plugin):
        if not run.exists() and (str(run) in METRICS or closest(str(run), METRICS)):
            raise InputError(
                f"run: there is no '{run}'; a metric is shown by: bimt-bench metrics show {run}"
            )
        held = results.load(run, data_dir=data_dir, tasks_dir=tasks_dir)
        who = given.names(members) or ["all"]
        found = held.score(*given.names(metrics), members=who[0] if len(who) == 1 else who)
        terminal.OUT.print(tables.of_scores(found))
        if held.folder is not None:
            print_files([held.folder / results.SCORES])
