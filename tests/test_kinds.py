"""The registry: one door for what ships and what comes from outside."""

from types import SimpleNamespace

import pytest

from bimt_bench.ground import BUILT_IN, InputError, Kinds, Source, entering

OUTSIDE = Source("own", "", "0123456789ab")


@pytest.fixture
def kinds():
    held = Kinds("thing")
    with entering(BUILT_IN):
        held.register(named("one"))
    with entering(OUTSIDE):
        held.register(named("two"))
    return held


def named(name, label="Thing"):
    return type(label, (), {"name": name})


def test_kinds_remember_where_they_came_from(kinds):
    assert list(kinds) == ["one", "two"]
    assert kinds.sources() == (BUILT_IN, OUTSIDE)
    assert kinds.source_of("one") == BUILT_IN and kinds.source_of("two") == OUTSIDE
    assert kinds.of(OUTSIDE) == {"two": kinds["two"]}
    assert (BUILT_IN.built_in, OUTSIDE.built_in, str(OUTSIDE)) == (True, False, "own")


def test_what_is_entered_in_one_place_does_not_leak_to_the_next(kinds):
    with pytest.raises(RuntimeError), entering(OUTSIDE):
        raise RuntimeError
    kinds.register(named("three"))
    assert kinds.source_of("three") not in (OUTSIDE, BUILT_IN)  # but that of this file


@pytest.mark.parametrize(
    ("kind", "source", "message"),
    [
        (named("two"), BUILT_IN, "thing: 'two' of bimt_bench .* has the name of one of own"),
        (named("one"), OUTSIDE, "thing: 'one' of own has the name of one of bimt_bench"),
        (named("two", "Other"), OUTSIDE, "thing: own has two of the name 'two'; rename one"),
        (named(""), OUTSIDE, "thing: .* of own has no name"),
        (named(3), OUTSIDE, "thing: .* of own has no name"),
        (object(), OUTSIDE, "thing: .* of own has no name"),
    ],
)
def test_a_name_that_is_absent_or_taken_is_refused(kinds, kind, source, message):
    with pytest.raises(InputError, match=message), entering(source):
        kinds.register(kind)
    assert list(kinds) == ["one", "two"]


def test_a_class_that_is_loaded_again_takes_its_own_place(kinds):
    again = named("one")
    with entering(BUILT_IN):
        assert kinds.register(again) is again
    assert kinds["one"] is again


def test_what_wraps_a_function_is_known_by_it(kinds):
    def made(function):
        return SimpleNamespace(name="wrapped", __wrapped__=function)

    def one():
        def inner():
            return 1

        return inner

    def other():
        def inner():
            return 2

        return inner

    kinds.register(made(one()))
    kinds.register(made(one()))
    with pytest.raises(InputError, match="two of the name 'wrapped'"):
        kinds.register(made(other()))


def test_dropping_a_source_leaves_what_ships(kinds):
    kinds.drop(BUILT_IN)
    kinds.drop(OUTSIDE)
    assert list(kinds) == ["one"]


def test_what_is_refused_half_way_is_undone(kinds):
    def half_way():
        with kinds.unless_refused():
            kinds.drop(OUTSIDE)
            kinds.register(named("three"))
            kinds.register(named(""))

    before = dict(kinds)
    with pytest.raises(InputError):
        half_way()
    assert dict(kinds) == before and kinds.source_of("two") == OUTSIDE


def test_an_unknown_name_suggests_the_nearest(kinds):
    with pytest.raises(InputError, match="unknown thing 'tow'; did you mean 'two'"):
        kinds.get_kind("tow")


@pytest.mark.parametrize(
    ("name", "hinted"),
    [("tow", True), ("own", False)],  # a plug-in 'own' is there: it brought a kind of another name
)
def test_who_asks_for_an_unknown_kind_hears_of_plugins(kinds, name, hinted):
    with pytest.raises(InputError, match=f"unknown thing '{name}'") as refused:
        kinds.get_kind(name)
    assert str(refused.value).endswith(" (one of your own comes with --plugin FILE)") == hinted
