"""Learning curves that know whose they are, and draw themselves."""

from typing import Any

import pandas as pd

from bimt_bench.results import plots
from bimt_bench.results.frames import in_frame, only_task
from bimt_bench.spec import results_in

_USUAL = "test_loss"


class Curves(pd.DataFrame):
    """Learning curves, one row a member and evaluation: a DataFrame with a `plot` of its own.

    Columns: member, step, and what was logged then. `members` is the frame of the members, kept by
    whatever pandas makes of the curves. What pandas' own `plot` does, `pd.DataFrame(curves).plot`
    still does.
    """

    _metadata = ["members"]  # noqa: RUF012 - as pandas asks for it
    members: pd.DataFrame

    @classmethod
    def of(cls, curves: pd.DataFrame, frame: pd.DataFrame) -> "Curves":
        """The curves of the members of a frame."""
        found = cls(curves)
        found.members = frame
        return found

    @property
    def _constructor(self) -> type["Curves"]:
        return Curves

    def plot(  # pyright: ignore[reportIncompatibleMethodOverride, reportIncompatibleVariableOverride]
        self,
        ax: plots.Axes | None = None,
        *,
        y: str = _USUAL,
        task: str | None = None,
        title: str | None = None,
        legend: bool = True,
    ) -> plots.Axes:
        """Draws one quantity against steps, by recipe, on `ax` or a new figure; returns the axes.

        Each recipe shows in full, with the 95 % band of its seed mean, the configuration whose
        dial is nearest to its default; the others are thin lines. Of several tasks `task` names
        one. A new figure is what a notebook shows; `legend=False` leaves the legend out. InputError
        for a task or a column that is not there, and where no member finished.

        >>> results.curves.plot(plt.gca(), y="performance").get_xlabel()
        'step'
        """
        members: Any = getattr(self, "members", None)
        frame = pd.DataFrame() if members is None else members
        names = [str(name) for name in frame["task"].unique()] if "task" in frame else []
        chosen = only_task(names) if task is None else in_frame(task, names)
        rows = results_in(frame[frame["task"] == chosen] if names else frame)
        return plots.curves_axes(
            pd.DataFrame(self), rows, y, ax, title=chosen if title is None else title, legend=legend
        )
