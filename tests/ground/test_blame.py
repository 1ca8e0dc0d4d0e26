"""The place of an error in a stranger's file."""

import json
from collections.abc import Callable

import pytest

from bimt_bench.ground import located
from bimt_bench.ground.blame import last_in


class Own:
    """A kind whose code is this file."""

    def __init__(self, hook: Callable[[], object]) -> None:
        self.hook = hook


def raised(act: Callable[[], object]) -> BaseException:
    try:
        act()
    except BaseException as error:  # noqa: BLE001
        return error
    raise AssertionError


def ends() -> None:
    raise SystemExit(2)


@pytest.mark.parametrize(
    ("hook", "told"),
    [
        (lambda: {}["looks"], "KeyError: 'looks'"),
        (lambda: json.loads("\n\n"), "JSONDecodeError: Expecting value"),  # raised beneath
        (lambda: next(iter(())), "StopIteration: no message"),
        (ends, "SystemExit: ends the program"),
    ],
)
def test_an_error_is_told_with_the_last_line_of_the_kinds_own_file(hook, told) -> None:
    error = raised(hook)
    line = hook.__code__.co_firstlineno + (hook is ends)
    for kind in (Own, Own(hook)):
        assert located(error, kind).startswith(f"test_blame.py, line {line}: {told}")


def test_an_error_of_others_has_no_place() -> None:
    error = raised(lambda: json.loads(""))
    assert located(error, json.JSONDecoder).startswith("decoder.py, line ")
    assert located(error, pytest.Item).startswith("JSONDecodeError: Expecting value")
    assert last_in("", error.__traceback__) is None
