"""What becomes of results: trade-offs, figures, drawings and MLflow runs, task by task."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
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
from bimt_bench.results.drawing import NetworkDrawing
from bimt_bench.results.drawn import tradeoff_of
from bimt_bench.results.tracking import Tracker
from bimt_bench.results.tradeoff import Hypervolume, TradeOff
from bimt_bench.results.words import setting_words, title_with_dial, unpublished
from bimt_bench.spec import Configuration, TaskSpec

Weights = Mapping[str, Mapping[str, np.ndarray]]
_DRAWING_DPI = 110
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


@dataclass
class SweepTracking:
    """Logs a sweep to MLflow as its packs finish: a parent a task, a child a configuration."""

    tracker: Tracker
    sweep_name: str
    sweep_digest: str
    spec_text: str
    environment: Mapping[str, object]
    seeds: Sequence[int]
    data_dir: Path | None = None
    parents: dict[str, str] = field(default_factory=dict)
    _waiting: dict[str, list[tuple[pd.DataFrame, pd.DataFrame, Weights]]] = field(
        default_factory=dict
    )

    def pack_done(
        self, task: TaskSpec, frame: pd.DataFrame, curves: pd.DataFrame, weights: Weights
    ) -> None:
        """Logs the configurations whose seeds are complete with this pack."""
        for configuration, rows in frame.groupby("configuration", sort=False):
            parts = self._waiting.setdefault(str(configuration), [])
            parts.append((rows, curves[curves["member"].isin(rows["member"])], weights))
            if sum(len(part[0]) for part in parts) >= len(self.seeds):
                self._log(task, self._waiting.pop(str(configuration)))

    def finish(self, report: TaskReport, frame: pd.DataFrame) -> None:
        """Completes a task's parent: table, figures, hypervolumes, sizes of fronts."""
        found = report.tradeoff
        metrics = {
            **_volumes(found.hypervolume),
            "front_size": float(len(found.front)),
            "members": float(found.members),
            "diverged": float(found.diverged),
            "seconds": float(frame["seconds"].sum()),
        }
        for line in found.lines:
            metrics[f"hypervolume/{line.recipe}"] = line.hypervolume.value
            metrics[f"front/{line.recipe}"] = float(sum(p.on_front for p in line.points))
        self.tracker.finish_task(
            self.parent(report.task.name),
            found.table(),
            figures=report.figures,
            metrics=metrics,
        )

    def fail(self) -> None:
        """Marks what was begun as failed; a resumed sweep takes it up again."""
        for parent in self.parents.values():
            self.tracker.fail(parent)

    def parent(self, task: str) -> str:
        """The run of a task, started when first asked for."""
        if task not in self.parents:
            self.parents[task] = self.tracker.start_task(
                task,
                self.sweep_name,
                sweep_digest=self.sweep_digest,
                spec_text=self.spec_text,
                environment=self.environment,
            )
        return self.parents[task]

    def _log(self, task: TaskSpec, parts: list[tuple[pd.DataFrame, pd.DataFrame, Weights]]) -> None:
        rows = pd.concat([part[0] for part in parts], ignore_index=True)
        curves = pd.concat([part[1] for part in parts], ignore_index=True)
        published = published_settings(task, str(rows["recipe"].iloc[0]))
        chosen = median(rows)
        drawing = None
        if chosen is not None:
            arrays = next(part[2][chosen] for part in parts if chosen in part[2])
            title = drawing_title(rows[rows["member"] == chosen].iloc[0], published)
            drawing = _png(drawing_of(task, arrays, data_dir=self.data_dir), title)
        self.tracker.log_configuration(
            self.parent(task.name),
            rows,
            curves,
            published=published,
            drawing=drawing,
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


def _volumes(found: Hypervolume) -> dict[str, float]:
    """The figures of a volume that are known; a single seed has the raw one alone."""
    named = {
        "hypervolume": found.value,
        "hypervolume_low": found.h_low,
        "hypervolume_high": found.h_high,
        "hypervolume_raw": found.raw,
        "hypervolume_smoothed": found.m,
    }
    return {name: value for name, value in named.items() if math.isfinite(value)}


def _png(drawing: NetworkDrawing, title: str) -> bytes:
    buffer = BytesIO()
    figure = plots.network_figure(drawing, title=title)
    figure.savefig(buffer, format="png", dpi=_DRAWING_DPI, metadata={"Software": None})
    return buffer.getvalue()
