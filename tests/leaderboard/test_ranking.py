"""Places, ranks and what stands beside them, on boards whose truth is known."""

import json

import numpy as np
import pytest

from bimt_bench.ground import InputError
from bimt_bench.leaderboard import ranking
from bimt_bench.leaderboard.board import Board
from bimt_bench.leaderboard.checking import version_of
from bimt_bench.leaderboard.verdict import Finding
from bimt_bench.leaderboard.withdrawing import Withdrawal
from bimt_bench.spec import catalog
from tests.leaderboard.made_board import NOW, TASK, front, put, verdict_of

SPEC = catalog.task(TASK)
AXIS = SPEC.modularity_axis


@pytest.fixture
def board(tmp_path):
    return Board(tmp_path / "leaderboard")


@pytest.fixture
def generator():
    return np.random.default_rng(7)


def table_of(board):
    return ranking.task_table(board, SPEC)


def stated(table):
    return {one.name: (one.place, one.shared) for one in table.standings}


def test_entries_that_cannot_be_told_apart_share_a_place(board, generator):
    put(board, "best", front(generator, size=0.9))
    put(board, "second", front(generator, size=0.6))
    put(board, "second-again", front(generator, size=0.6))
    put(board, "last", front(generator, size=0.3))
    table = table_of(board)
    assert {name: place for name, (place, _) in stated(table).items()} == {
        "best": 1, "second": 2, "second-again": 2, "last": 4,
    }  # fmt: skip
    assert stated(table)["second"][1] == ("second-again",)
    assert [one.place for one in table.standings] == [1, 2, 2, 4]
    assert table.standing("last").beside_first.name == "best"
    assert table.standing("last").beside_above.difference.verdict == "worse"
    assert table.standing("best").beside_first is None


def test_noise_gives_no_place_that_a_better_entry_was_refused(board, generator):
    put(board, "best", front(generator, size=0.9))
    put(board, "better", front(generator, size=0.7))
    put(board, "noisy", front(generator, size=0.5, noise=0.6))
    found = table_of(board)
    assert found.standing("best").volume.h > found.standing("noisy").volume.h
    assert stated(found)["better"][0] == 2
    assert stated(found)["noisy"][0] >= 2


def test_entries_of_unequal_seeds_are_compared_on_those_that_both_have(board, generator):
    put(board, "many", front(generator, size=0.9, seeds=8))
    put(board, "few", front(generator, size=0.5, seeds=5))
    assert {name: place for name, (place, _) in stated(table_of(board)).items()} == {
        "many": 1, "few": 2,
    }  # fmt: skip


def test_lost_members_cost_volume(board, generator):
    points = front(generator, size=0.8)
    put(board, "whole", points)
    put(board, "lossy", points, lost=[(1, 0), (1, 1)])
    table = table_of(board)
    assert table.standing("lossy").lost == 2
    assert table.standing("lossy").volume.h < table.standing("whole").volume.h


def test_an_entry_whose_members_were_all_lost_stands_last(board, generator):
    put(board, "good", front(generator))
    gone = [(k, s) for k in range(4) for s in range(5)]
    put(board, "gone", front(generator), lost=gone)
    standing = table_of(board).standing("gone")
    assert (standing.place, standing.lost, standing.points) == (2, 20, ())


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"level": "checked"}, "only checked"),
        ({"level": "none"}, "only none"),
        ({"entry": "f" * 64}, "changed since it was verified"),
        ({"level": "rescored", "findings": (
            Finding(level="replayed", code="curve", weight="fault", told="another curve"),
        )}, "failed to be replayed: another curve"),
    ],
)  # fmt: skip
def test_who_is_not_ranked_and_why(board, generator, change, why):
    put(board, "good", front(generator))
    put(board, "other", front(generator), **change)
    table = table_of(board)
    assert [one.name for one in table.standings] == ["good"]
    assert why in table.left_out[0].why


@pytest.mark.parametrize("code", ["beyond_time", "beyond_memory"])
def test_an_entry_that_could_not_be_verified_further_is_ranked_as_far_as_it_got(
    board, generator, code
):
    end = Finding(level="retrained", code=code, weight="fault", told="ended after 30 minutes")
    put(board, "good", front(generator), level="replayed", findings=(end,))
    (standing,) = table_of(board).standings
    assert (standing.badge, standing.flags) == ("replayed", ("ended after 30 minutes",))


def test_withdrawn_and_unverified_entries_have_no_place(board, generator):
    for name in ("good", "gone", "new"):
        put(board, name, front(generator))
    board.mark(Withdrawal(format=1, task=TASK, name="gone", reason="a mistake", by="ada", when=NOW))
    board.verdict_file(TASK, "new").unlink()
    table = table_of(board)
    assert [one.name for one in table.standings] == ["good"]
    assert {one.name: one.why for one in table.left_out} == {
        "gone": "withdrawn on 2026-01-01: a mistake", "new": "not verified yet",
    }  # fmt: skip


def test_a_damaged_verdict_leaves_out_its_entry_alone(board, generator):
    put(board, "good", front(generator))
    put(board, "other", front(generator))
    board.verdict_file(TASK, "other").write_text("{")
    assert [one.name for one in table_of(board).standings] == ["good"]


def test_weights_alone_have_a_table_of_their_own(board, generator):
    put(board, "good", front(generator, size=0.5))
    put(board, "theirs", front(generator, size=0.9), retrainable=False, level="rescored")
    table = table_of(board)
    assert [one.name for one in table.standings] == ["good"]
    assert [(one.name, one.place, one.rank) for one in table.unranked] == [("theirs", None, None)]
    assert table.standing("good").ranks == (1, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"task_digest": "0" * 12},
        {"metrics": {"performance": version_of("performance"), AXIS: 99}},
        {"metrics": {"performance": 99, AXIS: version_of(AXIS)}},
    ],
)
def test_entries_of_another_digest_or_version_are_dated(board, generator, change):
    put(board, "good", front(generator, size=0.5))
    put(board, "old", front(generator, size=0.9), **change)
    put(board, "older", front(generator, size=0.7), **change)
    table = table_of(board)
    assert [one.name for one in table.standings] == ["good"]
    (dated,) = table.dated
    assert [(one.name, one.place) for one in dated.standings] == [("old", 1), ("older", 2)]


def test_an_entry_without_the_axis_is_dated_and_has_no_place(board, generator):
    put(board, "old", front(generator), metrics={})
    put(board, "older", front(generator), metrics={"performance": 1})
    assert [one.standings for one in table_of(board).dated] == [(), ()]
    assert "not measured" in table_of(board).dated[0].scored


def test_performance_at_modularity_and_modularity_at_a_loss(board):
    x = np.repeat([[0.1], [0.5], [0.7]], 5, axis=1)
    y = np.repeat([[1.0], [0.995], [0.5]], 5, axis=1)
    put(board, "plain", (x[:1], y[:1]), recipe="vanilla")
    put(board, "one", (x, y))
    table = table_of(board)
    one = table.standing("one")
    assert table.levels == (0.2, 0.4, 0.6, 0.8)
    assert [c and (c.dial_value, c.y.mean) for c in one.reached] == [
        (2.0, pytest.approx(0.995)), (2.0, pytest.approx(0.995)), (3.0, 0.5), None,
    ]  # fmt: skip
    assert (one.kept.dial_value, one.kept.x.mean) == (2.0, pytest.approx(0.5))
    assert [p.on_front for p in one.points] == [True, True, True]
    assert one.operations == 1e9


def test_without_a_baseline_nothing_is_kept(board, generator):
    put(board, "one", front(generator))
    assert table_of(board).standing("one").kept is None


def test_the_name_of_an_entry_makes_it_no_baseline(board, generator):
    put(board, "vanilla", front(generator), recipe="l1")
    put(board, "l1", front(generator), recipe="l1")
    assert [one.kept for one in table_of(board).standings] == [None, None]


def test_fresh_seeds_stand_beside_and_count_for_nothing(board, generator):
    points = front(generator)
    put(board, "one", points)
    before = table_of(board).standing("one")
    fresh = verdict_of(SPEC, "fresh", *front(generator, size=0.1, configurations=3, seeds=1))
    verdict = board.verdict(TASK, "one")
    board.keep(verdict.model_copy(update={"fresh": fresh.members}))
    after = table_of(board).standing("one")
    assert len(after.fresh) == 3 and after.volume == before.volume


def test_the_order_of_places_is_that_of_names_where_all_is_equal(board, generator):
    points = front(generator)
    for name in ("b", "a", "c"):
        put(board, name, points)
    assert [(one.name, one.place) for one in table_of(board).standings] == [
        ("a", 1), ("b", 1), ("c", 1),
    ]  # fmt: skip


def test_the_frame_of_a_board_is_what_trade_offs_read(board, generator):
    put(board, "one", front(generator))
    put(board, "two", front(generator))
    frame = ranking.board_frame(board, TASK)
    assert len(frame) == 40 and set(frame["recipe"]) == {"one", "two"}
    assert frame["member"].is_unique
    assert {"task", "dial", "dial_value", "seed", "status", AXIS, "performance"} <= {*frame}


def test_an_unknown_task_is_refused_with_the_nearest(board, generator):
    put(board, "one", front(generator))
    with pytest.raises(InputError, match="symbolic/independence"):
        ranking.rank(board, ["symbolic/independance"])
    assert ranking.rank(Board(board.folder / "none")).tables == ()


def test_a_page_needs_to_compute_nothing(board, generator):
    from bimt_bench.leaderboard import listing

    put(board, "one", front(generator))
    put(board, "two", front(generator), lost=[(0, 0)])
    found = json.loads(listing.as_json(ranking.rank(board)))
    one = found["tables"][0]["standings"][0]
    assert {"place", "rank", "ranks", "volume", "points", "reached", "flags"} <= one.keys()
    assert one["points"][0]["x"]["low"] is not None
