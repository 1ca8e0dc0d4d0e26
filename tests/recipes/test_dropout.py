import pytest
import torch

from bimt_bench import data, recipes
from bimt_bench.engine import Autograd, PerceptronGradient, Population, Run, start
from bimt_bench.engine.objective import TaskLoss
from bimt_bench.engine.perceptron.between import TorchBetween
from bimt_bench.engine.perceptron.compiled import CompiledBetween
from bimt_bench.network.geometry import named
from bimt_bench.network.mlp import EmbeddingMlp, Mlp
from bimt_bench.spec import Configuration, catalog, trained_as

TASKS = pytest.mark.parametrize(
    "name", ["symbolic/independence", "modular/addition_59", "vision/digits"]
)


def run_of(name, *rates, seeds=None, steps=12, **given):
    task = catalog.task(name)
    recipe = {"recipe": "vanilla"} if rates == (None,) else {"recipe": "dropout"}
    members = [
        recipes.resolve(
            task,
            Configuration.model_validate(
                {**recipe, **({} if rate is None else {"rate": rate}), "steps": steps, **given}
            ),
            seed,
        )
        for seed, rate in zip(seeds or range(len(rates)), rates, strict=True)
    ]
    task, loaded = trained_as(task, members[0]), data.load(task.data)
    return Run(task, loaded, tuple(members), start(task, loaded, members))


def finished(run):
    for _ in run.steps():
        pass
    return run.population.flat


@TASKS
def test_a_rate_of_zero_is_vanilla_to_the_bit(name):
    assert torch.equal(finished(run_of(name, 0.0)), finished(run_of(name, None)))


@TASKS
def test_a_member_trains_as_it_would_alone(name):
    together = finished(run_of(name, 0.3, 0.0, 0.3, 0.6))
    for seed, rate in enumerate((0.3, 0.0, 0.3, 0.6)):
        assert torch.equal(finished(run_of(name, rate, seeds=[seed]))[0], together[seed])
    assert not torch.equal(together[0], together[2])


def test_masks_are_fresh_and_their_mean_is_one():
    run = run_of("symbolic/independence", 0.25, 0.25, 0.0)
    (cohort,) = run.cohorts
    m, active = cohort.members, torch.zeros(3, 20, 400)
    masks = {}
    for step in (0, 1):
        run.stage.step = step
        for group in ("hidden1", "hidden2"):
            masks[group, step] = cohort.noise(slice(0, 3), group, active).clone()
    for mask in masks.values():
        assert mask[:2].unique().tolist() == pytest.approx([0.0, 1 / 0.75])
        assert mask[:2].mean().item() == pytest.approx(1.0, abs=0.02)
        assert torch.equal(mask[2], torch.ones(20, 400))
    streams = [mask[row].flatten() for mask in masks.values() for row in (0, 1)]
    correlations = torch.corrcoef(torch.stack(streams)) - torch.eye(len(streams))
    assert correlations.abs().max() < 0.05
    run.stage.step = 1
    part = cohort.noise(slice(1, 3), "hidden2", active[1:])
    assert torch.equal(part, masks["hidden2", 1][1:])
    assert torch.equal(m[1:2].mask("dropout hidden2", (20, 400), m["rate"][1:2]), part[:1])


def test_noise_is_in_training_only():
    noisy, plain = run_of("symbolic/independence", 0.5), run_of("symbolic/independence", None)
    next(noisy.steps())
    next(plain.steps())
    figures, others = (run.history.table()[0, :, 0].tolist() for run in (noisy, plain))
    assert figures[0] != others[0]
    assert figures[1:3] == others[1:3]


@pytest.mark.parametrize("between", [TorchBetween, CompiledBetween])
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
@pytest.mark.parametrize("activation", ["silu", "relu", "tanh"])
@pytest.mark.parametrize("kind", ["mlp", "tokens"])
def test_the_fast_gradient_is_autograds_under_the_same_noise(kind, activation, loss, between):
    if kind == "mlp":
        architecture = Mlp((4, 7, 6, 5), activation=activation)
        inputs = torch.randn(9, 4, dtype=torch.float64)
    else:
        architecture = EmbeddingMlp((4, 7, 6, 5), tokens=6, folds=2, activation=activation)
        inputs = torch.randint(0, 6, (9, 2))
    population = Population(architecture, [named("line")] * 3, dtype=torch.float64)
    population.start("test/task", [0, 1, 2])
    classes = torch.randint(0, 5, (9,))
    targets = torch.randn(5, 9, dtype=torch.float64) if loss == "mse" else classes
    factors = {
        group: (torch.rand(3, size, 9, dtype=torch.float64) > 0.4) / 0.6
        for group, size in (("hidden1", 7), ("hidden2", 6))
    }
    seen = []

    def noise(rows, group, active):
        seen.append(group)
        assert active.shape == factors[group].shape
        return factors[group][rows]

    def gradient(way, noise, **given):
        table = torch.zeros_like(population.flat)
        found = way(population, table, loss=TaskLoss.of(loss), **given)
        found.gradient(architecture.prepare(inputs), targets, slice(0, 3), noise)
        return table, found.outputs(slice(0, 3), 9)

    expected, outputs = gradient(Autograd, noise)
    found, others = gradient(PerceptronGradient, noise, between=between)
    assert seen == ["hidden1", "hidden2"] * 2
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(others, outputs)
    without, _ = gradient(Autograd, None)
    assert not torch.allclose(found, without)


@TASKS
def test_an_interrupted_run_goes_on_to_the_same_bits(name):
    whole, first, second = (run_of(name, 0.3, 0.6) for _ in range(3))
    steps = first.steps()
    for _ in range(5):
        next(steps)
    second.resume(first.checkpoint())
    assert torch.equal(finished(second), finished(whole))
