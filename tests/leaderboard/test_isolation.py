"""Work in a process of its own: what it yields arrives, and no limit is passed."""

import multiprocessing

import pytest

from bimt_bench.ground import InputError
from bimt_bench.leaderboard.isolation import Limits, Overrun, in_own_process
from tests.leaderboard import works

ROOMY = Limits(memory=2**30, seconds=120.0)


def test_what_work_yields_arrives_in_its_order() -> None:
    assert list(in_own_process(works.counting, (3,), ROOMY)) == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("work", "limits", "code", "told"),
    [
        (works.never_ending, Limits(2**30, 0.05), "beyond_time", "ended after 0.000833 minutes"),
        (works.greedy, ROOMY, "beyond_memory", "needs more than 1.0 GiB of memory"),
        (works.ended_from_outside, ROOMY, "broken", "ended by signal 9"),
        (works.broken, ROOMY, "broken", r"ZeroDivisionError: no \x1b[31mcolour"),
    ],
)
def test_work_that_passes_a_limit_or_breaks_is_ended(work, limits, code, told) -> None:
    with pytest.raises(Overrun) as stop:
        list(in_own_process(work, (), limits))
    assert stop.value.code == code
    assert told in str(stop.value)
    assert not multiprocessing.active_children()


def test_what_came_before_a_limit_is_kept() -> None:
    found = in_own_process(works.greedy, (), ROOMY)
    assert next(found) == "before"
    with pytest.raises(Overrun):
        next(found)


def test_bad_input_is_told_as_such() -> None:
    with pytest.raises(InputError, match="entry: is none"):
        list(in_own_process(works.refusing, (), ROOMY))


def test_nobody_waits_for_work_that_nobody_reads_on() -> None:
    found = in_own_process(works.counting, (10**6,), ROOMY)
    assert next(found) == "0"
    found.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert not multiprocessing.active_children()
