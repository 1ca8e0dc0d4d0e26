"""Text of strangers: what may reach a terminal or a figure, and how the rest is shown."""

import re
from collections.abc import Sequence

# Control characters (terminal escapes among them) but for line ends and tabs, halves of pairs that
# no encoding takes, and what turns the direction of the text that follows.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
_SHORT = 80
LONGEST_NAME = 200
MOST_FAULTS = 20
_LONGEST_LINE = 2000


def unprintable(text: str) -> str | None:
    """The first character that no terminal should be given, in words; None if there is none."""
    found = _UNPRINTABLE.search(text)
    return None if found is None else f"the control character {found[0]!a}"


def unfit(text: str) -> str | None:
    """Why a text can be no name or title, in words that follow it; None if it can."""
    if len(text) > LONGEST_NAME:
        return f"has {len(text):,} characters; at most {LONGEST_NAME}"
    told = "a line end" if "\n" in text else "a tab" if "\t" in text else unprintable(text)
    return None if told is None else f"holds {told}"


def printable(text: str) -> str:
    r"""The text with such characters written out: '\x1b[31m' stands for a terminal's escape."""
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text)


def fitting(text: str, most: int = _SHORT) -> str:
    """The text in one printable line, cut where it is longer than `most` characters."""
    cut = text if len(text) <= most else f"{text[: most - 3]}..."
    return printable(cut).replace("\n", " ").replace("\t", " ")


def listed(lines: Sequence[str], most: int = MOST_FAULTS) -> str:
    """One line a fault, at most `most` of them, each cut, and how many more there are."""
    shown = [fitting(line, _LONGEST_LINE) for line in lines[:most]]
    if len(lines) > most:
        shown.append(f"and {len(lines) - most:,} more")
    return "\n".join(shown)
