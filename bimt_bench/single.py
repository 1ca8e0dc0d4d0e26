"""One configuration trained in this process: its members' scorecards and a drawing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from bimt_bench import catalog, driver, report
from bimt_bench.errors import InputError
from bimt_bench.faults import fault_lines
from bimt_bench.specs import Configuration


@dataclass(frozen=True)
class SingleRun:
    """The frame of a run, one row a member, and the files that were written."""

    frame: pd.DataFrame
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
    out: Path,
    device: str = "auto",
    data_dir: Path | None = None,
    tasks_dir: Path | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> SingleRun:
    """Trains a configuration with seeds 0 .. seeds-1 and writes frame, curves and drawing.

    Files go to `out/<task>-<recipe>-<configuration>/`; an earlier run of the same configuration
    is replaced, as it holds the same numbers.
    """
    published = catalog.task(task, tasks_dir)
    spec = catalog.shorten(published, steps)
    trained = driver.train_pack(
        published,
        [configuration(wanted)],
        seeds=range(seeds),
        steps=steps,
        device=device,
        data_dir=data_dir,
        on_progress=on_progress,
    )
    first = trained.frame.iloc[0]
    name = f"{task.replace('/', '-')}-{first['recipe']}-{first['configuration']}"
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    trained.frame.to_parquet(folder / "frame.parquet")
    trained.curves.to_parquet(folder / "curves.parquet")
    drawings = report.draw_medians(
        spec, trained.frame, trained.weights, folder=folder, data_dir=data_dir
    )
    files = (folder / "frame.parquet", folder / "curves.parquet", *drawings)
    return SingleRun(frame=trained.frame, files=files)
