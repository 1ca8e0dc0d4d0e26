"""What fits into a budget: by the time that members take here, whatever an entry claims."""

import math

import pytest

from bimt_bench.leaderboard.budget import Budget, Work

WORK = Work(drawn=("a", "b", "c"), lost=("l",), fresh=("x", "y"))


@pytest.mark.parametrize(
    ("budget", "each", "used", "fitting"),
    [
        (Budget(), 1e9, 1e9, math.inf),
        (Budget(share=10, left=100), 2.0, 3.0, 3),
        (Budget(share=10, left=100), 50.0, 3.0, 1),  # one in any case
        (Budget(share=10, left=100), 50.0, 60.0, 0),  # unless nothing at all is left for it
        (Budget(share=0, left=0), 0.1, 0.0, 0),
        (Budget(share=10, left=10), 0.0, 3.0, math.inf),
    ],
)
def test_as_many_members_as_fit_into_the_share_and_one_if_it_fits_at_all(
    budget, each, used, fitting
) -> None:
    assert budget.members(each, used) == fitting


@pytest.mark.parametrize(
    ("count", "first"),
    [
        (math.inf, WORK),
        (6, WORK),
        (5, Work(WORK.drawn, WORK.lost, ("x",))),
        (3, Work(WORK.drawn)),
        (1, Work(("a",))),
        (0, Work()),
    ],
)
def test_drawn_members_come_before_lost_ones_and_those_before_fresh_ones(count, first) -> None:
    assert WORK.first(count) == first
