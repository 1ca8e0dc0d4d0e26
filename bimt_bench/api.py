"""What the command line and the Python calls do: train a pack, run a sweep, read its results."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch

from bimt_bench import data as task_data
from bimt_bench import recipes
from bimt_bench.errors import InputError
from bimt_bench.identity import pack_digest
from bimt_bench.network import build, geometry
from bimt_bench.packs import PackResult, run_pack
from bimt_bench.provenance import circumstances, environment
from bimt_bench.results import SweepTracking, TaskReport, read_frame, task_report, tradeoff_table
from bimt_bench.results.tracking import Tracker, open_command
from bimt_bench.spec import Configuration, SweepSpec, TaskSpec, catalog
from bimt_bench.tuning import check, headroom

if TYPE_CHECKING:
    from rich.console import Console

    from bimt_bench.tuning import SweepResult

RESULTS = Path("runs")


def train_pack(
    task: str | TaskSpec,
    configurations: Sequence[Configuration],
    *,
    seeds: Sequence[int] = (0,),
    steps: int | None = None,
    products: str | None = None,
    device: str = "auto",
    data_dir: Path | None = None,
    shuffles: int = 20,
    on_progress: Callable[[float], None] | None = None,
) -> PackResult:
    """Trains configurations x seeds as one pack: frame, learning curves and weights."""
    published = catalog.task(task) if isinstance(task, str) else task
    spec = published
    data = task_data.load(spec.data, data_dir=data_dir)
    given = {k: v for k, v in (("steps", steps), ("products", products)) if v is not None}
    configurations = [c.model_copy(update=given) for c in configurations]
    members = [recipes.resolve(spec, c, seed) for c in configurations for seed in seeds]
    for member in members:
        geometry.group_coordinates(member.geometry, build(spec, data).wiring)
    chosen = pick_device(device)
    found = run_pack(
        spec,
        members,
        data_dir=data_dir,
        device=chosen,
        shuffles=shuffles,
        memory_limit=headroom.free(chosen),
        on_progress=on_progress,
    )
    digest = pack_digest(spec, members, circumstances=circumstances(chosen.partition(":")[0]))
    return replace(found, frame=found.frame.assign(pack=digest))


def pick_device(device: str) -> str:
    """'auto' -> the GPU if there is one; InputError for a device this machine lacks."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" or (device.startswith("cuda") and torch.cuda.is_available()):
        return device
    raise InputError(f"device: '{device}' is not on this machine; use auto, cpu or cuda")


@dataclass(frozen=True)
class FinishedSweep:
    """A sweep with its reports, a task each, and where MLflow shows it (None: not tracked)."""

    result: "SweepResult"
    reports: tuple[TaskReport, ...]
    open_command: str | None
    page: str | None


def run_sweep(
    spec: SweepSpec | str | Path,
    *,
    results_dir: Path = RESULTS,
    address: str | None = None,
    resume: bool = False,
    fresh: bool = False,
    mixed_versions: bool = False,
    data_dir: Path | None = None,
    tasks_dir: Path | None = None,
    device: str = "auto",
    workers: int | None = None,
    track: bool = True,
    tracking_uri: str | None = None,
    console: "Console | None" = None,
) -> FinishedSweep:
    """Runs a sweep: packs on Ray, runs in MLflow, figures in the results folder.

    Everything that can be refused is refused before anything is started (InputError): unknown
    names, sizes that do not fit, an unreachable Ray address or MLflow server.
    """
    from bimt_bench.tuning import runner, session  # ray takes seconds to load

    if not isinstance(spec, SweepSpec):
        spec = catalog.sweep(spec, folder=tasks_dir)
    checked = check(spec, data_dir=data_dir, tasks_dir=tasks_dir)
    session.check_address(address)
    tracker = Tracker.open(tracking_uri) if track else None
    tracking = None
    if tracker is not None:
        tracking = SweepTracking(
            tracker,
            sweep_name=spec.name,
            sweep_digest=runner.sweep_digest(checked),
            spec_text=catalog.dump(spec),
            environment=environment(),
            seeds=spec.seeds,
            data_dir=data_dir,
        )
    try:
        result = runner.sweep(
            spec,
            results_dir=results_dir,
            address=address,
            resume=resume,
            fresh=fresh,
            mixed_versions=mixed_versions,
            data_dir=data_dir,
            tasks_dir=tasks_dir,
            device=device,  # pyright: ignore[reportArgumentType]
            workers=workers,
            console=console,
            on_pack=None
            if tracking is None
            else lambda task, pack: tracking.pack_done(task, pack.frame, pack.curves, pack.weights),
        )
        reports = []
        for swept in checked.tasks:
            task = swept.spec
            frame = result.frame[result.frame["task"] == task.name]
            if frame.empty:
                continue
            folder = result.folder / "figures" / task.name.replace("/", "-")
            reports.append(task_report(task, frame, result.curves, folder=folder))
            if tracking is not None:
                tracking.finish(reports[-1], frame)
    except BaseException:
        if tracking is not None:
            tracking.fail()
        raise
    return FinishedSweep(
        result=result,
        reports=tuple(reports),
        open_command=open_command(tracking_uri) if tracker is not None else None,
        page=tracker.page() if tracker is not None else None,
    )


def train(
    task: str | TaskSpec,
    configuration: Configuration | None = None,
    *,
    seeds: Sequence[int] = (0,),
    steps: int | None = None,
    products: str | None = None,
    device: str = "auto",
    data_dir: Path | None = None,
    shuffles: int = 20,
) -> pd.DataFrame:
    """Trains one configuration with some seeds in this process; one row a member.

    `configuration` is BIMT at the task's published settings if absent; `steps` shortens the
    task; `products` is the precision of matrix products in training ("float32" or "bfloat16",
    the task's own if absent); `shuffles` is the number of null-model draws. Raises InputError
    for an unknown task, recipe, geometry or precision.
    """
    return train_pack(
        task,
        [configuration or Configuration()],
        seeds=seeds,
        steps=steps,
        products=products,
        device=device,
        data_dir=data_dir,
        shuffles=shuffles,
    ).frame


def sweep(spec: SweepSpec | str | Path, **options: Any) -> pd.DataFrame:
    """Runs a sweep, given as a spec, a YAML file or a shipped name; one row a member.

    Options are those of `bimt_bench.run_sweep`: results_dir, address, resume, fresh,
    tracking_uri, track, workers, device, data_dir, tasks_dir.
    """
    return run_sweep(spec, **options).result.frame


def tradeoff(
    frame: pd.DataFrame | str | Path, *, task: str | None = None, x: str | None = None
) -> pd.DataFrame:
    """The trade-off table of a frame or of a sweep's results folder: one row a configuration.

    `task` picks one of several; `x` names the modularity metric instead of each task's own.
    """
    if not isinstance(frame, pd.DataFrame):
        frame = read_frame(Path(frame))
    return tradeoff_table(frame, task=task, x=x)
