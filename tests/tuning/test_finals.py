"""Which configurations of a search are trained again: the front of each recipe, thinned out."""

import pytest

from bimt_bench.spec import Configuration
from bimt_bench.tuning.finals import finals

BOTH = ("higher", "lower")


def chosen(scores, *, directions=BOTH, most=16, recipe=lambda name: "l1"):
    searched = {name: Configuration(recipe=recipe(name), note=name) for name in scores}
    found = finals(searched, scores, directions=directions, most=most)
    return "".join(one.settings["note"] for one in found)


def test_what_another_beats_is_left_out():
    scores = {"a": (1.0, 1.0), "b": (2.0, 1.0), "c": (3.0, 2.0), "d": (2.0, 3.0), "e": None}
    assert chosen(scores) == "bc"
    assert chosen(scores, directions=("higher", "higher")) == "cd"


def test_each_recipe_has_a_front_of_its_own():
    scores = {"a": (1.0, 1.0), "b": (2.0, 0.0), "c": (5.0, 0.0)}
    assert chosen(scores, recipe=lambda name: "bimt" if name == "c" else "l1") == "bc"
    assert chosen(scores) == "c"


@pytest.mark.parametrize(
    ("direction", "best"), [("higher", "d"), ("lower", "a")], ids=["higher", "lower"]
)
def test_a_single_objective_has_one_best(direction, best):
    scores = {name: (float(place),) for place, name in enumerate("abcd")}
    assert chosen(scores, directions=(direction,)) == best


def test_ties_are_all_on_the_front_as_far_as_there_is_room():
    scores = dict.fromkeys("abcdef", (1.0,))
    assert chosen(scores, directions=("higher",)) == "abcdef"
    assert chosen(scores, directions=("higher",), most=2) == "af"


@pytest.mark.parametrize(("most", "wanted"), [(9, "abcdefghi"), (3, "aei"), (2, "ai"), (1, "i")])
def test_a_front_is_thinned_out_evenly_and_keeps_its_best(most, wanted):
    scores = {name: (float(place), float(place)) for place, name in enumerate("abcdefghi")}
    assert chosen(scores, most=most) == wanted


def test_nothing_measured_is_nothing_found():
    assert chosen({"a": None}) == "" and chosen({}) == ""
