import numpy as np
import pytest

from bimt_bench.ground import InputError
from bimt_bench.network import geometry
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
