import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.plain_loop import PlainNetwork, copy_from
from bimt_bench import data, penalty, recipes, training
from bimt_bench.geometry import named
from bimt_bench.models import EmbeddingMlp, Mlp, Population
from bimt_bench.relocation import relocate
from bimt_bench.specs import Configuration

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
    geometry=st.sampled_from(["line", "ring", "ring_l2"]),
    reduce=st.sampled_from(["sum", "mean"]),
)
def test_relocation_keeps_the_function_and_never_raises_the_cost(
    kind, sizes, seed, top_k, geometry, reduce
):
    population = random_population(kind, sizes, seed, geometry)
    if kind == "mlp":
        inputs = torch.randn(6, sizes[0], dtype=torch.float64)
    else:
        inputs = torch.randint(0, 5, (6, 2))
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


@pytest.mark.parametrize("carry", [True, False])
def test_moments_stay_or_travel(carry):
    population = random_population("embedding", (3, 6, 5), 3, "line")
    moment = population.flat.clone()
    before = population.flat.clone()
    relocate(population, top_k=[6, 6], reduce="sum", moments=[moment], carry_moments=carry)
    assert not torch.equal(population.flat, before)
    assert torch.equal(moment, population.flat) == carry
    embedding = population.views(moment)["embedding.weight"]
    assert torch.equal(embedding, population.parameters["embedding.weight"])


def test_a_group_connected_to_itself_is_refused():
    population = random_population("mlp", (2, 3, 2), 0, "line")
    wiring = population.architecture.wiring
    loop = type(wiring.connections[0])("layers.1.weight", "hidden1", "hidden1")
    population.architecture = type(population.architecture)((2, 3, 2))
    population.architecture.wiring = type(wiring)(wiring.groups, (loop,), ())
    with pytest.raises(ValueError, match="hidden1.*connected to itself"):
        relocate(population, top_k=[1, 1], reduce="sum")
