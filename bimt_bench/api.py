"""The Python calls: train, sweep, tradeoff. All return pandas frames; nothing heavy loads early."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from bimt_bench.specs import Configuration, SweepSpec, TaskSpec


def train(
    task: "str | TaskSpec",
    configuration: "Configuration | None" = None,
    *,
    seeds: Sequence[int] = (0,),
    steps: int | None = None,
    products: str | None = None,
    device: str = "auto",
    data_dir: Path | None = None,
    shuffles: int = 20,
) -> "pd.DataFrame":
    """Trains one configuration with some seeds in this process; one row a member.

    `configuration` is BIMT at the task's published settings if absent; `steps` shortens the
    task; `products` is the precision of matrix products in training ("float32" or "bfloat16",
    the task's own if absent); `shuffles` is the number of null-model draws. Raises InputError
    for an unknown task, recipe, geometry or precision.
    """
    from bimt_bench import driver
    from bimt_bench.specs import Configuration

    return driver.train_pack(
        task,
        [configuration or Configuration()],
        seeds=seeds,
        steps=steps,
        products=products,
        device=device,
        data_dir=data_dir,
        shuffles=shuffles,
    ).frame


def sweep(spec: "SweepSpec | str | Path", **options: Any) -> "pd.DataFrame":
    """Runs a sweep, given as a spec, a YAML file or a shipped name; one row a member.

    Options are those of `bimt_bench.driver.run_sweep`: results_dir, address, resume, fresh,
    tracking_uri, track, workers, device, data_dir, tasks_dir.
    """
    from bimt_bench import driver

    return driver.run_sweep(spec, **options).result.frame


def tradeoff(
    frame: "pd.DataFrame | str | Path", *, task: str | None = None, x: str | None = None
) -> "pd.DataFrame":
    """The trade-off table of a frame or of a sweep's results folder: one row a configuration.

    `task` picks one of several; `x` names the modularity metric instead of each task's own.
    """
    import pandas as pd

    from bimt_bench import driver

    if not isinstance(frame, pd.DataFrame):
        frame = driver.read_frame(Path(frame))
    return driver.tradeoff_table(frame, task=task, x=x)
