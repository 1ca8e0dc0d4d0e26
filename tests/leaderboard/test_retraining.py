"""Training again: whom, what is the same run, and what fresh seeds say."""

import dataclasses
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bimt_bench import packs
from bimt_bench.leaderboard import best_values, fresh_members
from bimt_bench.leaderboard.reading import Submission, read
from bimt_bench.leaderboard.rescoring import Rescored, names_of, rescore
from bimt_bench.leaderboard.same_run import Judge, why_not_bits
from bimt_bench.leaderboard.verdict import ScoredMember

TASK = "symbolic/independence"


@pytest.fixture(scope="module")
def submission(small_board) -> Submission:
    return read(small_board.entry(TASK, "bimt-plain"))


@pytest.fixture(scope="module")
def found(submission) -> Rescored:
    return rescore(submission, names_of(submission))


def _judge(
    submission: Submission, found: Rescored, cards: dict[str, Any], status: str = "ok"
) -> Judge:
    rows = [{"member": member, "status": status, **card} for member, card in cards.items()]
    weights = {one: {n: w + 1 for n, w in submission.arrays(one).items()} for one in cards}
    pack = packs.PackResult(pd.DataFrame(rows), pd.DataFrame(), weights)
    return Judge(submission, found, pack, ("processor",))


def test_this_machine_can_train_to_the_bit(submission) -> None:
    assert why_not_bits(submission) == ()


@pytest.mark.parametrize(
    "field", ["training_digest", "cpu_features", "kernels", "libraries", "device"]
)
def test_whatever_differs_of_machine_and_code_rules_bits_out(submission, field: str) -> None:
    other = {"kernels": {"aten": "DEFAULT"}, "libraries": {"torch": "1.0"}}.get(field, "0" * 12)
    environment = submission.entry.environment.model_copy(update={field: other})
    entry = submission.entry.model_copy(update={"environment": environment})
    (told,) = why_not_bits(dataclasses.replace(submission, entry=entry))
    assert told in ("code", "processor", "kernels", "libraries", "device")


def test_a_member_is_no_distance_from_itself(submission, found) -> None:
    judge = _judge(submission, found, dict(found.cards))
    assert {judge.apart(one.member) for one in submission.members} == {0.0}


def test_every_other_seed_is_another_run(submission, found) -> None:
    members = [one.member for one in submission.members]
    for shift in range(1, 5):
        others = [members[i - i % 5 + (i + shift) % 5] for i in range(10)]
        judge = _judge(
            submission, found, {m: found.cards[o] for m, o in zip(members, others, strict=True)}
        )
        assert min(judge.apart(one) for one in members) > 0.3


@pytest.mark.parametrize(("deviations", "passed"), [(0.1, True), (0.3, False)])
def test_bands_are_in_deviations_over_seeds(submission, found, deviations, passed) -> None:
    member = submission.members[0]
    own = [one.member for one in submission.members if one.configuration == member.configuration]
    spread = {n: np.std([found.cards[one][n] for one in own], ddof=1) for n in found.names}
    card = {n: v + deviations * spread[n] for n, v in found.cards[member.member].items()}
    judge = _judge(submission, found, {member.member: card})
    assert judge.apart(member.member) == pytest.approx(deviations)
    draw = judge.draw([member.member], "0" * 32, datetime.now(UTC))
    assert (draw.by, draw.passed == (member.member,)) == ("bands", passed)


def test_a_member_that_is_lost_here_is_not_the_same(submission, found) -> None:
    judge = _judge(submission, found, dict(found.cards), status="diverged")
    assert judge.apart(submission.members[0].member) == np.inf


def test_a_metric_that_is_defined_in_one_of_both_alone_is_far_away(submission, found) -> None:
    member = submission.members[0].member
    card = dict.fromkeys(found.names, np.nan)
    assert _judge(submission, found, {member: card}).apart(member) == np.inf


# ------------------------------------------------------------------------------ who is drawn


def test_the_front_is_of_what_we_measured(submission, found) -> None:
    weak, strong = (one.configuration for one in (submission.members[0], submission.members[-1]))
    assert {weak, strong} >= {*best_values.on_front(submission, found)}
    axis = submission.task.modularity_axis
    cards = {
        one.member: {**found.cards[one.member], "performance": 0.9 - one.seed / 100, axis: 0.5}
        | ({"performance": 0.1, axis: 0.1} if one.configuration == weak else {})
        for one in submission.members
    }
    told = dataclasses.replace(found, cards=cards)
    assert best_values.on_front(submission, told) == (strong,)
    assert best_values.best(submission, told, 1) == (submission.members[-1].dial_value,)


# ------------------------------------------------------------------------------ fresh seeds


def _fresh(submission: Submission, found: Rescored, below: float) -> list[ScoredMember]:
    """Members beside the published ones whose axes lie so many deviations below theirs."""
    axes = ("performance", submission.task.modularity_axis)
    held = {
        (one.configuration, axis): np.array(
            [
                found.cards[other.member][axis]
                for other in submission.members
                if other.configuration == one.configuration
            ]
        )
        for one in submission.members
        for axis in axes
    }
    return [
        ScoredMember(
            member=f"{k:06x}{one.member[:6]}",
            configuration=one.configuration,
            dial_value=one.dial_value,
            seed=1000 + k,
            status="ok",
            metrics={
                axis: float(
                    held[one.configuration, axis].mean()
                    + (k - 1 - below) * held[one.configuration, axis].std(ddof=1)
                )
                for axis in axes
            },
        )
        for one in submission.members[::5]
        for k in range(3)
    ]


def test_fresh_seeds_that_fall_short_are_flagged(submission, found) -> None:
    (flag,) = fresh_members.short_of(submission, found, _fresh(submission, found, below=3.0))
    assert (flag.code, flag.weight) == ("fresh_seeds_fall_short", "flag")
    assert not list(fresh_members.short_of(submission, found, _fresh(submission, found, below=0.0)))
    assert not list(
        fresh_members.short_of(submission, found, _fresh(submission, found, below=-9.0))
    )
    assert not list(fresh_members.short_of(submission, found, []))


def test_fresh_members_are_of_the_best_values_and_seeds_of_their_own(submission, found) -> None:
    made = fresh_members.new_members(submission, found, (5000, 5001))
    assert {one.seed for one in made} == {5000, 5001}
    assert {one["strength"] for one in made} == {0.3, 3.0}
    assert not {one.digest for one in made} & {one.member for one in submission.members}
