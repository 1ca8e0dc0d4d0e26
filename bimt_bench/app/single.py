"""One configuration trained in this process: its members' scorecards and a drawing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from bimt_bench import api
from bimt_bench import data as task_data
from bimt_bench.errors import InputError
from bimt_bench.metrics import omissions_line
from bimt_bench.packs import PackResult
from bimt_bench.recipes import resolve
from bimt_bench.results import read_frame, report
from bimt_bench.spec import Configuration, TaskSpec, catalog, fault_lines

VANILLA = "vanilla"


@dataclass(frozen=True)
class SingleRun:
    """The frame of a run, one row a member, and the files that were written.

    baseline: the rows of a vanilla run of the same task and length, if there is one.
    omissions: which metrics the task cannot have, and why, in a line; None if it has them all.
    """

    frame: pd.DataFrame
    baseline: pd.DataFrame | None
    omissions: str | None
    files: tuple[Path, ...]


def configuration(wanted: Mapping[str, object]) -> Configuration:
    """A configuration from field values; InputError that lists every fault, a line each."""
    try:
        return Configuration.model_validate(dict(wanted))
    except ValidationError as error:
        raise InputError("; ".join(fault_lines(error, Configuration, dict(wanted)))) from None


def run(
    task: str,
    wanted: Mapping[str, object],
    *,
    seeds: int,
    steps: int | None = None,
    products: str | None = None,
    out: Path,
    device: str = "auto",
    data_dir: Path | None = None,
    tasks_dir: Path | None = None,
    with_vanilla: bool = False,
    on_progress: Callable[[float], None] | None = None,
) -> SingleRun:
    """Trains a configuration with seeds 0 .. seeds-1 and writes frame, curves and drawing.

    Files go to `out/<task>-<recipe>-<configuration>/`; an earlier run of the same configuration
    is replaced, as it holds the same numbers. `with_vanilla` trains the vanilla baseline in the
    same pack; without it an earlier vanilla run in `out` serves.
    """
    spec = catalog.task(task, tasks_dir)
    chosen = configuration(wanted)
    beside = with_vanilla and chosen.recipe != VANILLA
    baselines = [Configuration(recipe=VANILLA)] if beside else []
    trained = api.train_pack(
        spec,
        [chosen, *baselines],
        seeds=range(seeds),
        steps=steps,
        products=products,
        device=device,
        data_dir=data_dir,
        on_progress=on_progress,
    )
    given = {k: v for k, v in (("steps", steps), ("products", products)) if v is not None}
    own = resolve(spec, chosen.model_copy(update=given), 0).configuration
    files = [
        file
        for name, frame in trained.frame.groupby("configuration", sort=False)
        for file in _write(spec, trained, frame, out=out, data_dir=data_dir)
        if name == own
    ]
    frame = trained.frame[trained.frame["configuration"] == own].reset_index(drop=True)
    return SingleRun(
        frame=frame,
        baseline=_baseline(out, frame),
        omissions=omissions_line(spec, task_data.load(spec.data, data_dir=data_dir)),
        files=tuple(files),
    )


def _write(
    spec: TaskSpec, trained: PackResult, frame: pd.DataFrame, *, out: Path, data_dir: Path | None
) -> tuple[Path, ...]:
    """The files of one configuration in its own folder."""
    first = frame.iloc[0]
    folder = out / f"{_stem(first['task'])}-{first['recipe']}-{first['configuration']}"
    folder.mkdir(parents=True, exist_ok=True)
    curves = trained.curves[trained.curves["member"].isin(frame["member"])]
    frame.to_parquet(folder / "frame.parquet")
    curves.to_parquet(folder / "curves.parquet")
    drawings = report.draw_medians(spec, frame, trained.weights, folder=folder, data_dir=data_dir)
    return (folder / "frame.parquet", folder / "curves.parquet", *drawings)


def _baseline(out: Path, frame: pd.DataFrame) -> pd.DataFrame | None:
    """The trained rows of the vanilla run in `out` with the most seeds; None if there is none.

    Only of the same version of the task at the same length.
    """
    first = frame.iloc[0]
    if first["recipe"] == VANILLA:
        return None
    found = []
    for file in sorted(out.glob(f"{_stem(first['task'])}-{VANILLA}-*/frame.parquet")):
        rows = read_frame(file)
        same = (rows["task_digest"] == first["task_digest"]) & (rows["status"] == "ok")
        found.append(rows[same])
    most = max(found, key=len, default=None)
    return None if most is None or most.empty else most


def _stem(task: object) -> str:
    return str(task).replace("/", "-")
