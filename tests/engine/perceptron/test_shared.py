"""Products with columns that members share: one for all, or one each, with the same bits."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bimt_bench.engine.objective import TaskLoss
from bimt_bench.engine.perceptron.gradient import PerceptronGradient
from bimt_bench.engine.perceptron.products import Full
from bimt_bench.engine.perceptron.shared import Apart, SharedShape, Together, one_does_for_all
from bimt_bench.engine.perceptron.workspace import whole_lines
from bimt_bench.engine.population import Population
from bimt_bench.network.columns import ColumnBatch
from bimt_bench.network.geometry import named
from bimt_bench.network.mlp import Mlp

DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


def made(kind, shape):
    """A product with room of its own."""
    width = whole_lines(shape.columns * shape.neurons, shape.dtype)
    memory = torch.zeros(shape.members, width, dtype=shape.dtype)
    if kind is Apart:
        return Apart(shape, memory)
    scratch = torch.zeros(shape.members, shape.neurons * shape.samples, dtype=shape.dtype)
    return Together(shape, memory, scratch)


def filled(shape, seed):
    """Weights [T, K, h], values [K, B] and deltas [T, h, B]."""
    random = torch.Generator().manual_seed(seed)
    sizes = (
        (shape.members, shape.columns, shape.neurons),
        (shape.columns, shape.samples),
        (shape.members, shape.neurons, shape.samples),
    )
    return [torch.randn(size, generator=random, dtype=shape.dtype) for size in sizes]


def both(kind, shape, weights, values, deltas):
    """Sums [T, h, B], and the gradient [T, K, h]."""
    product, sums = made(kind, shape), torch.zeros_like(deltas)
    product.weights.copy_(weights)
    product.ascend(values, out=sums)
    product.descend(values, deltas)
    return sums, product.weights.clone()


@DTYPES
@pytest.mark.parametrize("kind", [Apart, Together])
@settings(max_examples=15, deadline=None)
@given(sizes=st.tuples(*[st.integers(1, 9)] * 4), seed=st.integers(0, 99))
def test_both_ways_multiply_every_members_weights(kind, dtype, sizes, seed):
    shape = SharedShape(*sizes, dtype, 1, Full())
    weights, values, deltas = filled(shape, seed)
    sums, gradient = both(kind, shape, weights, values, deltas)
    torch.testing.assert_close(sums, torch.einsum("tkh,kb->thb", weights, values))
    torch.testing.assert_close(gradient, torch.einsum("kb,thb->tkh", values, deltas))


@DTYPES
@pytest.mark.parametrize("columns", [496, 528, 560])
@pytest.mark.parametrize("members", [2, 3, 4])
def test_where_one_product_does_for_all_a_member_gets_the_bits_of_its_own(members, columns, dtype):
    shape = SharedShape(members, 100, columns, 100, dtype, torch.get_num_threads(), Full())
    if not one_does_for_all(shape):
        pytest.skip("this machine's product of all members adds in another order")
    weights, values, deltas = filled(shape, seed=7)
    sums, gradient = both(Together, shape, weights, values, deltas)
    single = SharedShape(1, 100, columns, 100, dtype, torch.get_num_threads(), Full())
    for row in range(members):
        mine = slice(row, row + 1)
        alone = both(Apart, single, weights[mine], values, deltas[mine])
        assert torch.equal(alone[0][0], sums[row])
        assert torch.equal(alone[1][0], gradient[row])


def test_a_single_member_and_members_between_cache_lines_are_multiplied_apart():
    assert not one_does_for_all(SharedShape(1, 16, 32, 16, torch.float32, 1, Full()))
    assert not one_does_for_all(SharedShape(3, 5, 32, 5, torch.float32, 1, Full()))


@DTYPES
@pytest.mark.parametrize("together", [True, False, None], ids=["together", "apart", "tried"])
def test_the_gradient_is_that_of_each_member_alone(monkeypatch, together, dtype):
    if together is not None:
        monkeypatch.setattr(
            "bimt_bench.engine.perceptron.compiled.one_does_for_all", lambda _: together
        )
    architecture = Mlp((400, 16, 3), pinned=("input",))
    inputs = torch.rand(16, 400, dtype=dtype) * (torch.arange(400) % 5 < 3)
    targets = torch.arange(16) % 3
    batch = architecture.prepare(inputs)
    assert isinstance(batch, ColumnBatch)
    assert len(batch.used) == 240

    def gradient(seeds):
        population = Population(architecture, [named("line")] * len(seeds), dtype=dtype)
        population.start("test/task", seeds)
        table = torch.ones_like(population.flat)
        way = PerceptronGradient(population, table, loss=TaskLoss.of("cross_entropy"))
        way.gradient(batch, targets, slice(0, len(seeds)))
        return population.views(table)

    everyone = gradient([5, 6, 7])
    for row, seed in enumerate([5, 6, 7]):
        for name, alone in gradient([seed]).items():
            if together is None:
                assert torch.equal(alone[0], everyone[name][row])
            torch.testing.assert_close(alone[0], everyone[name][row])
