import pytest
import torch

from bimt_bench import data, recipes
from bimt_bench.engine import Run, start
from bimt_bench.spec import Configuration, catalog, trained_as


def run_of(name, *strengths, **given):
    task = catalog.task(name)
    members = [
        recipes.resolve(task, Configuration(recipe="l2", strength=s, steps=400, **given), seed)
        for seed, s in enumerate(strengths)
    ]
    task, loaded = trained_as(task, members[0]), data.load(task.data)
    return Run(task, loaded, tuple(members), start(task, loaded, members))


@pytest.mark.parametrize("name", ["symbolic/independence", "modular/addition_59", "vision/digits"])
def test_the_penalty_is_the_sum_of_squares_and_its_gradient_twice_the_weights(name):
    run = run_of(name, 1.0, 3.0)
    run.stage.step = 1
    (cohort,) = run.cohorts
    phase = run.task.penalty.phases[0].factor
    strength = torch.tensor([1.0, 3.0]) * run.task.penalty.lam * phase
    gradient = torch.full_like(run.population.flat, 0.5)
    cohort.penalise(slice(0, 2), gradient)
    expected, total = torch.full_like(gradient, 0.5), torch.zeros(2)
    views = run.population.views(expected)
    for parameter, weight in run.population.parameters.items():
        if not parameter.endswith("bias"):
            total += strength * weight.square().flatten(1).sum(1)
            views[parameter].add_(2.0 * strength.view(2, 1, 1) * weight)
    torch.testing.assert_close(cohort.penalty(), total)
    torch.testing.assert_close(gradient, expected)


def test_its_updates_reach_the_minimum_of_a_quadratic_loss():
    """(theta - c)^2 / 2 + s W^2 is least at W = c / (1 + 2 s), and at c for biases."""
    run = run_of("symbolic/independence", 0.0, 500.0, learning_rate=0.02)
    flat = run.population.flat
    target = torch.randn(flat.shape, generator=torch.Generator().manual_seed(0))
    everyone = slice(0, 2)
    for step in range(1500):
        run.stage.step = 0 if step == 0 else 1
        gradient = flat - target
        run.cohorts.penalise(everyone, gradient)
        run.optimizer.update(everyone, gradient, run.cohorts.marginal)
        run.optimizer.finish()
    (cohort,) = run.cohorts
    strength = torch.tensor([0.0, 500.0]) * 1e-3
    expected = torch.where(
        cohort.members.connections, target / (1.0 + 2.0 * strength[:, None]), target
    )
    torch.testing.assert_close(flat, expected, atol=1e-2, rtol=0)
