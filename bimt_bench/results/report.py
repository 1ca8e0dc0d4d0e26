"""What becomes of results: trade-offs, figures and drawings, task by task."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

import numpy as np
import pandas as pd

from bimt_bench import data as task_data
from bimt_bench.engine import Population
from bimt_bench.network import build
from bimt_bench.recipes import resolve
from bimt_bench.results import plots
from bimt_bench.results.choice import median
from bimt_bench.results.columns import plain_cell
from bimt_bench.results.drawn import tradeoff_of
from bimt_bench.results.drawing import NetworkDrawing
from bimt_bench.results.tradeoff import TradeOff
from bimt_bench.results.words import setting_words, title_with_dial, unpublished
from bimt_bench.spec import Configuration, TaskSpec

Weights = Mapping[str, Mapping[str, np.ndarray]]
_TITLE_WIDTH = 44  # letters of a line, bold, across the smallest drawing


@dataclass(frozen=True)
class TaskReport:
    """The trade-off of one task and the files its figures went to."""

    task: TaskSpec
    tradeoff: TradeOff
    figures: tuple[Path, ...]


def task_report(
    task: TaskSpec,
    frame: pd.DataFrame,
    curves: pd.DataFrame,
    *,
    folder: Path,
    x: str | None = None,
) -> TaskReport:
    """The trade-off of one task and its figures, as PNG and PDF in `folder`."""
    found = tradeoff_of(task, frame, x=x)
    figure = plots.tradeoff_figure(
        found, title=found.title, x_label=found.x_title, y_label=found.y_title
    )
    files = plots.save(figure, folder, "tradeoff")
    if (frame["status"] == "ok").any():
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


def published_settings(task: TaskSpec, recipe: str) -> Mapping[str, object]:
    """The settings of a recipe as the task has them, as the frame holds them, by name."""
    return resolve(task, Configuration(recipe=recipe), 0).cells


def drawing_title(row: pd.Series, published: Mapping[str, object]) -> str:
    """What stands above a member's drawing; its settings where they are not the `published` ones.

    They have lines of their own, so that the title stays inside the drawing.
    """
    cells = {str(name): plain_cell(value) for name, value in row.items()}
    own = title_with_dial(row["recipe"], cells["dial"], cells["dial_value"])
    others = setting_words(cells, unpublished(cells, published))
    return "\n".join(
        [
            f"{row['task']}: {own}, seed {row['seed']}",
            *wrap(others, _TITLE_WIDTH),
            f"{row['performance_metric']} {row['performance']:.4g}",
        ]
    )


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
        yield from plots.save(figure, folder, f"network-{row['recipe']}-{configuration}")

