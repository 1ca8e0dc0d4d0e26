"""Verdicts for the terminal: a few lines each, and one for all of them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from bimt_bench.leaderboard import Draw, Verdict

_COLOURS = {"fault": "red", "flag": "yellow", "note": "dim"}
_BY = {"bits": "to the bit", "bands": "by bands", "curve": "by their curves"}


def lines_of(verdict: "Verdict") -> Text:
    """What a verdict says: its level, what was found, who was drawn, and on which machine."""
    text = Text()
    text.append(f"{verdict.task} · {verdict.name}: ", style="bold")
    text.append(verdict.level, style="red" if verdict.faults else "green")
    for one in verdict.findings:
        member = "" if one.member is None else f" (member {one.member})"
        text.append(f"\n  {one.weight} at {one.level}: ", style=_COLOURS[one.weight])
        text.append(f"{one.told}{member} [{one.code}]")
    for line in _further(verdict):
        text.append(f"\n  {line}", style="dim")
    return text


def summary(verdicts: Sequence["Verdict"]) -> str:
    """How many entries passed, and in what time."""
    passed = sum(not one.faults for one in verdicts)
    seconds = sum(one.seconds for one in verdicts)
    return f"{passed} of {len(verdicts)} entries pass, in {seconds:.0f} s"


def _further(verdict: "Verdict") -> Iterator[str]:
    if verdict.members:
        yield (
            f"{len(verdict.members)} members measured by {len(verdict.metrics)} metrics, "
            f"{len(verdict.fresh)} of fresh seeds"
        )
    now = [one for one in verdict.draws if one.when == verdict.when]
    yield from (_draw(one) for one in now)
    if len(verdict.draws) > len(now):
        yield f"{len(verdict.draws) - len(now)} earlier draws are kept"
    machine = verdict.machine
    if machine is not None:
        versions = ", ".join(f"{name} {version}" for name, version in machine.libraries.items())
        yield (
            f"bimt_bench {machine.bimt_bench} ({machine.scoring_digest}), Python {machine.python}, "
            f"{versions}; {machine.processor} ({machine.cpu_features}); {verdict.seconds:.1f} s"
        )


def _draw(one: "Draw") -> str:
    return (
        f"{one.level}: {len(one.passed)} of {len(one.members)} are the same {_BY[one.by]}: "
        f"{', '.join(one.members)} (drawn by {one.entropy})"
    )
