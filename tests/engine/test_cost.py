import pytest
import torch

from benchmarks.speed.plain import PlainNetwork, copy_from
from bimt_bench import data, recipes
from bimt_bench.engine import cost as penalty
from bimt_bench.engine import loop as training
from bimt_bench.spec import Configuration, Phase, catalog, trained_as

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
        locality=vector([m.settings.get("locality", 0.0) for m in members]),
        spacing=vector([m["spacing"] for m in members]),
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
        expected = network.cost(member.settings.get("locality", 0.0), biases=biases)
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


@pytest.mark.parametrize("part", [slice(0, 1), slice(1, 2)])
def test_prices_of_some_members_are_their_rows_and_biases_may_be_anybodys(setting, part):
    task, _, members, population = setting
    charged = torch.tensor([i % 2 == 0 for i in range(len(members))])
    whole = _prices(task, members, population, biases=charged)
    free = _prices(task, members, population, biases=False)
    paid = _prices(task, members, population, biases=True)
    assert torch.equal(whole, torch.where(charged[:, None], paid, free))
    some = _prices(task, members[part], population, biases=charged[part], rows=part)
    assert torch.equal(some, whole[part])


def charged_at(task, configuration, steps):
    """For each step, the price of the first weight and of the first bias of a member."""
    loaded = data.load(task.data)
    member = recipes.resolve(task, configuration, 0)
    task = trained_as(task, member)
    run = training.Run(task, loaded, (member,), training.start(task, loaded, [member]))
    offsets, found = run.population.offsets, []
    for _ in run.steps():
        prices = run.cohorts.prices[0]
        found.append(
            (
                prices[offsets["layers.0.weight"][0]].item(),
                prices[offsets["layers.0.bias"][0]].item(),
            )
        )
    assert len(found) == steps
    return found


def test_schedule_of_independence():
    found = charged_at(
        catalog.task("symbolic/independence"), Configuration(recipe="l1", steps=8), 8
    )
    weak, strong = pytest.approx(1e-3 * 0.1), pytest.approx(1e-2 * 0.1)
    assert [weight for weight, _ in found] == [weak, weak, *[strong] * 4, weak, weak]
    assert [bias for _, bias in found] == [*[0.0] * 6, weak, weak]


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 100])
def test_every_step_is_charged_by_the_phase_that_has_begun(steps):
    phases = (Phase(start=0.0, factor=1), Phase(start=0.3, factor=2), Phase(start=0.9, factor=3))
    asked = Configuration(recipe="l1", steps=steps, phases=phases, bias_from=0.5, spacing=1.0)
    found = charged_at(catalog.task("symbolic/independence"), asked, steps)
    for step, (weight, bias) in enumerate(found):
        factor = [p.factor for p in phases if int(p.start * steps) <= step][-1]
        assert weight == pytest.approx(1e-3 * factor)
        assert bias == pytest.approx(1e-3 * factor if step >= int(0.5 * steps) else 0.0)
