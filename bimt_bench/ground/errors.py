"""What a user is told when something is wrong, and the talk of other packages that is kept out."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class InputError(ValueError):
    """Input that cannot be used; the message names the field, the value and what is allowed."""


@contextmanager
def quiet(*names: str) -> Iterator[None]:
    """Keeps the named loggers from telling anything less than critical, then sets them back."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
