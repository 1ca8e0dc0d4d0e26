"""Loops that numba compiles for the CPU: how they are declared, compiled and kept; blank columns.

numba keeps what it compiled beside a loop's file and looks only at that file's age to see whether
it is still right, so everything that a loop calls stands in the loop's own file.
"""

from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pooch
from filelock import FileLock
from numba import from_dtype, njit, types

_LOOPS: list[tuple[Any, list[str]]] = []


def loop(signature: str, *flags: str) -> Callable[[Callable[..., Any]], Any]:
    """A loop with its arguments: i and f are one number, i2 an array of integers of two axes."""

    def made(function: Callable[..., Any]) -> Any:
        options: Any = {"error_model": "numpy", "fastmath": {"contract", *flags}}
        try:
            made_loop = njit(cache=True, **options)(function)
        except RuntimeError:  # there is no folder where numba may keep what it compiles
            made_loop = njit(**options)(function)
        _LOOPS.append((made_loop, signature.split()))
        return made_loop

    return made


@cache
def prepare(dtype: str) -> None:
    """Compiles all loops for 'float32' or 'float64', or takes those compiled before.

    One process at a time: what numba keeps of two types at once can be mixed up.
    """
    folder = Path(pooch.os_cache("bimt_bench"))
    number = from_dtype(np.dtype(dtype))
    with ExitStack() as held:
        # where no lock can be had, numba hardly has a folder to keep anything in either
        with suppress(OSError, NotImplementedError):
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(FileLock(folder / "kernels.lock"))
        for one, signature in _LOOPS:
            one.compile(tuple(_typed(code, number) for code in signature))


def _typed(code: str, number: types.Type) -> types.Type:
    kind = types.int64 if code[0] == "i" else number
    return types.Array(kind, int(code[1:]), "C") if code[1:] else kind


@loop("f2 i")
def used_columns(rows, group):
    """Which columns of a matrix [B, n] are not all zero, ascending; what is undefined is not zero.

    The first blank ones make up a multiple of `group`, and one group at least.
    """
    marked = np.zeros(rows.shape[1], np.uint8)
    for row in range(rows.shape[0]):
        _mark_used(marked, rows[row])
    count = 0
    for column in range(marked.shape[0]):
        count += marked[column]
    missing = -count % group if count else group
    found = np.empty(min(count + missing, marked.shape[0]), np.int64)
    k = 0
    for column in range(marked.shape[0]):
        if not marked[column] and missing:
            marked[column], missing = 1, missing - 1
        if marked[column]:
            found[k], k = column, k + 1
    return found


@njit(error_model="numpy", fastmath={"contract"})
def _mark_used(found, row):
    for i in range(row.shape[0]):
        found[i] |= row[i] != row.dtype.type(0.0)
