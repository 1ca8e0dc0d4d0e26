import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bimt_bench.ground import InputError, Source, entering
from bimt_bench.network import Distance, Placement, geometry
from bimt_bench.network.wiring import Wiring
from bimt_bench.spec import DISTANCES, PLACEMENTS, GeometrySpec, choose


def test_line_holds_cell_centres_at_half_height():
    places = geometry.coordinates(choose(PLACEMENTS, "line"), 4)
    np.testing.assert_allclose(places[:, 0], [0.125, 0.375, 0.625, 0.875])
    np.testing.assert_allclose(places[:, 1], 0.5)


def test_grid_is_row_major_with_x_fastest():
    places = geometry.coordinates(choose(PLACEMENTS, "grid"), 4)
    np.testing.assert_allclose(places, [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]])


def test_grid_with_rows_is_a_rectangle():
    places = geometry.coordinates(choose(PLACEMENTS, {"kind": "grid", "rows": 2}), 6)
    np.testing.assert_allclose(places[:, 1], [0.25] * 3 + [0.75] * 3)
    np.testing.assert_allclose(places[:3, 0], [1 / 6, 1 / 2, 5 / 6])


def test_ring_of_ten_lies_where_the_published_one_does():
    places = geometry.coordinates(choose(PLACEMENTS, "ring"), 10)
    angle = 2 * np.pi * (np.arange(10) + 0.5) / 10
    np.testing.assert_allclose(places[:, 0], 0.5 + 0.25 * np.cos(angle))
    np.testing.assert_allclose(np.linalg.norm(places - 0.5, axis=1), 0.25)


@pytest.mark.parametrize(("norm", "expected"), [("l1", 1.0), ("l2", np.sqrt(0.5))])
def test_distance_between_opposite_corners(norm, expected):
    a, b = np.array([[0.25, 0.25]]), np.array([[0.75, 0.75]])
    assert geometry.distances(a, b, choose(DISTANCES, norm))[0, 0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("placement", "size", "words"),
    [
        (choose(PLACEMENTS, "grid"), 20, ["20 neurons", "hidden1", "16 or 25"]),
        (choose(PLACEMENTS, {"kind": "grid", "rows": 3}), 20, ["20 neurons", "rows=3"]),
    ],
)
def test_sizes_that_do_not_fit_a_grid_are_refused(placement, size, words):
    with pytest.raises(InputError) as error:
        geometry.coordinates(placement, size, group="hidden1")
    assert all(word in str(error.value) for word in words)


def test_unknown_geometry_names_the_closest():
    with pytest.raises(InputError, match="unknown geometry 'lime'; did you mean 'line'"):
        geometry.named("lime")


def test_every_group_gets_its_roles_placement():
    spec = GeometrySpec(
        input=choose(PLACEMENTS, "grid"),
        hidden=choose(PLACEMENTS, "line"),
        output=choose(PLACEMENTS, "ring"),
    )
    places = geometry.group_coordinates(spec, Wiring.layered((4, 3, 5, 2)))
    assert {name: len(place) for name, place in places.items()} == {
        "input": 4,
        "hidden1": 3,
        "hidden2": 5,
        "output": 2,
    }
    assert set(places["input"][:, 1]) == {0.25, 0.75}
    assert set(places["hidden2"][:, 1]) == {0.5}


# ---------------------------------------------------------------------------- any shape, any way


ANY_SIZE = [name for name in PLACEMENTS if name != "grid"]
DISTANCE_SETTINGS = [*DISTANCES, {"kind": "wrapped", "norm": "l2"}]


@settings(max_examples=30, deadline=None)
@given(kind=st.sampled_from(ANY_SIZE), size=st.integers(1, 60))
def test_a_placement_puts_every_neuron_at_a_place_of_its_own(kind, size):
    places = geometry.coordinates(choose(PLACEMENTS, kind), size)
    assert places.shape == (size, 3 if kind == "cube" else 2)
    assert ((places >= 0.0) & (places <= 1.0)).all()
    assert len(np.unique(places.round(9), axis=0)) == size
    np.testing.assert_array_equal(places, geometry.coordinates(choose(PLACEMENTS, kind), size))


@settings(max_examples=30, deadline=None)
@given(
    distance=st.sampled_from(DISTANCE_SETTINGS),
    dimension=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_a_distance_is_0_at_home_and_the_same_both_ways(distance, dimension, seed):
    draw = np.random.default_rng(seed)
    here, there = draw.random((4, dimension)), draw.random((6, dimension))
    chosen = choose(DISTANCES, distance)
    away = geometry.distances(here, there, chosen)
    assert away.shape == (4, 6) and (away > 0.0).all()
    np.testing.assert_allclose(away, geometry.distances(there, here, chosen).T)
    np.testing.assert_allclose(np.diagonal(geometry.distances(here, here, chosen)), 0.0)
    more = [geometry.in_dimensions(places, 3) for places in (here, there)]
    np.testing.assert_allclose(geometry.distances(*more, chosen), away)


def test_a_torus_has_no_edge_and_a_grid_of_the_same_places_has():
    places = geometry.coordinates(choose(PLACEMENTS, "torus"), 16)
    np.testing.assert_allclose(places, geometry.coordinates(choose(PLACEMENTS, "grid"), 16))
    wrapped = geometry.distances(places, places, choose(DISTANCES, "wrapped"))
    assert np.unique(wrapped.sum(axis=1).round(9)).size == 1, "every neuron is at the centre"
    assert wrapped.max() == pytest.approx(1.0)
    l1 = geometry.distances(places, places, choose(DISTANCES, "l1"))
    assert (wrapped <= l1 + 1e-12).all() and wrapped[0, 3] == pytest.approx(0.25)
    assert np.unique(l1.sum(axis=1).round(9)).size > 1


@pytest.mark.parametrize(
    ("kind", "size", "sides"),
    [("torus", 20, (5, 4)), ("torus", 7, (7, 1)), ("torus", 36, (6, 6)),
     ("cube", 20, (5, 2, 2)), ("cube", 27, (3, 3, 3)), ("cube", 7, (7, 1, 1)),
     ("cube", 64, (4, 4, 4)), ("cube", 1, (1, 1, 1))],
)  # fmt: skip
def test_sides_are_as_even_as_the_number_of_neurons_allows(kind, size, sides):
    places = geometry.coordinates(choose(PLACEMENTS, kind), size)
    assert tuple(len(np.unique(axis)) for axis in places.T) == sides


def test_a_torus_takes_rows_that_divide_its_neurons():
    places = geometry.coordinates(choose(PLACEMENTS, {"kind": "torus", "rows": 2}), 20)
    assert len(np.unique(places[:, 1])) == 2
    with pytest.raises(InputError, match="20 neurons of group 'hidden1' do not fit a torus of row"):
        geometry.coordinates(choose(PLACEMENTS, {"kind": "torus", "rows": 3}), 20, group="hidden1")


def test_random_places_follow_from_seed_and_group():
    def drawn(group="hidden1", **given):
        return geometry.coordinates(choose(PLACEMENTS, {"kind": "random", **given}), 9, group=group)

    np.testing.assert_array_equal(drawn(), drawn(seed=0))
    assert not np.array_equal(drawn(), drawn(seed=1))
    assert not np.array_equal(drawn(), drawn(group="hidden2"))
    assert drawn(dimension=3).shape == (9, 3)


def test_groups_of_fewer_dimensions_lie_in_the_middle():
    spec = GeometrySpec(
        input=choose(PLACEMENTS, "line"),
        hidden=choose(PLACEMENTS, "cube"),
        output=choose(PLACEMENTS, "ring"),
    )
    places = geometry.group_coordinates(spec, Wiring.layered((4, 8, 3)))
    assert {name: place.shape for name, place in places.items()} == {
        "input": (4, 3),
        "hidden1": (8, 3),
        "output": (3, 3),
    }
    assert set(places["input"][:, 2]) == set(places["output"][:, 2]) == {0.5}


@pytest.mark.parametrize("name", geometry.GEOMETRIES)
def test_named_geometries_can_be_had(name):
    geometry.check(geometry.GEOMETRIES[name], Wiring.layered((4, 9, 4)))


# --------------------------------------------------------------------------- what a stranger brings


@pytest.fixture
def register():
    source = Source("strange", "1", "abc")

    def enter(kinds, kind):
        with entering(source):
            kinds.register(kind)
        return choose(kinds, "own")

    yield enter
    for kinds in (PLACEMENTS, DISTANCES):
        kinds.drop(source)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (np.zeros((3, 2)), r"gave an array \[3, 2\] of float64 for the 4 neurons of group 'input'"),
        (np.zeros(4), r"gave an array \[4\] of float64"),
        ([[0.0]] * 4, "gave no array but list for the 4 neurons"),
        (np.array([["a"]] * 4), r"gave an array \[4, 1\] of <U1"),
        (np.array([[0.0], [1.0], [np.nan], [0.0]]), "put neuron 2 of group 'input' at a place tha"),
    ],
)
def test_a_placement_that_gives_no_places_is_one_line(register, found, message):
    own = type("Own", (Placement,), {"name": "own", "title": "own",
                                     "coordinates": lambda *_, group: found})  # fmt: skip
    spec = GeometrySpec(input=register(PLACEMENTS, own))
    with pytest.raises(InputError, match=rf"^geometry: placement 'own' {message}"):
        geometry.check(spec, Wiring.layered((4, 3, 2)))


def fails(*_, group=""):
    return {}["radius"]


@pytest.mark.parametrize(
    ("kinds", "contract", "hook", "field"),
    [
        (PLACEMENTS, Placement, "coordinates", "input"),
        (DISTANCES, Distance, "between", "distance"),
    ],
)
def test_a_kind_that_raises_is_named_with_its_place(register, kinds, contract, hook, field):
    own = type("Own", (contract,), {"name": "own", "title": "own", hook: fails})
    spec = GeometrySpec(**{field: register(kinds, own)})
    place = r"test_geometry\.py, line [0-9]+"
    with pytest.raises(
        InputError, match=rf"^geometry: {kinds.word} 'own': {place}: KeyError: 'radius'$"
    ):
        geometry.check(spec, Wiring.layered((4, 3, 2)))


def test_places_that_are_drawn_anew_at_every_call_are_refused(register):
    random = np.random.default_rng(0)
    own = type("Own", (Placement,), {
        "name": "own", "title": "own",
        "coordinates": lambda self, settings, size, *, group: random.random((size, 2)),
    })  # fmt: skip
    spec = GeometrySpec(hidden=register(PLACEMENTS, own))
    with pytest.raises(InputError, match="placement 'own' gave other places for group 'hidden1'"):
        geometry.check(spec, Wiring.layered((4, 3, 2)))


def apart(target, source):
    return target[:, None, 0] - source[None, :, 0]


@pytest.mark.parametrize(
    ("between", "message"),
    [
        (
            lambda t, s: np.zeros((1, 1)),
            r"gave an array \[1, 1\] of float64 for 3 targets and 4 so",
        ),
        (lambda t, s: 0.0, "gave no array but float"),
        (lambda t, s: np.full((len(t), len(s)), np.inf), "gave inf; must be finite and at least 0"),
        (apart, r"gave -[0-9.]+; must be finite and at least 0"),
        (lambda t, s: apart(t, s).clip(0.0), r"gave .* one way and .* back; must be the same both"),
        (lambda t, s: 1.0 + np.abs(apart(t, s)), "gave 1 from a place to itself; must be 0"),
    ],
)
def test_what_is_no_distance_is_one_line(register, between, message):
    facts = {"name": "own", "title": "own", "between": lambda _, settings, t, s: between(t, s)}
    own = type("Own", (Distance,), facts)
    spec = GeometrySpec(distance=register(DISTANCES, own))
    with pytest.raises(InputError, match=rf"^geometry: distance 'own' {message}") as refused:
        geometry.check(spec, Wiring.layered((4, 3, 2)))
    assert "\n" not in str(refused.value)
