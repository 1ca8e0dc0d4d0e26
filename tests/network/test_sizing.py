"""Networks beyond a machine's memory: refused by their parameters, before they are made."""

import pytest
import torch

from bimt_bench import data
from bimt_bench.ground import InputError
from bimt_bench.network import build
from bimt_bench.network.model import Shapes
from bimt_bench.network.perceptrons import MlpKind
from bimt_bench.network.sizing import check_size, parameters_of
from bimt_bench.spec import MODELS, catalog, choose

NUMBERS = Shapes(sample=(4,), outputs=2)


def test_parameters_are_counted_as_they_are() -> None:
    settings = choose(MODELS, {"kind": "mlp", "hidden": [20, 30]})
    state = torch.get_rng_state()
    assert parameters_of(MlpKind(), settings, NUMBERS) == (4 + 1) * 20 + 21 * 30 + 31 * 2
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(
    ("task", "model"),
    [
        ("symbolic/independence", {"kind": "mlp", "hidden": [10**9]}),
        ("symbolic/independence", {"kind": "mlp", "hidden": [2**62]}),
        ("modular/addition_59", {"kind": "embedding_mlp", "embedding": 10**9, "hidden": [5]}),
        ("incontext/linear", {"kind": "rnn", "hidden": 10**7}),
        ("incontext/linear", {"kind": "transformer", "blocks": 100, "width": 10**6}),
        ("vision/digits", {"kind": "cnn", "channels": [10**5, 10**6]}),
    ],
    ids=lambda one: one if isinstance(one, str) else one["kind"],
)
def test_a_network_beyond_the_memory_is_refused_before_it_is_made(task: str, model: dict) -> None:
    whole = catalog.task(task)
    spec = whole.model_copy(update={"model": choose(MODELS, model), "pinned": ()})
    with pytest.raises(InputError, match=r"^model: .*a network of [0-9,]+ parameters, needs about"):
        build(spec, data.load(whole.data))


def test_a_module_that_only_making_can_count_is_made() -> None:
    class Looks(MlpKind):
        def module(self, settings, shapes):
            found = super().module(settings, shapes)
            assert (
                float(next(found.parameters()).detach().sum()) < 1e9
            )  # no meta tensor has a value
            return found

    settings = choose(MODELS, {"kind": "mlp", "hidden": [5]})
    assert parameters_of(Looks(), settings, NUMBERS) is None
    check_size(Looks(), settings, NUMBERS)
