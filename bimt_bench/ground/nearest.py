"""The closest valid name, to suggest in an error message."""

import difflib
from collections.abc import Iterable

_LONGEST = 200


def closest(word: str, allowed: Iterable[str]) -> str:
    """A suggestion to append to a message, or nothing when no allowed name is near."""
    if len(word) > _LONGEST:  # comparing takes as long as both lengths multiplied
        return ""
    found = difflib.get_close_matches(word, list(allowed), n=1, cutoff=0.6)
    return f"; did you mean '{found[0]}'?" if found else ""
