"""The main path: spec -> plan -> packs -> frame -> trade-offs -> figures and MLflow."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bimt_bench import results, tuning
from bimt_bench.ground import bar, undisturbed
from bimt_bench.plugins import blaming, load_all
from bimt_bench.spec import Configuration, SweepSpec, TaskSpec, asked_for, catalog

if TYPE_CHECKING:
    from rich.console import Console

    from bimt_bench.results import Network, Results, SweepResults, Synced

RESULTS = Path("runs")


@blaming()
def train(
    task: str | TaskSpec,
    configuration: Configuration | Mapping[str, Any] | None = None,
    *,
    seeds: Sequence[int] = (0,),
    steps: int | None = None,
    products: str | None = None,
    device: str = "auto",
    data_dir: Path | None = None,
    tasks_dir: Path | None = None,
    shuffles: int = 20,
    metrics: str | Sequence[str] = "usual",
    plugins: Sequence[str | Path] = (),
    progress: bool | None = None,
    **settings: Any,
) -> "Results":
    """Trains one configuration with some seeds in this process; `.frame` has one row a member.

    The configuration is given whole, as a dict or as keywords (`recipe="l1", strength=3.0`); a
    setting left out takes the task's published value, a recipe left out is BIMT. `steps` (fewer
    than published) and `products` (the precision of matrix products) may stand beside either.
    `metrics`: what is measured: names, families, 'usual' or 'all'; `shuffles`: null-model draws of
    the first round; `plugins`: files or modules with kinds of your own; `progress`: a bar, if
    absent on a terminal or in a notebook. InputError for what is unknown or not allowed.

    >>> found = bimt_bench.train(
    ...     "symbolic/independence", {"recipe": "l1", "strength": 3.0}, seeds=range(2), steps=20
    ... )
    >>> found.frame[["recipe", "strength", "seed"]].values.tolist()
    [['l1', 3.0, 0], ['l1', 3.0, 1]]
    """
    load_all(plugins)
    published = catalog.task(task, tasks_dir) if isinstance(task, str) else task
    asked = asked_for(configuration, settings, {"steps": steps, "products": products})
    with bar(f"{published.name} · {asked.recipe}", shown=progress) as on_progress:
        pack = tuning.train_pack(
            published,
            [asked],
            seeds=seeds,
            device=device,
            data_dir=data_dir,
            shuffles=shuffles,
            metrics=metrics,
            on_progress=on_progress,
        )
    return results.of_pack(pack, data_dir=data_dir)


@blaming()
def sweep(
    spec: SweepSpec | str | Path,
    *,
    results_dir: Path = RESULTS,
    address: str | None = None,
    resume: bool = False,
    resume_as: bool = False,
    fresh: bool = False,
    mixed_versions: bool = False,
    data_dir: Path | None = None,
    tasks_dir: Path | None = None,
    device: str = "auto",
    workers: int | None = None,
    track: bool = True,
    tracking_uri: str | None = None,
    experiment: str | None = None,
    plugins: Sequence[str | Path] = (),
    draw: str = "chosen",
    metrics: str | Sequence[str] | None = None,
    console: "Console | None" = None,
) -> "SweepResults":
    """Runs a sweep (a spec, a YAML file or a shipped name): packs on Ray, runs in MLflow, figures.

    address: of a running Ray cluster, else this machine. resume: go on with a folder of the same
    sweep (mixed_versions: though libraries or device differ); resume_as: go on though the sweep or
    its code has changed, with the packs that still fit; fresh: start again, the old folder renamed.
    workers: packs at a time. tracking_uri, experiment: of MLflow; where it is lost on the way,
    results and figures are made all the same, and a warning says what did not get there. plugins:
    those beside what the sweep names. draw: "chosen" draws the best, the median and the knee of
    each recipe, "all" the median of each configuration too. metrics: names, families, "usual" or
    "all", in the place of what the sweep says is measured. console: where progress goes and what
    takes the place of warnings. Returns what `load` of the results folder does, with the reports.
    Raises InputError before anything is trained: unknown names, sizes that do not fit, a Ray or an
    MLflow that does not answer.

    >>> swept = bimt_bench.sweep("small.yaml", track=False)
    >>> len(swept), swept.best().row["recipe"] in ("vanilla", "bimt")
    (2, True)
    """
    if not isinstance(spec, SweepSpec):
        spec = catalog.sweep(spec)
    # A sweep that goes on may need no Ray at all.
    going_on = resume or resume_as
    begun = nullcontext() if going_on else tuning.ahead(address=address, workers=workers)
    with begun as own:
        with undisturbed():
            from bimt_bench.metrics import asked_as  # brings torch, so not before Ray begins

            results.check_drawn(draw)
            if metrics is not None:
                spec = spec.model_copy(update={"metrics": asked_as(metrics)})
            loaded = load_all([*spec.plugins, *plugins])
            checked = tuning.check(spec, data_dir=data_dir, tasks_dir=tasks_dir)
            chosen = tuning.check_device(device)
            tuning.check_address(address)
            run, tracked = tuning.sweep, results.tracked
            reporter = results.Reporter(draw, data_dir=data_dir, tasks_dir=tasks_dir)
        told = tracked(checked, tracking_uri, experiment=experiment) if track else nullcontext()
        with told as runs:
            result = run(
                checked,
                results_dir=results_dir,
                address=address,
                resume=resume,
                resume_as=resume_as,
                fresh=fresh,
                device=chosen,
                workers=workers,
                mixed_versions=mixed_versions,
                plugins=loaded,
                on_pack=None if runs is None else runs.keep,
                on_task=reporter.task_done,
                console=console,
                own=own,
            )
            found = results.finished(
                checked, result, tracked=runs, reporter=reporter, say=_said_on(console)
            )
    if found.undelivered is not None and console is None:
        warnings.warn(found.undelivered, stacklevel=2)
    return found


def _said_on(console: "Console | None") -> Callable[[str], None]:
    """Says on a console what goes on; to nobody without one."""
    if console is None:
        return lambda _: None
    return lambda line: console.print(line, highlight=False, markup=False, soft_wrap=True)


@blaming()
def sync(
    folder: str | Path,
    *,
    tracking_uri: str | None = None,
    experiment: str | None = None,
    tasks_dir: Path | None = None,
    plugins: Sequence[str | Path] = (),
) -> "Synced":
    """Writes to MLflow what of a finished sweep's folder is not there yet, and nothing twice.

    `plugins`: the sweep's own, which its folder keeps. Returns how many configurations stand there
    now, a task each. InputError for what is no results folder, or where MLflow cannot be used.

    >>> bimt_bench.sync(swept.folder).tasks
    (Delivered(task='symbolic/independence', configurations=2, new=2),)
    >>> bimt_bench.sync(swept.folder).tasks[0].new
    0
    """
    load_all(plugins)
    return results.sync(
        folder, tracking_uri=tracking_uri, experiment=experiment, tasks_dir=tasks_dir
    )


@blaming()
def load(
    path: str | Path,
    *,
    data_dir: Path | None = None,
    tasks_dir: Path | None = None,
    plugins: Sequence[str | Path] = (),
) -> "Results":
    """What was trained before: the folder of a sweep or of `bimt-bench run`, or a frame's file.

    `data_dir`, `tasks_dir`, `plugins`: data, tasks and kinds of your own, if they are needed; the
    plug-ins that a results folder keeps are loaded if you name them. Curves and weights are read
    when asked for. InputError for what holds no results.

    >>> bimt_bench.load(results.save("kept")).best().name
    'BIMT, strength 1, seed 0'
    """
    load_all(plugins)
    return results.load(path, data_dir=data_dir, tasks_dir=tasks_dir)


@blaming()
def load_network(
    folder: str | Path,
    *,
    data_dir: Path | None = None,
    device: str = "cpu",
    plugins: Sequence[str | Path] = (),
) -> "Network":
    """The network whose files `network.save(folder)` wrote; it computes the same, to the bit.

    Its task comes along in the files; the task's data do not (`data_dir`: where files of them lie
    already). `plugins`: files or modules with its kinds, if they are of your own. InputError for a
    folder without such files, for files that are damaged or of a newer format, and for a plug-in
    that is not loaded or has changed.

    >>> files = net.save("my-network")
    >>> again = bimt_bench.load_network("my-network")
    >>> again.member == net.member, bool((again(x) == net(x)).all())
    (True, True)
    """
    load_all(plugins)
    return results.Network.read(folder, data_dir=data_dir, device=device)


def tradeoff(
    frame: "Results | pd.DataFrame | str | Path",
    *,
    task: str | None = None,
    x: str | None = None,
    y: str | None = None,
) -> pd.DataFrame:
    """The trade-off table of results, a frame or a results folder: one row a configuration.

    `task` picks one of several; `x` and `y` name metrics, else each task's axis and performance.
    InputError, with the nearest name, for what is not there.

    >>> bimt_bench.tradeoff(results.frame)[["recipe", "x", "n_seeds"]].values.tolist()
    [['bimt', 'module_excess_cautious', 1]]
    """
    if isinstance(frame, results.Results):
        frame = frame.frame if frame.folder is None else frame.folder
    return results.tradeoff_table(frame, task=task, x=x, y=y)
