"""What frames say of a task that was searched: on which data, and which members are results."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

HELD_OUT, PHASE, SEARCHED_ON = "held_out", "phase", "searched_on"
SEARCHED = (HELD_OUT, PHASE, SEARCHED_ON)
"""Columns of a task that was searched: the share of the training data that a member did not see,
whether it was trained in the search or is a result, and on which data the search looked."""
SEARCH, FINAL = "search", "final"
"""What `phase` says: trained only to find what is worth training, or a result."""
_VALIDATION = "validation_"


def of_validation(metric: str) -> str:
    """The column of a metric on validation data: `validation_performance`, `validation_loss`."""
    return _VALIDATION + metric.removeprefix("test_")


def is_of_validation(column: str) -> bool:
    """Whether a column holds a metric on validation data."""
    return column.startswith(_VALIDATION)


def searched_on(held_out: float) -> str:
    """On which data a search looks, in words; `held_out` is 0 where they are drawn anew."""
    if not held_out:
        return "validation points drawn anew"
    return f"{100.0 * held_out:g} % of the training data, held out"


def results_in(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The rows that are results: all but those that a search trained on a part of the data."""
    return frame if PHASE not in frame else frame[frame[PHASE] != SEARCH]


def told_searched_on(frame: "pd.DataFrame") -> str:
    """On which data a frame's members were searched, in words; empty if they were not."""
    told = frame[SEARCHED_ON].dropna().unique() if SEARCHED_ON in frame else ()
    return " and ".join(sorted(str(one) for one in told))
