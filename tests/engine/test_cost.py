import pytest
import torch

from benchmarks.speed.plain import PlainNetwork, charged, copy_from
from bimt_bench import data, recipes
from bimt_bench.engine import cost as penalty
from bimt_bench.engine import loop as training
from bimt_bench.spec import Configuration, PenaltySpec, Phase, catalog

SMALL = ["symbolic/independence", "symbolic/compositionality", "modular/addition_59",
         "vision/digits"]  # fmt: skip


@pytest.fixture(params=SMALL)
def setting(request, shortened):
    task = shortened(request.param, dtype="float64")
    loaded = data.load(task.data)
    configurations = [Configuration(), Configuration(recipe="l1", spacing=0.7)]
    if task.model.kind == "mlp" and len(loaded.input_names) <= 4:
        configurations.append(Configuration(geometry="ring_l2", locality=3.0))
    members = [recipes.resolve(task, c, seed) for seed, c in enumerate(configurations)]
    return task, loaded, members, training.start(task, loaded, members)


def _prices(task, members, population, **changes):
    vector = lambda values: torch.tensor(values, dtype=torch.float64)  # noqa: E731
    return penalty.prices(
        population,
        locality=vector([charged(m, "locality") for m in members]),
        spacing=vector([charged(m, "spacing") for m in members]),
        reduce=task.penalty.reduce,
        no_locality_into=task.penalty.no_locality_into,
        **changes,
    )


@pytest.mark.parametrize("biases", [True, False])
def test_cost_and_gradient_equal_those_of_the_plain_network(setting, biases):
    task, loaded, members, population = setting
    table = _prices(task, members, population, biases=biases)
    cost = penalty.connection_cost(population.flat, table)
    gradient = population.views(population.flat.sign() * table)
    for index, member in enumerate(members):
        network = PlainNetwork(task, loaded, member)
        copy_from(network, {k: v[index] for k, v in population.parameters.items()})
        expected = network.cost(charged(member, "locality"), biases=biases)
        assert cost[index].item() == pytest.approx(expected.item(), rel=1e-12)
        expected.backward()
        for layer, linear in enumerate(network.linears):
            torch.testing.assert_close(
                gradient[f"layers.{layer}.weight"][index], linear.weight.grad
            )


def test_padding_is_free(setting):
    task, _, members, population = setting
    table = _prices(task, members, population)
    used = max(stop for _, stop in population.offsets.values())
    assert torch.equal(table[:, used:], torch.zeros_like(table[:, used:]))


def test_schedule_of_independence():
    task = catalog.task("symbolic/independence")
    found = penalty.stretches(task.penalty, 20000)
    assert [(s.start, s.stop, s.factor, s.biases) for s in found] == [
        (0, 5000, 1.0, False),
        (5000, 15000, 10.0, False),
        (15000, 20000, 1.0, True),
    ]


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 100])
def test_stretches_cover_every_step_once(steps):
    spec = PenaltySpec(
        lam=1.0,
        phases=(Phase(start=0.0, factor=1), Phase(start=0.3, factor=2), Phase(start=0.9, factor=3)),
        locality=1.0,
        spacing=1.0,
        reduce="sum",
        bias_from=0.5,
    )
    found = penalty.stretches(spec, steps)
    covered = [step for s in found for step in range(s.start, s.stop)]
    assert covered == list(range(steps))
    factors = {step: s.factor for s in found for step in range(s.start, s.stop)}
    for step, factor in factors.items():
        begun = [p.factor for p in spec.phases if int(p.start * steps) <= step]
        assert factor == begun[-1]
