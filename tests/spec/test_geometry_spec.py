"""A geometry in words, as frames and MLflow have it."""

import pytest

from bimt_bench.network import GEOMETRIES
from bimt_bench.spec import GeometrySpec

RINGS = {"hidden": {"kind": "ring", "radius": 0.4}}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (GEOMETRIES["line"], "line"),
        (GEOMETRIES["grid_ring"], "input grid; hidden grid; output ring"),
        (
            GeometrySpec.model_validate(RINGS),
            "input line; hidden ring, radius: 0.4; output line",
        ),
    ],
)
def test_placements_say_what_is_not_as_usual(spec, words):
    assert spec.placement == words
