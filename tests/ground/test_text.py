"""Text of strangers: what reaches a terminal or a figure, and how much of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimt_bench.ground import InputError, Kinds, closest, fitting, listed, printable, unfit

ODD = ("\x1b[31mred", "a\x00b", "\ud800", "\u202egnp.exe", "\u2028", "\x9b31m", "\r", "\x7f")


@pytest.mark.parametrize("text", ODD)
def test_control_characters_are_refused_in_names_and_written_out_elsewhere(text: str) -> None:
    assert "the control character" in (unfit(text) or "")
    shown = printable(text)
    assert shown.isprintable() and "\\" in shown
    assert printable(shown) == shown


@given(st.text(st.characters()))
def test_any_text_can_be_shown_and_encoded(text: str) -> None:
    printable(text).encode()
    line = fitting(text, 40)
    assert len(line) <= 400 and "\n" not in line and "\x1b" not in line


@pytest.mark.parametrize("text", ["a x b", "modularité ✓ 模块", "a $x$ \\frac", "[red]"])
def test_text_of_people_stays_as_it_is(text: str) -> None:
    assert unfit(text) is None
    assert printable(text) == fitting(text) == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x" * 201, "has 201 characters; at most 200"),
        ("a\nb", "holds a line end"),
        ("a\tb", "holds"),
    ],
)
def test_what_can_be_no_name(text: str, told: str) -> None:
    assert (unfit(text) or "").startswith(told)


def test_of_many_faults_the_first_are_told() -> None:
    assert listed(["a", "b"]) == "a\nb"
    assert listed([str(i) for i in range(20)]).splitlines()[-1] == "19"
    lines = listed([str(i) for i in range(4002)]).splitlines()
    assert len(lines) == 21 and lines[-1] == "and 3,982 more"
    assert len(listed(["x" * 5000])) == 2000


def test_no_suggestion_is_sought_for_a_novel() -> None:
    assert closest("x" * 10_000, ["x" * 9_999]) == ""
    assert closest("hiden", ["hidden"]) != ""


@pytest.mark.parametrize(
    ("name", "title", "told"),
    [
        ("a\x1b[31m", "A", "thing: the name 'a.x1b.31m' of .* holds the control character"),
        ("a", "A" * 7000, "thing: the title 'A*\\.\\.\\.' of .* has 7,000 characters; at most 200"),
        ("a", "A\nB", "thing: the title 'A B' of .* holds a line end"),
    ],
)
def test_a_kind_whose_name_cannot_be_shown_is_refused(name: str, title: str, told: str) -> None:
    kinds = Kinds("thing")
    kind = type("Thing", (), {"name": name, "title": title})
    with pytest.raises(InputError, match=told):
        kinds.register(kind)
    assert not len(kinds)
