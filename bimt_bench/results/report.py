"""What becomes of results: trade-offs, figures, drawings and MLflow runs, task by task."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from bimt_bench import data as task_data
from bimt_bench.engine import Population
from bimt_bench.network import build
from bimt_bench.results import plots
from bimt_bench.results.choice import median
from bimt_bench.results.drawing import NetworkDrawing
from bimt_bench.results.drawn import tradeoff_of
from bimt_bench.results.gallery import Drawn
from bimt_bench.results.titles import drawing_title, published_settings
from bimt_bench.results.tracking import Tracker
from bimt_bench.results.tradeoff import Hypervolume, TradeOff
from bimt_bench.spec import TaskSpec

Weights = Mapping[str, Mapping[str, np.ndarray]]


@dataclass(frozen=True)
class TaskReport:
    """The trade-off of one task, the files its figures went to, and the networks drawn."""

    task: TaskSpec
    tradeoff: TradeOff
    figures: tuple[Path, ...]
    drawings: tuple[Drawn, ...] = ()

    @property
    def shown(self) -> tuple[Path, ...]:
        """The figures that anything can show: PNG."""
        drawn = [file for one in self.drawings for file in one.files]
        return tuple(file for file in (*self.figures, *drawn) if file.suffix == ".png")


def task_report(
    task: TaskSpec,
    frame: pd.DataFrame,
    curves: pd.DataFrame | None,
    *,
    folder: Path,
    x: str | None = None,
    y: str | None = None,
) -> TaskReport:
    """The trade-off of one task and its figures, as PNG and PDF in `folder`.

    `x` and `y` name metrics, else the task's modularity axis and performance.
    Learning curves are drawn where they were kept.
    """
    found = tradeoff_of(task, frame, x=x, y=y)
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
        drawn = [file for one in report.drawings for file in one.files]
        parent = self.parent(report.task.name)
        self.tracker.draw(
            parent, {one.configuration: one.files[0] for one in reversed(report.drawings)}
        )
        self.tracker.finish_task(
            parent, found.table(), figures=[*report.figures, *drawn], metrics=metrics
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
        self.tracker.log_configuration(
            self.parent(task.name),
            rows,
            curves,
            published=published_settings(task, str(rows["recipe"].iloc[0])),
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
