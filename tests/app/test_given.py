"""What is given as text: seeds as a number, lists, ranges, and both."""

import pytest

from bimt_bench.app import given
from bimt_bench.ground import InputError


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("3", [0, 1, 2]),
        ("0,1,7", [0, 1, 7]),
        ("5:8", [5, 6, 7]),
        ("0,2,5:8", [0, 2, 5, 6, 7]),
        (" 0:2 , 9 ,4:5", [0, 1, 9, 4]),
        ("0:10000", list(range(10_000))),
    ],
)
def test_seeds(text, seeds):
    assert list(given.seeds(text)) == seeds


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "should be"),
        ("1,", "should be"),
        ("1:2:3", "should be"),
        (":3", "should be"),
        ("0x1", "should be"),
        ("0", "0 seeds"),
        ("3:3", "0 seeds"),
        ("0,5:3", "before `to`"),
        ("0:5000,5000:10001", "10001 seeds"),
    ],
)
def test_what_is_no_seeds_is_refused(text, word):
    with pytest.raises(InputError, match=f"seeds: '{text}' given.*{word}"):
        given.seeds(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [("task", "task"), ("0,0.5", (0.0, 0.5)), ("a,b", "a,b"), ("1,2,3", (1, 2, 3))],
)
def test_a_corner_is_a_word_or_numbers(text, found):
    assert given.corner(text) == found
