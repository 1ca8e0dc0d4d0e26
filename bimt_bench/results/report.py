"""What becomes of results: trade-offs, figures and drawings, task by task."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bimt_bench import data as task_data
from bimt_bench.engine import Population
from bimt_bench.network import build
from bimt_bench.results import plots
from bimt_bench.results.choice import median
from bimt_bench.results.corner import Corner
from bimt_bench.results.drawing import NetworkDrawing
from bimt_bench.results.drawn import DrawnTradeOff, tradeoff_of
from bimt_bench.results.gallery import PIXELS, Drawn
from bimt_bench.results.titles import drawing_title, published_settings
from bimt_bench.spec import TaskSpec, results_in

Weights = Mapping[str, Mapping[str, np.ndarray]]


@dataclass(frozen=True)
class TaskReport:
    """The trade-off of one task, the files its figures went to, and the networks drawn."""

    task: TaskSpec
    tradeoff: DrawnTradeOff
    figures: tuple[Path, ...]
    drawings: tuple[Drawn, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """The figures, and the drawings that stand for a recipe."""
        return (*self.figures, *(file for one in self.drawings for file in one.of_recipe))


def task_report(
    task: TaskSpec,
    frame: pd.DataFrame,
    curves: pd.DataFrame | None,
    *,
    folder: Path,
    x: str | None = None,
    y: str | None = None,
    corner: Corner = "task",
) -> TaskReport:
    """The trade-off of one task and its figures, as PNG and PDF in `folder`.

    `x` and `y` name metrics, else the task's modularity axis and performance.
    Learning curves are drawn where they were kept.
    """
    frame = results_in(frame)
    found = tradeoff_of(task, frame, x=x, y=y, corner=corner)
    figure = plots.tradeoff_figure(
        found, title=found.title, x_label=found.x_title, y_label=found.y_title
    )
    files = plots.save(figure, folder, "tradeoff")
    if curves is not None and (frame["status"] == "ok").any():
        members = curves[curves["member"].isin(frame["member"])]
        learning = plots.curves_figure(members, frame, title=task.title)
        files += plots.save(learning, folder, "curves")
    return TaskReport(task=task, tradeoff=found, figures=tuple(files))


def drawing_of(
    task: TaskSpec, arrays: Mapping[str, np.ndarray], *, data_dir: Path | None = None
) -> NetworkDrawing:
    """One member's drawing from its arrays (`PackResult.weights[member]`)."""
    data = task_data.load(task.data, data_dir=data_dir)
    population = Population.of(build(task, data), [arrays])
    return NetworkDrawing.of(population, data.input_names, data.output_names)


def draw_medians(
    task: TaskSpec,
    frame: pd.DataFrame,
    weights: Weights,
    *,
    folder: Path,
    data_dir: Path | None = None,
) -> Iterator[Path]:
    """Draws the network of the median seed of each configuration of a frame, as PNG and PDF."""
    for configuration, rows in frame.groupby("configuration", sort=False):
        chosen = median(rows)
        if chosen is None or chosen not in weights:
            continue
        row = rows[rows["member"] == chosen].iloc[0]
        drawing = drawing_of(task, weights[chosen], data_dir=data_dir)
        published = published_settings(task, str(row["recipe"]))
        figure = plots.network_figure(drawing, title=drawing_title(row, published))
        name = f"network-{row['recipe']}-{configuration}"
        yield from plots.save(figure, folder, name, pixels=PIXELS)
