"""Draws: nobody can foresee them, they follow from what they write down, and failures add up."""

import inspect
import secrets
from datetime import UTC, datetime

import pytest

from bimt_bench.leaderboard import drawing_lots
from bimt_bench.leaderboard.drawing_lots import drawn, failures, fresh_seeds, how_many, passes
from bimt_bench.leaderboard.verdict import Draw

POOL = tuple(f"{k:012x}" for k in range(40))


def _draw(members: int, passed: int, *, by: str = "bits", entropy: str = "0" * 32) -> Draw:
    return Draw(
        level="retrained",
        entropy=entropy,
        members=POOL[:members],
        passed=POOL[:passed],
        by=by,  # pyright: ignore[reportArgumentType]
        when=datetime.now(UTC),
    )


def test_randomness_is_the_operating_system_s(monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(secrets, "token_hex", lambda count: asked.append(count) or "ab" * count)
    assert drawing_lots.entropy() == "ab" * 16
    assert asked == [16]


def test_a_draw_cannot_be_ground() -> None:
    """What is submitted has no part in it: no file, digest or commit is given."""
    assert not inspect.signature(drawing_lots.entropy).parameters
    draws = {drawn(POOL, 3, level="retrained", entropy=drawing_lots.entropy()) for _ in range(200)}
    assert len(draws) > 190  # of 9,880


def test_a_draw_follows_from_what_it_writes_down_alone() -> None:
    one = drawn(POOL, 3, level="retrained", entropy="1" * 32)
    assert one == drawn(reversed(POOL), 3, level="retrained", entropy="1" * 32)
    assert one != drawn(POOL, 3, level="replayed", entropy="1" * 32)
    assert one != drawn(POOL, 3, level="retrained", entropy="2" * 32)
    assert drawn(POOL[:2], 3, level="retrained", entropy="1" * 32) in {POOL[:2], POOL[1::-1]}


def test_every_member_is_drawn_as_often_as_any_other() -> None:
    counts = dict.fromkeys(POOL[:8], 0)
    for k in range(800):
        for one in drawn(POOL[:8], 2, level="retrained", entropy=f"{k:032x}"):
            counts[one] += 1
    assert all(150 < count < 250 for count in counts.values())


def test_fresh_seeds_are_none_that_entries_have() -> None:
    seeds = fresh_seeds(50, entropy="3" * 32)
    assert len({*seeds}) == 50
    assert min(seeds) >= 1000
    assert seeds != fresh_seeds(50, entropy="4" * 32)


@pytest.mark.parametrize(
    ("by", "members", "passed", "enough"),
    [
        ("bits", 3, 3, True), ("bits", 3, 2, False), ("bands", 3, 2, True),
        ("bands", 3, 1, False), ("bands", 6, 4, True), ("bands", 6, 3, False),
        ("bands", 5, 3, False), ("curve", 1, 0, False), ("curve", 1, 1, True),
    ],
)  # fmt: skip
def test_how_many_must_pass(by: str, members: int, passed: int, enough: bool) -> None:
    assert passes(_draw(members, passed, by=by)) is enough


def test_twice_as_many_are_drawn_after_each_failure() -> None:
    failed = [_draw(3, 1, entropy=f"{k:032x}") for k in range(3)]
    assert failures(failed, "retrained") == 3
    assert [how_many(3, failed[:k], "retrained") for k in range(4)] == [3, 6, 12, 24]
    assert how_many(3, failed, "replayed") == 3
    assert how_many(3, [_draw(3, 3)], "retrained") == 3
    twice = [_draw(3, 1), _draw(2, 0, by="curve")]  # of one try: drawn ones, and lost ones
    assert how_many(3, twice, "retrained") == 6
