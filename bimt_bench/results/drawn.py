"""The trade-off of a task that is known: its axes have names, and it draws itself."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import pandas as pd

from bimt_bench.ground import InputError
from bimt_bench.metrics import METRICS, Metric, direction, is_unmeasured
from bimt_bench.results import plots
from bimt_bench.results.corner import Corner, corner_of
from bimt_bench.results.tradeoff import TradeOff, tradeoff
from bimt_bench.spec import MEASURES, TaskSpec, results_in, told_searched_on

# Axes that shipped tasks had before: what older results were scored on, the later ones first.
_EARLIER = ("cross_cluster_mass", "modularity_q")


@dataclass(frozen=True)
class DrawnTradeOff(TradeOff):
    """A trade-off with the words of its figure: the task's title, and those of its axes.

    `note` says where another axis stands in the place of the task's, which was not measured.
    """

    title: str = ""
    x_title: str = ""
    y_title: str = ""
    note: str = ""

    def plot(
        self, ax: plots.Axes | None = None, *, title: str | None = None, legend: bool = True
    ) -> plots.Axes:
        """Draws it on `ax`, or on a new figure, and returns the axes; `title` in place of its own.

        A new figure, which a notebook shows, has words about seeds above the axes and the whole
        legend below them. On `ax` the legend is short; `legend=False` leaves it out.

        >>> results.tradeoff().plot(plt.gca(), title="Mine").get_title(loc="left")
        'Mine'
        """
        return plots.tradeoff_axes(
            self,
            ax,
            title=self.title if title is None else title,
            x_label=self.x_title,
            y_label=self.y_title,
            legend=legend,
        )


def axis_of(task: TaskSpec, frame: pd.DataFrame) -> str:
    """The task's modularity axis; where that was not measured, one that tasks had before."""
    held = (task.modularity_axis, *_EARLIER)
    return next((name for name in held if name in frame), task.modularity_axis)


def tradeoff_of(
    task: TaskSpec,
    frame: pd.DataFrame,
    *,
    x: str | None = None,
    y: str | None = None,
    corner: Corner = "task",
) -> DrawnTradeOff:
    """The trade-off of a task's rows, of performance on its own modularity axis if not told.

    `x` and `y` name metrics, `corner` is what volumes are counted from (see `corner_of`). Members
    of whom they were not measured are left out, and `without` says how many; those that a search
    trained on a part of the data are left out too. Rows that were scored before the task's axis
    existed are put on an earlier one, which `note` says. InputError for an unknown metric, one that
    the frame has no column of, and where no member is a result.
    """
    frame = results_in(frame)
    if frame.empty:
        raise InputError(
            f"frame: no member of '{task.name}' is trained on all data; the search found none"
        )
    axis = METRICS.get_kind(x or axis_of(task, frame))
    own = task.modularity_axis
    goal = METRICS.get_kind(y or "performance")
    members = len(frame)
    for side, one in (("x", axis), ("y", goal)):
        frame = _measured(frame, one, side)
    measure = task.performance.kind
    reference, words = corner_of(task, frame, x=axis.name, y=goal.name, corner=corner)
    found = tradeoff(
        frame,
        x=axis.name,
        x_direction=direction(axis.name, measure),
        y=goal.name,
        y_direction=direction(goal.name, measure),
        reference=reference,
        corner=words,
        trivial=_trivial(frame) if goal.name == "performance" else None,
        searched_on=told_searched_on(frame),
    )
    found = replace(found, without=members - len(frame))
    held: Mapping[str, Any] = {field.name: getattr(found, field.name) for field in fields(found)}
    title = MEASURES.get_kind(measure).title if goal.name == "performance" else goal.title
    return DrawnTradeOff(
        **held,
        title=task.title,
        x_title=f"{axis.title} (v{found.x_version})",
        y_title=title,
        note="" if x or axis.name == own else _instead(own, axis.name),
    )


def _instead(own: str, axis: str) -> str:
    return (
        f"these results lack the task's axis, {own}: {axis} stands in its place; where weights "
        f"were kept, bimt-bench metrics RUN --metrics {own} measures it"
    )


def _measured(frame: pd.DataFrame, one: Metric, side: str) -> pd.DataFrame:
    """The rows of configurations of which a metric was measured; InputError if it never was.

    A configuration that was left out takes its diverged members along.
    """
    has_column = one.name in frame
    is_open = is_unmeasured(frame, one.name)
    is_ok = frame["status"] == "ok"
    if not has_column or (one.need is None and is_ok.any() and is_open[is_ok].all()):
        raise InputError(
            f"{side}: '{one.name}' was not measured in these results; where weights were kept, "
            f"bimt-bench metrics RUN --metrics {one.name} does"
        )
    if not is_open.any() or is_open[is_ok].all():
        return frame
    known = set(frame.loc[is_ok & ~is_open, "configuration"])
    left_out = set(frame.loc[is_open, "configuration"]) - known
    return frame[~is_open & ~frame["configuration"].isin(left_out)]


def _trivial(frame: pd.DataFrame) -> float | None:
    """What the trivial predictor reaches, as the members' data say; None in older frames."""
    if "trivial_performance" not in frame:
        return None
    held = frame["trivial_performance"].dropna()
    return None if held.empty else float(held.iloc[0])
