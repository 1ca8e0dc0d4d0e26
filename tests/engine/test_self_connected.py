"""Relocation of groups that are connected to themselves, as recurrent groups are."""

from typing import Any

import pytest
import torch
from torch import Tensor

from bimt_bench.engine import cost as penalty
from bimt_bench.engine.population import Population
from bimt_bench.engine.relocation import relocate
from bimt_bench.engine.relocation.permutation import permute
from bimt_bench.engine.relocation.wires import Wires
from bimt_bench.network.architecture import Architecture
from bimt_bench.network.geometry import named
from bimt_bench.network.wiring import Attachment, Connection, Group, Wiring

SIZE = 6
STEPS = 3


class Recurrent(Architecture):
    """h <- sum over gates of tanh(W x + U h + b), read out at the end; `gates` are folds of U."""

    def __init__(self, gates: int = 1) -> None:
        self.gates = gates
        groups = (
            Group("input", 3, "input", 0, movable=False),
            Group("state", SIZE, "hidden", 1),
            Group("output", 2, "output", 2, movable=False),
        )
        self.wiring = Wiring(
            groups,
            (
                Connection("in.weight", "input", "state", target_folds=gates),
                Connection("state.weight", "state", "state", target_folds=gates),
                Connection("skip.weight", "state", "state"),
                Connection("out.weight", "state", "output"),
            ),
            (Attachment("state.bias", "state", 1, "bias", folds=gates),),
        )
        self.shapes = {
            "in.weight": (gates * SIZE, 3),
            "state.weight": (gates * SIZE, SIZE),
            "skip.weight": (SIZE, SIZE),
            "out.weight": (2, SIZE),
            "state.bias": (gates * SIZE,),
        }

    def initial(self, task: str, seed: int) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(seed)
        return {
            name: torch.randn(shape, generator=generator, dtype=torch.float64)
            for name, shape in self.shapes.items()
        }

    def prepare(self, inputs: Tensor) -> Tensor:
        return inputs.T

    def network(self, parameters: Any, positions: Any) -> Any:
        raise NotImplementedError("these tests need no one-network view")

    def forward(self, parameters: Any, batch: Any, positions: Any, seen: Any = None) -> Tensor:
        state = torch.zeros(len(parameters["in.weight"]), SIZE, batch.shape[1], dtype=batch.dtype)
        for _ in range(STEPS):
            driven = parameters["in.weight"] @ batch + parameters["state.weight"] @ state
            driven = driven + parameters["state.bias"].unsqueeze(2)
            gates = torch.tanh(driven).chunk(self.gates, dim=1)
            state = torch.stack(gates).sum(dim=0) + 0.1 * parameters["skip.weight"] @ state
        return parameters["out.weight"] @ state


def recurrent(gates: int, *, geometries: tuple[str, ...] = ("line", "ring")) -> Population:
    population = Population(Recurrent(gates), [named(g) for g in geometries], dtype=torch.float64)
    population.start("recurrent", list(range(population.size)))
    return population


def cost_of(population: Population, reduce: str) -> Tensor:
    ones = torch.ones(population.size, dtype=torch.float64)
    table = penalty.prices(population, locality=ones, spacing=0.3 * ones, reduce=reduce)
    return penalty.connection_cost(population.flat, table)


def swapped(population: Population, j: int, k: int) -> None:
    order = torch.arange(SIZE)
    order[j], order[k] = k, j
    group, rows = population.architecture.wiring.group("state"), torch.arange(population.size)
    permute(population, group, rows, order.repeat(population.size, 1), table=population.flat)


@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize("gates", [1, 2])
def test_the_gain_of_every_swap_is_what_recomputing_the_cost_says(gates, reduce):
    population = recurrent(gates)
    group = population.architecture.wiring.group("state")
    table = Wires(population, torch.arange(2), reduce=reduce).table(group)
    everything = table.all_gains()
    before = cost_of(population, reduce)
    for j in range(SIZE):
        found = table.gains(torch.tensor([j, j]))
        torch.testing.assert_close(found, everything[:, j])
        for k in range(SIZE):
            swapped(population, j, k)
            torch.testing.assert_close(found[:, k], cost_of(population, reduce) - before)
            swapped(population, j, k)


def test_the_table_after_swaps_is_the_table_of_the_swapped_network():
    population = recurrent(2)
    group = population.architecture.wiring.group("state")
    table = Wires(population, torch.arange(2), reduce="sum").table(group)
    for j, k in ((0, 3), (3, 5), (2, 2), (1, 0)):
        table.swap(torch.tensor([j, j]), torch.tensor([k, k]))
        swapped(population, j, k)
        fresh = Wires(population, torch.arange(2), reduce="sum").table(group)
        torch.testing.assert_close(table.cost, fresh.cost)
        torch.testing.assert_close(table.within, fresh.within)


@pytest.mark.parametrize("seed", range(5))
def test_greedy_equals_trying_every_swap(seed):
    population = recurrent(1, geometries=("line",))
    population.start("recurrent", [seed])
    fast = recurrent(1, geometries=("line",))
    fast.flat.copy_(population.flat)
    magnitudes = [population.parameters[n].abs() for n in ("in.weight", "out.weight")]
    strength = magnitudes[0].sum(2) + magnitudes[1].sum(1)
    for name in ("state.weight", "skip.weight"):
        loop = population.parameters[name].abs()
        strength = strength + loop.sum(1) + loop.sum(2)
    for j in strength[0].argsort(descending=True)[:4].tolist():
        costs = []
        for k in range(SIZE):
            swapped(population, j, k)
            costs.append(cost_of(population, "sum").item())
            swapped(population, j, k)
        swapped(population, j, min(range(SIZE), key=costs.__getitem__))
    relocate(fast, top_k=[4], reduce="sum")
    assert torch.equal(fast.flat, population.flat)


@pytest.mark.parametrize("method", ["greedy", "assignment"])
@pytest.mark.parametrize("gates", [1, 2])
def test_relocation_keeps_the_function_of_a_recurrent_network(method, gates):
    population = recurrent(gates)
    inputs = torch.randn(5, 3, dtype=torch.float64)
    outputs, cost = population.outputs(inputs), cost_of(population, "sum")
    before = population.flat.clone()
    relocate(population, top_k=[SIZE, SIZE], reduce="sum", method=method)
    assert (population.flat != before).any(dim=1).all(), "nobody moved: the test shows nothing"
    assert (cost_of(population, "sum") < cost).all()
    torch.testing.assert_close(population.outputs(inputs), outputs)


def test_assignment_leaves_no_swap_that_helps():
    population = recurrent(2)
    relocate(population, top_k=[1, 1], reduce="sum", method="assignment")
    settled = cost_of(population, "sum")
    for j in range(SIZE):
        for k in range(j):
            swapped(population, j, k)
            assert (cost_of(population, "sum") >= settled * (1 - 1e-6)).all(), (j, k)
            swapped(population, j, k)
