"""Any module as a population: outputs, activations, noise, positions, single members, bits."""

import pytest
import torch
from torch import nn

from bimt_bench.engine import Autograd, Population
from bimt_bench.engine.objective import TaskLoss
from bimt_bench.engine.relocation.permutation import permute, relabel
from bimt_bench.network import (
    Connection,
    Group,
    ModelKind,
    ModuleArchitecture,
    Shapes,
    Wiring,
)
from bimt_bench.network.fitting import check_fit
from bimt_bench.network.geometry import named
from bimt_bench.spec import MODELS
from tests.some_models import CASES, Case


@pytest.fixture(params=CASES)
def case(request) -> Case:
    return CASES[request.param]


def inputs_of(case: Case, samples: int = 5) -> torch.Tensor:
    inputs = case.data().test_inputs[:samples]
    return inputs if case.tokens is not None else inputs.double()


def turned(case: Case):
    """A population whose movable groups have all changed places, each member otherwise."""
    population = case.population()
    generator = torch.Generator().manual_seed(0)
    for group in population.wiring.groups:
        if group.movable:
            orders = [torch.randperm(group.size, generator=generator) for _ in range(3)]
            order, rows = torch.stack(orders), torch.arange(3)
            permute(population, group, rows, order, table=population.flat)
            if group.relabelled:
                relabel(population, group, rows, order)
    return population


def test_every_member_computes_what_its_module_computes(case):
    population, inputs = case.population(), inputs_of(case)
    outputs = population.outputs(inputs)
    assert outputs.shape == (3, 5, case.outputs)
    for index in range(3):
        module = population.member(index)
        assert type(module) is type(population.architecture.module)
        torch.testing.assert_close(module(inputs), outputs[index])
    assert not torch.allclose(outputs[0], outputs[1])


def test_the_function_stays_when_neurons_change_places(case):
    inputs = inputs_of(case)
    before, after = case.population(), turned(case)
    assert not torch.equal(before.flat, after.flat)
    torch.testing.assert_close(after.outputs(inputs), before.outputs(inputs))
    torch.testing.assert_close(after.member(1)(inputs), before.member(1)(inputs))


def test_activations_are_those_of_the_part_that_the_wiring_names(case):
    population, inputs = turned(case), inputs_of(case)
    found = population.activations(inputs)
    hidden = [group for group in population.wiring.groups if group.role == "hidden"]
    assert set(found) == {group.name for group in hidden}
    for index in range(3):
        module, calls = population.member(index), {}
        for group in hidden:
            keep = calls.setdefault(group.name, [])
            module.get_submodule(group.module).register_forward_hook(
                lambda _m, _i, output, keep=keep: keep.append(output)
            )
        module(inputs)
        for group in hidden:
            seen = [c.movedim(group.axis, -1) for c in calls[group.name]]
            # time steps of one input side by side
            stacked = torch.stack(seen, dim=1) if len(seen) > 1 else seen[0]
            expected = stacked.reshape(-1, group.size)
            torch.testing.assert_close(found[group.name][index], expected, msg=group.name)


def test_what_hidden_neurons_send_on_can_be_scaled_by_member_and_neuron(case):
    """Silencing a neuron is the same as cutting off what it sends: outputs and gradients."""
    population, inputs = case.population(), inputs_of(case)
    architecture = population.architecture
    group = next(g for g in population.wiring.groups if g.role == "hidden" and g.name != "stream")

    def silence(name, active):
        assert active.shape[:2] == (3, population.wiring.group(name).size)
        assert not active.requires_grad
        factor = torch.ones_like(active)
        if name == group.name:
            factor[1, 2] = 0.0
        return factor if name == group.name else None

    cut = {}
    for connection in population.wiring.out_of(group.name):
        if connection.source_folds == 1:
            weight = population.parameters[connection.parameter].clone()
            weight[1, :, 2] = 0.0
            cut[connection.parameter] = weight
    expected = population.outputs_with(cut, inputs)
    batch = architecture.prepare(inputs)
    leaves = {n: p.clone().requires_grad_() for n, p in population.parameters.items()}
    seen = {}
    outputs = architecture.forward(leaves, batch, population.positions, scale=silence, seen=seen)
    torch.testing.assert_close(outputs.movedim(1, -1), expected)
    assert (seen[group.name][1, 2] == 0.0).all() and (seen[group.name][0] != 0.0).any()
    outputs.sum().backward()
    for name in cut:
        sent = leaves[name].grad
        assert (sent[1, :, 2] == 0.0).all() and (sent[0, :, 2] != 0.0).any()


def test_factors_may_come_in_memory_that_is_written_over_at_the_next_call():
    """A recurrent sheet sends on at every step; what its gradient needs of one must not be lost."""
    case = CASES["rnn"]
    population, inputs = case.population(), inputs_of(case)

    def gradients(memory):
        def scale(_name, active):
            kept = memory(active)
            return kept.copy_(active.sigmoid())

        leaves = {n: p.clone().requires_grad_() for n, p in population.parameters.items()}
        batch = population.architecture.prepare(inputs)
        outputs = population.architecture.forward(leaves, batch, population.positions, scale=scale)
        return torch.autograd.grad(outputs.square().sum(), list(leaves.values()))

    held = {}
    again = gradients(lambda active: held.setdefault("it", torch.empty_like(active).detach()))
    for one, other in zip(again, gradients(torch.empty_like), strict=True):
        assert torch.equal(one, other)


def test_a_start_depends_on_task_and_seed_alone(case):
    architecture = case.population(1).architecture
    before = torch.random.get_rng_state()
    one, same = architecture.initial("a/task", 3), architecture.initial("a/task", 3)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.get_default_dtype() is torch.float32
    others = architecture.initial("a/task", 4), architecture.initial("b/task", 3)
    for name, value in one.items():
        assert value.dtype is torch.float64
        assert torch.equal(value, same[name])
        for other in others:
            assert not torch.equal(value, other[name]), name


@pytest.mark.parametrize("samples", [3, 16, 24])
def test_members_and_samples_do_not_influence_each_other(case, samples):
    """Outputs of a pack are those of its members alone, whatever the batch is made up to."""
    population, inputs = case.population(), inputs_of(case, samples)
    outputs = population.outputs(inputs)
    for index in range(3):
        torch.testing.assert_close(population.keep([index]).outputs(inputs)[0], outputs[index])
    torch.testing.assert_close(population.outputs(inputs[:2]), outputs[:, :2])


@pytest.mark.parametrize("tokens", [None, 4])
@pytest.mark.parametrize("kind", ["rnn", "transformer"])
def test_answers_at_every_step_look_at_no_later_step(kind, tokens):
    model = {"rnn": {"hidden": 5}, "transformer": {"blocks": 2, "width": 4, "heads": 2}}[kind]
    case = Case({"kind": kind, **model}, (6,) if tokens else (6, 2), tokens=tokens)
    task = case.task()
    made = MODELS.get_kind(kind)()
    shapes = Shapes(case.sample, 3, tokens=tokens, steps=True)
    architecture = ModuleArchitecture(made, task.model, shapes)
    parameters = {n: v.unsqueeze(0) for n, v in architecture.initial("t", 0).items()}
    groups = [g for g in architecture.wiring.groups if g.relabelled]
    positions = {g.name: torch.arange(g.size).unsqueeze(0) for g in groups}
    inputs = inputs_of(case)

    def run(given):
        return architecture.forward(parameters, architecture.prepare(given), positions)

    outputs = run(inputs)
    assert outputs.shape == (1, 3, 5, 6)
    changed = inputs.clone()
    changed[:, 4:] = (changed[:, 4:] + 1) % 4 if tokens else changed[:, 4:] + 1.0
    later = run(changed)
    torch.testing.assert_close(later[..., :4], outputs[..., :4])
    assert not torch.allclose(later[..., 4:], outputs[..., 4:])
    # an answer at the last step only is the last of these
    last = ModuleArchitecture(made, task.model, Shapes(case.sample, 3, tokens=tokens))
    found = last.forward(parameters, last.prepare(inputs), positions)
    torch.testing.assert_close(found, outputs[..., -1])


class TwoPaths(nn.Module):
    """A module with a constant, and a parameter that nothing reaches."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 4)
        self.outer = nn.Linear(4, 2)
        self.idle = nn.Parameter(torch.ones(2))
        self.active = nn.ReLU()
        self.register_buffer("shift", torch.tensor([0.5, -0.25]))

    def forward(self, inputs):
        return self.outer(self.active(self.inner(inputs))) + self.shift


def test_constants_and_idle_parameters_pass():
    class Kind(ModelKind):
        name = "two_paths"
        title = "two paths"

        def module(self, settings, shapes):
            return TwoPaths()

        def wiring(self, settings, shapes):
            groups = (
                Group("input", 3, "input", 0, movable=False),
                Group("inner", 4, "hidden", 1, movable=False, module="active"),
                Group("output", 2, "output", 2, movable=False),
            )
            return Wiring(groups, (Connection("inner.weight", "input", "inner"),), ())

    architecture = ModuleArchitecture(Kind(), Kind.Settings(kind="two_paths"), Shapes((3,), 2))
    check_fit(architecture)
    population = Population(architecture, [named("line")] * 2)
    population.start("t", [0, 1])
    inputs = torch.randn(4, 3)
    torch.testing.assert_close(population.member(1)(inputs), population.outputs(inputs)[1])
    table = torch.ones_like(population.flat)
    way = Autograd(population, table, loss=TaskLoss.of("mse"))
    way.gradient(architecture.prepare(inputs), torch.randn(2, 4), slice(0, 2))
    assert (population.views(table)["idle"] == 0.0).all()
    assert (population.views(table)["inner.weight"] != 0.0).any()
