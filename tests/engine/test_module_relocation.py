"""Relocation of every model kind: the function stays, wires become shorter, tables travel."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from bimt_bench.engine import cost as penalty
from bimt_bench.engine.population import Population
from bimt_bench.engine.relocation import relocate
from bimt_bench.engine.relocation.permutation import permute
from bimt_bench.engine.relocation.wires import Wires
from tests.some_models import CASES

GIVEN = settings(max_examples=12, deadline=None)


def cost_of(population: Population, reduce: str) -> torch.Tensor:
    ones = torch.ones(population.size, dtype=torch.float64)
    table = penalty.prices(population, locality=ones, spacing=0.3 * ones, reduce=reduce)
    return penalty.connection_cost(population.flat, table)


def randomised(name: str, seed: int) -> Population:
    """Two members whose parameters are all random numbers, some of them large."""
    population = CASES[name].population(2)
    generator = torch.Generator().manual_seed(seed)
    for view in population.parameters.values():
        view.copy_(torch.randn(view.shape, generator=generator, dtype=view.dtype))
        view *= torch.rand(view.shape[:1] + view.shape[1:], generator=generator) < 0.6
    return population


@pytest.mark.parametrize("name", CASES)
@given(
    seed=st.integers(0, 2**20),
    method=st.sampled_from(["greedy", "assignment"]),
    reduce=st.sampled_from(["sum", "mean"]),
)
@GIVEN
def test_relocation_keeps_the_function_and_never_adds_to_the_cost(name, seed, method, reduce):
    population = randomised(name, seed)
    inputs = CASES[name].data().test_inputs[:4]
    inputs = inputs.double() if inputs.is_floating_point() else inputs
    outputs, before = population.outputs(inputs), cost_of(population, reduce)
    relocate(population, top_k=[5, 5], reduce=reduce, method=method)
    after = cost_of(population, reduce)
    assert (after <= before * (1 + 1e-6)).all()
    scale = outputs.abs().max()
    assert (population.outputs(inputs) - outputs).abs().max() <= 1e-9 * scale
    torch.testing.assert_close(population.member(1)(inputs), outputs[1])


@pytest.mark.parametrize("name", CASES)
def test_the_gain_of_every_swap_is_what_recomputing_the_cost_says(name):
    population = randomised(name, 1)
    rows, before = torch.arange(2), cost_of(population, "mean")
    for group in population.wiring.groups:
        if not group.movable:
            continue
        gains = Wires(population, rows, reduce="mean").table(group).all_gains()
        for j in range(min(group.size, 6)):
            for k in range(j):
                order = torch.arange(group.size)
                order[j], order[k] = k, j
                swap = order.repeat(2, 1)
                permute(population, group, rows, swap, table=population.flat)
                change = cost_of(population, "mean") - before
                torch.testing.assert_close(gains[:, j, k], change, rtol=1e-7, atol=1e-12)
                permute(population, group, rows, swap, table=population.flat)


@pytest.mark.parametrize("name", CASES)
def test_tables_laid_out_like_the_parameters_travel_entry_by_entry(name):
    population = randomised(name, 2)
    marks = torch.arange(population.flat.numel(), dtype=torch.float64).view_as(population.flat)
    at = dict(zip(population.flat[0].tolist(), marks[0].tolist(), strict=True))
    relocate(population, top_k=[9, 9], reduce="sum", moments=[marks], carry_moments=True)
    used = max(stop for _, stop in population.offsets.values())
    moved = zip(population.flat[0, :used].tolist(), marks[0, :used].tolist(), strict=True)
    for value, mark in moved:
        assert value == 0.0 or at[value] == mark
    assert not torch.equal(marks[0], torch.arange(marks.shape[1], dtype=torch.float64))
