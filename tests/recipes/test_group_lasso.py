from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from bimt_bench import data, recipes
from bimt_bench.engine import Run, start, train_population
from bimt_bench.recipes.group_lasso import GroupLasso, shrinkage
from bimt_bench.spec import Configuration, Phase, catalog, trained_as

FLAT = {"phases": [Phase(start=0.0, factor=1.0)], "dtype": "float64"}


def small(hidden):
    """Independence with other layers, on few samples."""
    task = catalog.task("symbolic/independence")
    task = task.model_copy(update={"model": task.model.model_copy(update={"hidden": hidden})})
    loaded = data.load(task.data)
    few = {name: getattr(loaded, name)[:40] for name in
           ("train_inputs", "train_targets", "test_inputs", "test_targets")}  # fmt: skip
    return task, replace(loaded, **few)


def view_of(recipe, hidden=(5, 4), **settings):
    """What a hook of the recipe sees before the first step."""
    task, loaded = small(hidden)
    member = recipes.resolve(task, Configuration(recipe=recipe, **FLAT, **settings), 0)
    task = trained_as(task, member)
    run = Run(task, loaded, (member,), start(task, loaded, [member]))
    (cohort,) = run.cohorts
    return cohort.members


def test_a_group_under_a_uniform_metric_is_block_soft_thresholded():
    groups = torch.tensor([[[3.0, 4.0], [0.3, 0.4], [0.0, 0.0], [-6.0, 8.0]]], dtype=torch.float64)
    factors = shrinkage(groups, torch.ones_like(groups), torch.ones(1, 1, dtype=torch.float64))
    expected = torch.tensor([[[0.8], [0.0], [0.0], [0.9]]], dtype=torch.float64)
    torch.testing.assert_close(factors, expected.expand_as(groups), rtol=1e-15, atol=0)
    assert (factors[0, 1] == 0.0).all()


def test_without_a_charge_nothing_moves():
    groups = torch.randn(2, 3, 4)
    groups[0, 1] = 0.0
    factors = shrinkage(groups, torch.rand(2, 3, 4), torch.zeros(2, 1))
    assert torch.equal(factors * groups, groups)


@pytest.mark.parametrize("spread", [1.0, 3.0, 6.0])
def test_in_any_metric_a_group_goes_to_the_minimum(spread):
    draw = torch.Generator().manual_seed(3)
    groups = torch.randn(1, 30, 6, generator=draw, dtype=torch.float64)
    metric = 10.0 ** (-spread * torch.rand(1, 30, 6, generator=draw, dtype=torch.float64))
    limit = torch.full((1, 1), 0.2, dtype=torch.float64)
    found = groups * shrinkage(groups, metric, limit)
    dead = (found == 0.0).all(dim=2)
    # where a group lives its gradient is 0; where it is dead no gradient can pull it out
    length = found.norm(dim=2, keepdim=True)
    gradient = metric * (found - groups) + 0.2 * found / length
    assert gradient[~dead].abs().max() < 1e-7
    assert torch.equal(dead, (metric * groups).norm(dim=2) <= 0.2)
    assert spread < 6.0 or dead.any()
    y, d = groups[0, 0].numpy(), metric[0, 0].numpy()

    def objective(x):
        return (d * (x - y) ** 2).sum() / 2 + 0.2 * np.linalg.norm(x)

    best = minimize(objective, y, method="Nelder-Mead", options={"maxiter": 20000, "xatol": 1e-10})
    assert objective(found[0, 0].numpy()) <= best.fun + 1e-9


def test_the_gradient_is_that_of_finite_differences_and_0_at_a_dead_neuron():
    m = view_of("group_lasso", strength=300.0)
    alive = torch.ones_like(m.neurons(m.theta, "hidden1"))
    alive[:, 0] = 0.0
    m.scale_neurons("hidden1", alive)
    leaves = {name: value.clone().requires_grad_() for name, value in m.theta.items()}
    value = GroupLasso().penalty(m, leaves)
    constant = {"layers.2.bias": leaves["layers.2.bias"].detach()}
    leaves.pop("layers.2.bias")  # outputs are no hidden neurons
    found = torch.autograd.grad(value.sum(), list(leaves.values()))
    gradients = dict(zip(leaves, found, strict=True))
    by_hand = sum(
        len(own) ** 0.5 * own.norm()
        for group in ("hidden1", "hidden2")
        for own in m.neurons(m.theta, group)[0]
    )
    torch.testing.assert_close(value[0], 300.0 * 1e-3 * by_hand)
    assert all(torch.isfinite(gradient).all() for gradient in gradients.values())
    assert (gradients["layers.0.weight"][0, 0] == 0.0).all()
    step = 1e-6
    for name, gradient in gradients.items():
        for place in range(0, gradient[0].numel(), 3):
            index = np.unravel_index(place, gradient[0].shape)
            ends = []
            for sign in (1.0, -1.0):
                moved = {k: v.detach().clone() for k, v in leaves.items()} | constant
                moved[name][0][index] += sign * step
                ends.append(GroupLasso().penalty(m, moved)[0])
            slope = (ends[0] - ends[1]) / (2 * step)
            torch.testing.assert_close(gradient[0][index], slope, rtol=1e-5, atol=1e-7)


def objective_of(task, loaded, members):
    """Loss plus penalty of each member at the end, and how many of its hidden neurons are zero."""
    trained = train_population(task, loaded, members)
    run = Run(task, loaded, tuple(members), trained.population)
    found = {}
    for cohort in run.cohorts:
        m = cohort.members
        charged = GroupLasso().penalty(m, m.theta)
        hidden = [g.name for g in m.wiring.groups if g.role == "hidden"]
        for row, member in enumerate(m.members):
            last = trained.curves[trained.curves.member == member.digest].iloc[-1]
            dead = sum(int((m.neurons(m.theta, g)[row] == 0.0).all(dim=1).sum()) for g in hidden)
            found[member.recipe] = (last.train_loss + float(charged[row]), dead)
    return found


def test_both_forms_reach_the_same_objective_where_groups_do_not_overlap():
    task, loaded = small((6,))
    members = [
        recipes.resolve(
            task,
            Configuration(recipe=r, strength=10.0, steps=900, learning_rate=5e-3, **FLAT),
            0,
        )
        for r in ("group_lasso", "group_lasso_prox")
    ]
    found = objective_of(trained_as(task, members[0]), loaded, members)
    (smooth, none), (proximal, dead) = found["group_lasso"], found["group_lasso_prox"]
    assert proximal == pytest.approx(smooth, rel=0.02)
    assert none == 0 and 0 < dead < 6


def test_at_high_strength_neurons_of_all_layers_die_and_are_exactly_zero():
    task, loaded = small((8, 8))
    strengths = (0.0, 3.0, 300.0)
    dead = {}
    for strength in strengths:
        member = recipes.resolve(
            task,
            Configuration(recipe="group_lasso_prox", strength=strength, steps=150, **FLAT),
            1,
        )
        found = objective_of(trained_as(task, member), loaded, [member])
        dead[strength] = found["group_lasso_prox"][1]
    assert dead[0.0] == 0 and 0 < dead[3.0] < 16 and dead[300.0] == 16


def test_at_strength_0_the_proximal_form_is_the_plain_network_to_the_bit():
    task, loaded = small((5, 4))
    members = [
        recipes.resolve(task, Configuration(recipe="vanilla", steps=30), 0),
        recipes.resolve(task, Configuration(recipe="group_lasso_prox", strength=0.0, steps=30), 0),
    ]
    flat = train_population(trained_as(task, members[0]), loaded, members).population.flat
    assert torch.equal(flat[0], flat[1])


def test_all_that_belongs_to_a_neuron_is_scaled_and_nothing_else():
    m = view_of("group_lasso_prox")
    before = {name: value.clone() for name, value in m.theta.items()}
    factors = torch.full_like(m.neurons(m.theta, "hidden1"), 0.5)
    m.scale_neurons("hidden1", factors)
    for name in ("layers.0.weight", "layers.0.bias", "layers.1.weight"):
        assert torch.equal(m.theta[name], 0.5 * before[name])
    for name in ("layers.1.bias", "layers.2.weight", "layers.2.bias"):
        assert torch.equal(m.theta[name], before[name])
