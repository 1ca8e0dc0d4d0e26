"""Level `retrained`: drawn members are trained again from their seeds, fresh seeds beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bimt_bench import packs
from bimt_bench.leaderboard import best_values, fresh_members
from bimt_bench.leaderboard.drawing_lots import drawn, fresh_seeds, how_many
from bimt_bench.leaderboard.entry import SHUFFLES
from bimt_bench.leaderboard.reading import Submission
from bimt_bench.leaderboard.rescoring import Rescored
from bimt_bench.leaderboard.same_run import Judge, why_not_bits
from bimt_bench.leaderboard.verdict import Draw, Finding, ScoredMember


@dataclass(frozen=True, eq=False)
class Retrained:
    """What was drawn and how it went, the fresh seeds, and what is found."""

    draws: tuple[Draw, ...]
    fresh: tuple[ScoredMember, ...]
    findings: tuple[Finding, ...]


def retrain(
    submission: Submission,
    found: Rescored,
    *,
    entropy: str,
    when: datetime,
    count: int,
    fresh: int,
    earlier: Sequence[Draw] = (),
    data_dir: Path | None = None,
    memory_limit: int | None = None,
) -> Retrained:
    """Trains `count` members of the entry's front again, every lost one, and `fresh` new seeds.

    Each fresh seed is trained at the three best dial values. After each earlier failure twice as
    many members are drawn.
    """
    records = {one.member: one for one in submission.members}
    front = set(best_values.on_front(submission, found))
    pool = [one.member for one in records.values() if one.configuration in front]
    pool = [one for one in pool if records[one].status == "ok"]
    many = how_many(count, earlier, "retrained")
    chosen = drawn(pool, many, level="retrained", entropy=entropy)
    lost = tuple(one.member for one in records.values() if one.status != "ok") if count else ()
    again = [submission.resolved(records[one]) for one in (*chosen, *lost)]
    new = fresh_members.new_members(submission, found, fresh_seeds(fresh, entropy=entropy))
    if not again and not new:
        return Retrained((), (), ())
    pack = packs.run_pack(
        submission.task,
        [*again, *new],
        data_dir=data_dir,
        shuffles=SHUFFLES,
        memory_limit=memory_limit,
    )
    judge = Judge(submission, found, pack, why_not_bits(submission))
    draws: list[Draw] = []
    findings: list[Finding] = []
    if chosen:
        draw = judge.draw(chosen, entropy, when)
        draws.append(draw)
        findings += [*judge.notes(draw), *judge.failures(draw)]
    if lost:
        draw = judge.draw_lost(lost, entropy, when)
        draws.append(draw)
        findings += judge.not_lost(draw)
    scored = tuple(
        fresh_members.scored(member, judge.card(member.digest), judge.status(member.digest), found)
        for member in new
    )
    return Retrained(
        tuple(draws), scored, (*findings, *fresh_members.short_of(submission, found, scored))
    )
