"""The file of weights holds what its members need and nothing else."""

import numpy as np
import pytest
import safetensors.numpy

from bimt_bench import data
from bimt_bench.ground import InputError
from bimt_bench.leaderboard import weights_file
from bimt_bench.network import build
from bimt_bench.spec import catalog


@pytest.fixture(scope="module")
def architecture():
    task = catalog.task("symbolic/independence")
    return build(task, data.load(task.data))


def arrays(architecture, value: float = 0.5) -> dict[str, np.ndarray]:
    layout = weights_file.layout(architecture, "float32")
    return {
        name: np.arange(one.shape[0]) if one.dtype == "I64" else np.full(one.shape, value, "f4")
        for name, one in layout.items()
    } | {"coordinates.input": np.zeros((4, 2), "f4")}


def test_what_is_written_is_read_and_coordinates_are_not(architecture) -> None:
    content = weights_file.written({"a": arrays(architecture)}, architecture, "float32")
    wanted = weights_file.layout(architecture, "float32")
    found = weights_file.opened(content, {"a": wanted}, "weights")["a"]
    assert "coordinates.input" not in found and "labels.input" in found
    for name, one in found.items():
        np.testing.assert_array_equal(one, arrays(architecture)[name])


def test_a_library_reads_it_too(architecture) -> None:
    content = weights_file.written({"a": arrays(architecture)}, architecture, "float16")
    assert safetensors.numpy.load(content)["a/layers.0.weight"].dtype == np.float16


def test_a_number_beyond_float16_is_refused(architecture) -> None:
    with pytest.raises(InputError, match=r"'layers.0.weight' of member a does not fit float16"):
        weights_file.written({"a": arrays(architecture, 1e6)}, architecture, "float16")


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({}, "does not belong here"),
        ({"a": "float32", "b": "float32"}, "'b/layers.0.weight' is missing"),
        ({"a": "float16"}, r"is F32 \[20, 4\]; must be F16 \[20, 4\]"),
    ],
)
def test_other_members_and_other_arrays_are_told(architecture, wanted, told: str) -> None:
    content = weights_file.written({"a": arrays(architecture)}, architecture, "float32")
    layouts = {member: weights_file.layout(architecture, one) for member, one in wanted.items()}
    with pytest.raises(InputError, match=told):
        weights_file.opened(content, layouts, "weights")


def test_tensors_that_overlap_are_refused(architecture) -> None:
    from tests.leaderboard import rewriting

    content = weights_file.written({"a": arrays(architecture)}, architecture, "float32")

    def overlap(told) -> None:
        told["a/layers.1.bias"]["data_offsets"] = told["a/layers.0.bias"]["data_offsets"]

    wanted = {"a": weights_file.layout(architecture, "float32")}
    with pytest.raises(InputError, match="begins at byte"):
        weights_file.opened(rewriting.header(content, overlap), wanted, "weights")
