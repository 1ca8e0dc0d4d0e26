"""From a line of text to Python's syntax tree of it, never to code that runs."""

import ast
from collections.abc import Callable
from typing import TypeVar

from bimt_bench.ground import InputError

_LONGEST = 1000  # characters: a formula people read is far shorter

Result = TypeVar("Result")


class RefusalError(Exception):
    """Why a part of a formula is refused; `read` adds which formula it was."""


def read(text: str, translate: Callable[[ast.expr], Result], *, field: str) -> Result:
    """What `translate` makes of the tree of a formula, in which `^` is a power as `**` is.

    InputError, in one line that names the field, for text that is too long or no formula, and for
    what `translate` refuses (RefusalError).
    """
    if len(text) > _LONGEST:
        raise InputError(f"{field}: {len(text)} characters; a formula has at most {_LONGEST}")
    shown = briefly(text)
    try:
        tree = ast.parse(" ".join(text.split()).replace("^", "**"), mode="eval")
        return translate(tree.body)
    except RefusalError as refusal:
        raise InputError(f"{field}: '{shown}': {refusal}") from None
    except SyntaxError as error:
        raise InputError(f"{field}: '{shown}' is not a formula: {error.msg}") from None
    except (RecursionError, MemoryError, ValueError, OverflowError) as error:
        told = str(error) or type(error).__name__
        raise InputError(f"{field}: '{shown}' is not a formula that can be read: {told}") from None


def briefly(text: str) -> str:
    """A formula as messages show it."""
    return text if len(text) <= 120 else f"{text[:117]}..."
