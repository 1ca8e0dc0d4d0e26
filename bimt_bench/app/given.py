"""What is given on the command line as text: settings as name=value, and seeds."""

import re
from collections.abc import Sequence
from typing import Any

from bimt_bench.ground import InputError
from bimt_bench.spec import catalog

# More would train for days, or be a slip of the finger.
MOST_SEEDS = 10_000
_NUMBER = r"\s*[0-9]{1,18}\s*"
_SHAPE = re.compile(
    rf"(?P<listed>{_NUMBER}(,{_NUMBER})+)|((?P<first>{_NUMBER}):)?(?P<last>{_NUMBER})", re.ASCII
)


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


def seeds(text: str) -> Sequence[int]:
    """'5': seeds 0 to 4. '0,1,7': these. '5:8': 5, 6 and 7.

    InputError for anything else and for none or too many; whether they are seeds, training says.
    """
    shape = _SHAPE.fullmatch(text.strip())
    if shape is None:
        raise InputError(
            f"seeds: '{text}' given; should be how many (5), a list (0,1,7) or a range (5:8)"
        )
    if shape["listed"]:
        return [int(part) for part in text.split(",")]
    first, last = int(shape["first"] or 0), int(shape["last"])
    if not 0 < last - first <= MOST_SEEDS:
        raise InputError(
            f"seeds: '{text}' given, which is {max(0, last - first)} seeds; a run trains 1 to "
            f"{MOST_SEEDS} of them"
        )
    return range(first, last)
