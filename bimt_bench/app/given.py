"""What is given on the command line as text: settings as name=value, seeds, lists of names."""

import re
from collections.abc import Sequence
from typing import Any

from bimt_bench.ground import InputError
from bimt_bench.spec import catalog

_SHOWN = 60  # letters of what was given, in a message
# More would train for days, or be a slip of the finger.
MOST_SEEDS = 10_000
_NUMBER = r"\s*[0-9]{1,18}\s*"
_PART = rf"{_NUMBER}(:{_NUMBER})?"
_SHAPE = re.compile(rf"{_PART}(,{_PART})*", re.ASCII)


def settings(entries: Sequence[str]) -> dict[str, Any]:
    """Values by name from entries like 'strength=3.0'.

    A value is written as in a YAML file. Raises InputError for an entry without a name or value
    and for a setting that is given twice. Whether the setting exists, the recipe says.
    """
    found: dict[str, Any] = {}
    for entry in entries:
        name, equals, text = entry.partition("=")
        name = name.strip()
        if not equals or not name:
            raise InputError(f"--set: '{entry}' given; should be name=value, as in strength=3.0")
        if name == "recipe":
            raise InputError("--set: the recipe is no setting; give it as --recipe")
        if name in found:
            raise InputError(f"{name}: given twice; keep one")
        value = catalog.read_value(text, path=name)
        if value is None:
            raise InputError(
                f"{name}: '{text}' given; leave the setting out to take the task's own value"
            )
        found[name] = value
    return found


def seeds(given: str) -> Sequence[int]:
    """'5': seeds 0 to 4. '0,1,7': these. '5:8': 5, 6 and 7. '0,2,5:8': 0, 2, 5, 6 and 7.

    InputError for anything else and for none or too many; whether they are seeds, training says.
    """
    text = given.strip()
    if _SHAPE.fullmatch(text) is None:
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
        raise InputError(
            f"seeds: '{shown}' given; should be how many (5), a list (0,1,7), a range (5:8) or "
            "lists and ranges (0,2,5:8)"
        )
    if text.isdecimal():
        text = f"0:{text}"
    found = [_range(part) for part in text.split(",")]
    count = sum(one.stop - one.start for one in found)
    if not all(one.start < one.stop for one in found) or count > MOST_SEEDS:
        raise InputError(
            f"seeds: '{given}' given, which is {max(0, count)} seeds; a run trains 1 to "
            f"{MOST_SEEDS} of them, and a range from:to ends before `to`"
        )
    return [seed for one in found for seed in one]


def _range(part: str) -> range:
    """'7' or '5:8', as a range."""
    first, colon, end = part.partition(":")
    return range(int(first), int(end) if colon else int(first) + 1)


def names(entries: Sequence[str] | None) -> list[str]:
    """The names of an option that may be repeated and takes lists."""
    return [name.strip() for entry in entries or () for name in entry.split(",") if name.strip()]


def corner(text: str) -> Any:
    """'task' and 'nadir' as they are, '0,0.5' as two numbers; results say what is allowed."""
    try:
        return tuple(float(part) for part in text.split(",")) if "," in text else text
    except ValueError:
        return text
