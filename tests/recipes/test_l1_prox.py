import pytest
import torch

from bimt_bench import data, recipes
from bimt_bench.engine import Run, start
from bimt_bench.spec import Configuration, catalog, trained_as

PAIRS = {"l1_prox": "l1", "l1_prox_local": "l1_local", "l1_prox_bimt": "bimt"}


def run_of(recipe, steps=8, **given):
    task = catalog.task("symbolic/independence")
    asked = {"recipe": recipe, "steps": steps, **given}
    member = recipes.resolve(task, Configuration.model_validate(asked), 0)
    task, loaded = trained_as(task, member), data.load(task.data)
    return Run(task, loaded, (member,), start(task, loaded, [member]))


@pytest.mark.parametrize("recipe", PAIRS)
def test_prices_are_those_of_the_recipe_that_charges_by_the_gradient(recipe):
    run, other = run_of(recipe), run_of(PAIRS[recipe])
    for _ in zip(run.steps(), other.steps(), strict=True):
        assert torch.equal(run.cohorts.prices, other.cohorts.prices)
        assert run.cohorts.prices.max() > 0.0
        assert not run.cohorts.marginal.any()


@pytest.mark.parametrize("recipe", PAIRS)
def test_a_step_is_that_of_the_loss_alone_and_then_a_soft_threshold(recipe):
    run, plain = run_of(recipe, strength=1e5), run_of("vanilla")
    next(run.steps())
    next(plain.steps())
    moved, least = plain.population.flat, 2e-3 * run.cohorts.prices
    expected = torch.sign(moved) * (moved.abs() - least).clamp_min(0.0)
    torch.testing.assert_close(run.population.flat, expected, rtol=1e-6, atol=1e-7)
    gone = (moved.abs() < 0.999 * least) & (moved != 0.0)
    assert gone.any()
    assert not run.population.flat[gone].any()


def test_a_weight_that_the_loss_does_not_ask_for_shrinks_evenly_to_zero_and_stays():
    run = run_of("l1_prox", strength=1000.0)
    run.population.flat.fill_(1e-3)
    run.cohorts.charge()
    price = run.cohorts.prices[0, 0].item()
    sizes = []
    for _ in range(8):
        gradient = torch.zeros_like(run.population.flat)
        run.optimizer.update(slice(0, 1), gradient, run.cohorts.marginal)
        run.optimizer.finish()
        run.cohorts.after_update()
        sizes.append(run.population.flat[0, 0].item())
    assert sizes == pytest.approx([max(1e-3 - n * 2e-3 * price, 0.0) for n in range(1, 9)])
    assert sizes[-1] == 0.0 and sizes[0] > 0.0


def test_it_leaves_true_zeros_where_the_gradient_leaves_small_weights():
    zeros = {}
    for recipe in ("l1_prox", "l1"):
        run = run_of(recipe, steps=200, strength=1000.0)
        for _ in run.steps():
            pass
        (cohort,) = run.cohorts
        zeros[recipe] = int((run.population.flat[:, cohort.members.connections] == 0.0).sum())
    assert zeros["l1"] == 0 and zeros["l1_prox"] > 20
