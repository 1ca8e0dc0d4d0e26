"""Which dial values of an entry count: those on its front, and how much of the plane each holds."""

import pandas as pd

from bimt_bench.leaderboard.reading import Submission
from bimt_bench.leaderboard.rescoring import Rescored
from bimt_bench.results import TradeOff, tradeoff_of


def on_front(submission: Submission, found: Rescored) -> tuple[str, ...]:
    """The configurations on the front of performance and the task's axis, as we measured them.

    All configurations where no member can be placed.
    """
    own = {point.settings.configuration for point in _tradeoff(submission, found).front}
    held = tuple(dict.fromkeys(one.configuration for one in submission.members))
    return tuple(one for one in held if one in own) or held


def best(submission: Submission, found: Rescored, count: int) -> tuple[float | None, ...]:
    """The dial values that hold most of the plane, each by itself, from the task's corner on."""
    record = _tradeoff(submission, found)
    rising = [1.0 if one == "higher" else -1.0 for one in (record.x_direction, record.y_direction)]
    areas: dict[float | None, tuple[float, float]] = {}
    for line in record.lines:
        for point in line.points:
            x = rising[0] * (point.x.mean - record.reference.modularity)
            y = rising[1] * (point.y.mean - record.reference.performance)
            areas[point.settings.dial_value] = (max(x, 0.0) * max(y, 0.0), y)
    return tuple(sorted(areas, key=lambda value: areas[value], reverse=True)[:count])


def _tradeoff(submission: Submission, found: Rescored) -> TradeOff:
    entry = submission.entry
    frame = pd.DataFrame(
        [
            {
                "task": entry.task,
                "recipe": entry.recipe,
                "dial": entry.dial,
                "dial_value": one.dial_value,
                "configuration": one.configuration,
                "member": one.member,
                "seed": one.seed,
                "status": one.status,
                "trivial_performance": found.trivial,
                **found.cards[one.member],
            }
            for one in submission.members
        ]
    )
    return tradeoff_of(submission.task, frame)
