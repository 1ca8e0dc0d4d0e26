"""The error that bad input raises, and the closest valid name to suggest in it."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Input that cannot be used; the message names the field, the value and what is allowed."""


def closest(word: str, allowed: Iterable[str]) -> str:
    """A suggestion to append to a message, or nothing when no allowed name is near."""
    found = difflib.get_close_matches(word, list(allowed), n=1, cutoff=0.6)
    return f"; did you mean '{found[0]}'?" if found else ""
