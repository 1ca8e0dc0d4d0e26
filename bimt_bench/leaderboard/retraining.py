"""Level `retrained`: drawn members are trained again from their seeds, fresh seeds beside them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bimt_bench import packs
from bimt_bench.leaderboard import best_values, fresh_members
from bimt_bench.leaderboard.budget import Work
from bimt_bench.leaderboard.drawing_lots import drawn, fresh_seeds, how_many
from bimt_bench.leaderboard.entry import SHUFFLES
from bimt_bench.leaderboard.reading import Submission
from bimt_bench.leaderboard.rescoring import Rescored
from bimt_bench.leaderboard.same_run import Judge, why_not_bits
from bimt_bench.leaderboard.verdict import OUTSTANDING, Draw, Finding, ScoredMember, note
from bimt_bench.spec import Member


@dataclass(frozen=True, eq=False)
class Retrained:
    """What was drawn and how it went, the fresh seeds, and what is found.

    whole: whether all that was asked for was trained, fresh seeds apart.
    """

    draws: tuple[Draw, ...]
    fresh: tuple[ScoredMember, ...]
    findings: tuple[Finding, ...]
    whole: bool = True


@dataclass(frozen=True, eq=False)
class Lots:
    """What is to be trained again: drawn members of the front, all lost ones, and fresh seeds.

    entropy: what the draw follows from. members: to train, by digest.
    """

    entropy: str
    work: Work
    members: dict[str, Member]


def draw_lots(
    submission: Submission,
    found: Rescored,
    *,
    entropy: str,
    count: int,
    fresh: int,
    earlier: Sequence[Draw] = (),
) -> Lots:
    """Draws `count` members of the entry's front, every lost one, and `fresh` new seeds.

    Each fresh seed is for the three best dial values. After each earlier failure twice as many
    members are drawn.
    """
    records = {one.member: one for one in submission.members}
    front = set(best_values.on_front(submission, found))
    pool = [one.member for one in records.values() if one.configuration in front]
    pool = [one for one in pool if records[one].status == "ok"]
    many = how_many(count, earlier, "retrained")
    chosen = drawn(pool, many, level="retrained", entropy=entropy)
    lost = tuple(one.member for one in records.values() if one.status != "ok") if count else ()
    new = fresh_members.new_members(submission, found, fresh_seeds(fresh, entropy=entropy))
    members = {one: submission.resolved(records[one]) for one in (*chosen, *lost)}
    members |= {one.digest: one for one in new}
    return Lots(entropy, Work(chosen, lost, tuple(one.digest for one in new)), members)


def retrain(
    submission: Submission,
    found: Rescored,
    lots: Lots,
    *,
    when: datetime,
    most: float,
    data_dir: Path | None = None,
    memory_limit: int | None = None,
) -> Retrained:
    """Trains what was drawn again, at most so many members: the first of drawn, lost, fresh."""
    work = lots.work.first(most)
    outstanding = tuple(_outstanding(lots.work, work))
    whole = (work.drawn, work.lost) == (lots.work.drawn, lots.work.lost)
    if not len(work):
        return Retrained((), (), outstanding, whole)
    members = [lots.members[one] for one in (*work.drawn, *work.lost, *work.fresh)]
    pack = packs.run_pack(
        submission.task, members, data_dir=data_dir, shuffles=SHUFFLES, memory_limit=memory_limit
    )
    judge = Judge(submission, found, pack, why_not_bits(submission))
    draws: list[Draw] = []
    findings: list[Finding] = []
    if work.drawn:
        draw = judge.draw(work.drawn, lots.entropy, when)
        draws.append(draw)
        findings += [*judge.notes(draw), *judge.failures(draw)]
    if work.lost:
        draw = judge.draw_lost(work.lost, lots.entropy, when)
        draws.append(draw)
        findings += judge.not_lost(draw)
    scored = tuple(
        fresh_members.scored(lots.members[one], judge.card(one), judge.status(one), found)
        for one in work.fresh
    )
    findings += fresh_members.short_of(submission, found, scored)
    return Retrained(tuple(draws), scored, (*findings, *outstanding), whole)


def _outstanding(asked: Work, now: Work) -> Iterator[Finding]:
    """What the budget left for later, in words."""
    parts = (
        (len(asked.drawn), len(now.drawn), "drawn members"),
        (len(asked.lost), len(now.lost), "members that are said to have diverged"),
        (len(asked.fresh), len(now.fresh), "members of fresh seeds"),
    )
    left = [f"{whole - done} of {whole} {words}" for whole, done, words in parts if done < whole]
    if left:
        told = f"the budget left for later: {', '.join(left)}"
        yield note("retrained", OUTSTANDING, told)
