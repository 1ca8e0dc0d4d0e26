"""The main path: spec -> plan -> packs -> frame -> trade-offs -> figures and MLflow."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bimt_bench import results, tuning
from bimt_bench.ground import InputError
from bimt_bench.plugins import blaming, load_all
from bimt_bench.spec import Configuration, SweepSpec, TaskSpec, catalog, configured

if TYPE_CHECKING:
    from rich.console import Console

    from bimt_bench.results import FinishedSweep

RESULTS = Path("runs")


@blaming()
def train(
    task: str | TaskSpec,
    configuration: Configuration | None = None,
    *,
    seeds: Sequence[int] = (0,),
    steps: int | None = None,
    products: str | None = None,
    device: str = "auto",
    data_dir: Path | None = None,
    tasks_dir: Path | None = None,
    shuffles: int = 20,
    plugins: Sequence[str | Path] = (),
    **settings: Any,
) -> pd.DataFrame:
    """Trains one configuration with some seeds in this process; one row a member.

    The configuration is given whole or as keywords (`recipe="l1", strength=3.0`), not both; a
    setting left out takes the task's published value, a recipe left out is BIMT. `steps` (fewer
    than published) and `products` (the precision of matrix products) may stand beside either.
    `shuffles` is the number of null-model draws; `plugins` are files or modules with kinds of your
    own. Raises InputError for what is unknown or not allowed, and where a plug-in goes wrong.
    """
    load_all(plugins)
    published = catalog.task(task, tasks_dir) if isinstance(task, str) else task
    if configuration is not None and settings:
        raise InputError(f"{', '.join(settings)}: give a configuration or settings, not both")
    shared = {k: v for k, v in (("steps", steps), ("products", products)) if v is not None}
    asked = configured({**settings, **shared}, beside=configuration)
    return tuning.train_pack(
        published, [asked], seeds=seeds, device=device, data_dir=data_dir, shuffles=shuffles
    ).frame


@blaming()
def run_sweep(
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
    plugins: Sequence[str | Path] = (),
    console: "Console | None" = None,
) -> "FinishedSweep":
    """Runs a sweep: packs on Ray, runs in MLflow, figures in the results folder.

    What can be refused is refused before anything starts (InputError): unknown names, sizes that do
    not fit, an unreachable Ray or MLflow. `plugins`: those beside what the sweep names.
    """
    if not isinstance(spec, SweepSpec):
        spec = catalog.sweep(spec)
    loaded = load_all([*spec.plugins, *plugins])
    checked = tuning.check(spec, data_dir=data_dir, tasks_dir=tasks_dir)
    chosen = tuning.check_device(device)
    tuning.check_address(address)
    tracking = results.tracked(checked, tracking_uri, data_dir=data_dir) if track else nullcontext()
    with tracking as runs:
        result = tuning.sweep(
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
            console=console,
        )
        return results.FinishedSweep(result, results.task_reports(checked, result, runs), runs)


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
    plugins: Sequence[str | Path] = (),
) -> pd.DataFrame:
    """Runs a sweep, given as a spec, a YAML file or a shipped name; one row a member.

    address: of a running Ray cluster, else this machine. resume: go on with a folder of the same
    sweep (mixed_versions: though libraries or device differ); resume_as: go on though the sweep
    or its code has changed, with the packs that still fit; fresh: start again, the old folder
    renamed. workers: packs at a time. Errors as `run_sweep`.
    """
    return run_sweep(
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
        plugins=plugins,
    ).result.frame


def tradeoff(
    frame: pd.DataFrame | str | Path, *, task: str | None = None, x: str | None = None
) -> pd.DataFrame:
    """The trade-off table of a frame or of a sweep's results folder: one row a configuration.

    `task` picks one of several; `x` names the modularity metric, else each task's own.
    """
    return results.tradeoff_table(frame, task=task, x=x)
