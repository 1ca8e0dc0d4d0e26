import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.speed.plain import PlainNetwork, copy_from
from bimt_bench import data, recipes
from bimt_bench.engine import cost as penalty
from bimt_bench.engine import loop as training
from bimt_bench.engine import relocation
from bimt_bench.engine.population import Population
from bimt_bench.engine.relocation import relocate
from bimt_bench.engine.relocation.permutation import permute
from bimt_bench.network.geometry import GEOMETRIES, named
from bimt_bench.network.mlp import EmbeddingMlp, Mlp
from bimt_bench.spec import Configuration

# geometries that take any number of neurons
ANYWHERE = [name for name in GEOMETRIES if not name.startswith("grid")]
ARRAYS = {
    "independence": (Mlp((4, 20, 20, 2)), 5, "sum"),
    "modular_addition": (EmbeddingMlp((32, 50, 50, 59), tokens=59, folds=2), 30, "mean"),
}


def published(arrays: dict, moment: str, name: str) -> np.ndarray:
    """A parameter of a golden run under its published name, the embedding put in position."""
    if name == "embedding.weight":
        order = arrays[f"{moment}/in_perm"].astype(int)
        return arrays[f"{moment}/embedding"][:, order]
    _, layer, kind = name.split(".")
    return arrays[f"{moment}/linears.{layer}.linear.{kind}"]


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("which", [0, 1])
def test_greedy_relocation_gives_the_published_network_exactly(golden, name, which):
    arrays = golden(name)
    architecture, top_k, reduce = ARRAYS[name]
    population = Population(architecture, [named("line")] * 3)
    for parameter, view in population.parameters.items():
        view.copy_(torch.from_numpy(published(arrays, f"pre{which}", parameter)))
    for group, perm in (("input", "in_perm"), ("output", "out_perm")):
        if group in population.labels:
            label = torch.from_numpy(arrays[f"pre{which}/{perm}"]).long()
            population.labels[group] = label.repeat(3, 1)
    before = population.flat[1].clone()

    relocate(population, top_k=[top_k, top_k], reduce=reduce, members=[0, 2])

    for index in (0, 2):
        for parameter, view in population.parameters.items():
            expected = published(arrays, f"post{which}", parameter)
            np.testing.assert_array_equal(view[index].numpy(), expected, err_msg=parameter)
        for group, perm in (("input", "in_perm"), ("output", "out_perm")):
            if group in population.labels:
                expected = arrays[f"post{which}/{perm}"]
                np.testing.assert_array_equal(population.labels[group][index].numpy(), expected)
    assert torch.equal(population.flat[1], before), "a member that was not named moved"


def random_population(kind: str, sizes: tuple[int, ...], seed: int, geometry: str) -> Population:
    if kind == "mlp":
        architecture = Mlp(sizes)
    else:
        architecture = EmbeddingMlp(sizes, tokens=5, folds=2)
    population = Population(architecture, [named(geometry), named("line")], dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    for view in population.parameters.values():
        view.copy_(torch.randn(view.shape, generator=generator, dtype=torch.float64))
        view.mul_(torch.rand(view.shape, generator=generator) < 0.7)
    return population


def inputs_of(kind: str, sizes: tuple[int, ...]) -> torch.Tensor:
    if kind == "mlp":
        return torch.randn(6, sizes[0], dtype=torch.float64)
    return torch.randint(0, 5, (6, 2))


def cost_of(population: Population, reduce: str) -> torch.Tensor:
    ones = torch.ones(population.size, dtype=torch.float64)
    table = penalty.prices(population, locality=ones, spacing=0.3 * ones, reduce=reduce)
    return penalty.connection_cost(population.flat, table)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(["mlp", "embedding"]),
    sizes=st.lists(st.integers(1, 7), min_size=3, max_size=5).map(tuple),
    seed=st.integers(0, 2**31),
    top_k=st.integers(1, 9),
    geometry=st.sampled_from(ANYWHERE),
    reduce=st.sampled_from(["sum", "mean"]),
)
def test_relocation_keeps_the_function_and_never_raises_the_cost(
    kind, sizes, seed, top_k, geometry, reduce
):
    population = random_population(kind, sizes, seed, geometry)
    inputs = inputs_of(kind, sizes)
    outputs, cost = population.outputs(inputs), cost_of(population, reduce)
    for _ in range(2):
        relocate(population, top_k=[top_k, 1], reduce=reduce)
        after = cost_of(population, reduce)
        assert (after <= cost * (1 + 1e-12)).all()
        cost = after
    scale = outputs.abs().max().clamp(min=1e-12)
    assert ((population.outputs(inputs) - outputs).abs().max() / scale) < 1e-6
    for group, labels in population.labels.items():
        size = labels.shape[1]
        assert torch.equal(labels.sort(dim=1).values, torch.arange(size).repeat(2, 1)), group
        assert torch.equal(labels.gather(1, population.positions[group]),
                           torch.arange(size).repeat(2, 1))  # fmt: skip


@pytest.mark.parametrize("name", ["symbolic/compositionality", "vision/digits"])
def test_greedy_relocation_equals_trying_every_swap(shortened, name):
    task = shortened(name, dtype="float64")
    loaded = data.load(task.data)
    members = [recipes.resolve(task, Configuration(top_k=4), seed) for seed in range(2)]
    population = training.start(task, loaded, members)
    networks = []
    for index, member in enumerate(members):
        network = PlainNetwork(task, loaded, member)
        copy_from(network, {k: v[index] for k, v in population.parameters.items()})
        network.relocate()
        networks.append(network)
    relocate(population, top_k=[4, 4], reduce=task.penalty.reduce)
    for index, network in enumerate(networks):
        for layer, linear in enumerate(network.linears):
            found = population.parameters[f"layers.{layer}.weight"][index]
            assert torch.equal(found, linear.weight), (name, index, layer)


def test_pinned_groups_stay(shortened):
    task = shortened("vision/digits")
    loaded = data.load(task.data)
    population = training.start(task, loaded, [recipes.resolve(task, Configuration(), 0)])
    relocate(population, top_k=[64], reduce="mean")
    assert torch.equal(population.labels["input"][0], torch.arange(64))
    assert not torch.equal(population.labels["output"][0], torch.arange(10))


@pytest.mark.parametrize("method", ["greedy", "assignment"])
@pytest.mark.parametrize("carry", [True, False])
def test_moments_stay_or_travel(carry, method):
    population = random_population("embedding", (3, 6, 5), 3, "line")
    moment = population.flat.clone()
    before = population.flat.clone()
    relocate(
        population,
        top_k=[6, 6],
        reduce="sum",
        method=method,
        moments=[moment],
        carry_moments=carry,
    )
    assert not torch.equal(population.flat, before)
    assert torch.equal(moment, population.flat) == carry
    embedding = population.views(moment)["embedding.weight"]
    assert torch.equal(embedding, population.parameters["embedding.weight"])


# --------------------------------------------------------------------------- assignment


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(["mlp", "embedding"]),
    sizes=st.lists(st.integers(1, 7), min_size=3, max_size=5).map(tuple),
    seed=st.integers(0, 2**31),
    geometry=st.sampled_from(ANYWHERE),
    reduce=st.sampled_from(["sum", "mean"]),
)
def test_assignment_keeps_the_function_and_leaves_nothing_to_win(
    kind, sizes, seed, geometry, reduce
):
    population = random_population(kind, sizes, seed, geometry)
    inputs = inputs_of(kind, sizes)
    outputs, cost = population.outputs(inputs), cost_of(population, reduce)
    relocate(population, top_k=[1, 1], reduce=reduce, method="assignment")
    settled, after = population.flat.clone(), cost_of(population, reduce)
    assert (after <= cost * (1 + 1e-12)).all()
    relocate(population, top_k=[1, 1], reduce=reduce, method="assignment")
    assert torch.equal(population.flat, settled), "a settled population moved again"
    relocate(population, top_k=[max(sizes)] * 2, reduce=reduce)
    gained = (after - cost_of(population, reduce)) / after.clamp(min=1e-12)
    assert (gained < 1e-5).all(), "a swap was left that lowers the cost"
    scale = outputs.abs().max().clamp(min=1e-12)
    assert ((population.outputs(inputs) - outputs).abs().max() / scale) < 1e-6
    for labels in population.labels.values():
        assert torch.equal(labels.sort(dim=1).values, torch.arange(labels.shape[1]).repeat(2, 1))


@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize("kind", ["mlp", "embedding"])
def test_assignment_finds_the_best_of_all_placements_of_a_group(kind, reduce):
    population = random_population(kind, (4, 5, 3), 11, "line")
    wiring = population.architecture.wiring
    pinned = tuple(replace(g, movable=g.name == "hidden1") for g in wiring.groups)
    population.architecture.wiring = replace(wiring, groups=pinned)
    start = population.flat.clone()
    hidden, rows = population.architecture.wiring.group("hidden1"), torch.arange(2)
    costs = []
    for order in itertools.permutations(range(5)):
        population.flat.copy_(start)
        order = torch.tensor(order).repeat(2, 1)
        permute(population, hidden, rows, order, table=population.flat)
        costs.append(cost_of(population, reduce))
    population.flat.copy_(start)
    relocate(population, top_k=[1, 1], reduce=reduce, method="assignment")
    best = torch.stack(costs).min(dim=0).values
    assert (best < costs[0]).all(), "the start was the best already: the test shows nothing"
    torch.testing.assert_close(cost_of(population, reduce), best)


def test_neurons_that_gain_nothing_stay_where_they_are():
    population = Population(Mlp((6, 6, 2), pinned=("input",)), [named("line")] * 2)
    weight, bias = (population.parameters[f"layers.0.{kind}"] for kind in ("weight", "bias"))
    weight[:, 1, 4] = weight[:, 4, 1] = 1.0  # two live neurons, each at the other's best place
    bias.copy_(torch.arange(6.0))
    weight[1].zero_()
    relocate(population, top_k=[6, 6], reduce="sum", method="assignment")
    assert bias.tolist() == [[0, 4, 2, 3, 1, 5], [0, 1, 2, 3, 4, 5]]
    assert torch.equal(population.labels["output"], torch.arange(2).repeat(2, 1))


def test_a_member_without_numbers_is_left_alone_by_assignment():
    population = random_population("mlp", (4, 6, 2), 7, "line")
    population.flat[1].copy_(population.flat[0])
    mate = random_population("mlp", (4, 6, 2), 7, "line")
    population.parameters["layers.0.weight"][1, 2, 1] = torch.nan
    lost = population.flat[1].clone()
    for one in (population, mate):
        relocate(one, top_k=[6, 6], reduce="sum", method="assignment")
    assert torch.equal(population.flat[0], mate.flat[0])
    assert torch.equal(
        population.parameters["layers.0.weight"][1].sum(dim=1).isnan(),
        torch.arange(6) == 2,
    )
    torch.testing.assert_close(population.flat[1].nansum(), lost.nansum())


@pytest.mark.parametrize("method", ["greedy", "assignment"])
def test_a_member_relocates_alike_alone_and_in_a_pack(method):
    geometries = ["line", "ring", "line", "ring_l2"]
    pack = Population(Mlp((9, 16, 16, 4)), [named(g) for g in geometries])
    generator = torch.Generator().manual_seed(0)
    for view in pack.parameters.values():
        view.copy_(torch.randn(view.shape, generator=generator))
    solos = []
    for index, geometry in enumerate(geometries):
        solo = Population(pack.architecture, [named(geometry)])
        solo.flat.copy_(pack.flat[index : index + 1])
        solos.append(solo)
    before = pack.flat.clone()
    for one in (pack, *solos):
        relocate(one, top_k=[5] * one.size, reduce="mean", method=method)
    assert not torch.equal(pack.flat, before)
    assert torch.equal(pack.flat, torch.cat([solo.flat for solo in solos]))


@pytest.mark.parametrize("method", ["greedy", "assignment"])
def test_a_large_pack_is_relocated_in_parts_alike(method, monkeypatch):
    whole, parts = (random_population("mlp", (4, 6, 5, 2), 3, "ring") for _ in range(2))
    relocate(whole, top_k=[2, 6], reduce="sum", method=method)
    monkeypatch.setattr(relocation, "_WEIGHTS_AT_ONCE", 1)
    relocate(parts, top_k=[2, 6], reduce="sum", method=method)
    assert torch.equal(whole.flat, parts.flat)


def test_an_unknown_method_is_refused():
    population = random_population("mlp", (2, 3, 2), 0, "line")
    with pytest.raises(ValueError, match="'greedy' or 'assignment', but is 'best'"):
        relocate(population, top_k=[1, 1], reduce="sum", method="best")


@pytest.mark.parametrize("settings_", [{"relocation": "assignment"}, {"moments": "travel"}])
def test_training_relocates_as_its_members_say(shortened, settings_):
    task = shortened("symbolic/independence", steps=12, log_every=6)
    loaded = data.load(task.data)
    configurations = [Configuration(swap_every=4), Configuration(swap_every=4, **settings_)]
    members = [recipes.resolve(task, c, 3) for c in configurations]
    pack = training.train_population(task, loaded, members).population
    assert not torch.equal(pack.flat[0], pack.flat[1])
    for index, member in enumerate(members):
        solo = training.train_population(task, loaded, [member]).population
        assert torch.equal(solo.flat[0], pack.flat[index])
