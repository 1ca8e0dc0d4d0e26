import pytest
import torch

from bimt_bench import data, recipes
from bimt_bench.engine import RECIPES, Run, start
from bimt_bench.errors import InputError
from bimt_bench.kinds import Source, entering
from bimt_bench.recipes.connection import RelocationSettings, swaps
from bimt_bench.recipes.pruning import Pruning, PruningSettings
from bimt_bench.spec import Configuration, catalog, trained_as

TASK = "symbolic/independence"
WEIGHTS = 4 * 20 + 20 * 20 + 20 * 2
GIVEN = {"steps": 30, "begin": 0.2, "end": 0.8, "prune_every": 5}


def run_of(*configurations, recipe="pruning"):
    task = catalog.task(TASK)
    members = [
        recipes.resolve(task, Configuration.model_validate({"recipe": recipe, **given}), seed)
        for seed, given in enumerate(configurations)
    ]
    task, loaded = trained_as(task, members[0]), data.load(task.data)
    return Run(task, loaded, tuple(members), start(task, loaded, members))


def finished(run):
    for _ in run.steps():
        pass
    return run


def left(run, recipe="pruning"):
    """How many weights each member has, by its mask and by its parameters."""
    (cohort,) = run.cohorts
    connections = cohort.members.connections
    mask = run.cohorts.tables()[f"{recipe}/mask"]
    assert torch.equal(mask[:, ~connections], torch.ones_like(mask[:, ~connections]))
    counts = mask[:, connections].sum(1).int().tolist()
    assert counts == (run.population.flat[:, connections] != 0.0).sum(1).tolist()
    return counts


def test_the_share_that_is_left_is_exactly_the_dial():
    shares = (1.0, 0.9, 0.37, 0.1, 1e-6)
    run = finished(run_of(*({**GIVEN, "kept": share} for share in shares)))
    assert left(run) == [max(1, round(share * WEIGHTS)) for share in shares]


def test_the_share_falls_by_the_cubic_schedule():
    run = run_of({**GIVEN, "kept": 0.1})
    steps, found = run.steps(), []
    for _ in range(30):
        next(steps)
        found.append(left(run)[0])
    begin, end = 6, 24
    at = {t: 0.1 + 0.9 * (1 - (t - begin) / (end - begin)) ** 3 for t in (10, 15, 20, 24)}
    expected, share = [], 1.0
    for step in range(1, 31):
        share = at.get(step, share)
        expected.append(round(share * WEIGHTS))
    assert found == expected


def test_the_smallest_weights_of_all_matrices_go():
    run = run_of({**GIVEN, "kept": 0.25, "begin": 0.0, "end": 0.0, "prune_every": 1})
    (cohort,) = run.cohorts
    before = run.population.flat[0, cohort.members.connections].clone()
    run.stage.step = 1
    run.cohorts.happen(1)
    after = run.population.flat[0, cohort.members.connections]
    kept = after != 0.0
    assert kept.sum() == WEIGHTS // 4
    assert before[kept].abs().min() > before[~kept].abs().max()
    assert torch.equal(after[kept], before[kept])


def test_what_was_cut_off_stays_zero_though_its_moments_go_on():
    run = run_of({**GIVEN, "kept": 0.3})
    steps = run.steps()
    for _ in range(24):
        next(steps)
    gone = (run.population.flat == 0.0) & (run.optimizer.first != 0.0)
    assert gone.sum() > 100
    for _ in steps:
        assert not run.population.flat[gone].any()


def test_all_kept_is_vanilla_to_the_bit():
    pruned = finished(run_of({**GIVEN, "kept": 1.0}))
    plain = finished(run_of({"steps": 30}, recipe="vanilla"))
    assert torch.equal(pruned.population.flat, plain.population.flat)


def test_a_member_is_pruned_when_it_would_be_alone():
    pack = [{**GIVEN, "kept": 0.2}, {**GIVEN, "kept": 0.5, "end": 0.55}, {**GIVEN, "begin": 0.5}]
    together = finished(run_of(*pack))
    task = catalog.task(TASK)
    for seed, given in enumerate(pack):
        asked = Configuration.model_validate({"recipe": "pruning", **given})
        member = recipes.resolve(task, asked, seed)
        short, loaded = trained_as(task, member), data.load(task.data)
        alone = finished(Run(short, loaded, (member,), start(short, loaded, [member])))
        assert torch.equal(alone.population.flat[0], together.population.flat[seed])


def test_masks_travel_with_neurons():
    run = finished(run_of({**GIVEN, "kept": 0.3}))
    (cohort,) = run.cohorts
    m, inputs = cohort.members, torch.randn(9, 4)
    outputs, flat = run.population.outputs(inputs).clone(), m.flat.clone()
    m.permute("hidden1", torch.randperm(20, generator=torch.Generator().manual_seed(0))[None])
    assert not torch.equal(m.flat, flat)
    assert left(run) == [round(0.3 * WEIGHTS)]
    zeros, cut = m.flat[:, m.connections] == 0.0, m.tables["mask"][:, m.connections] == 0.0
    assert torch.equal(zeros, cut)
    assert not torch.equal(zeros, flat[:, m.connections] == 0.0)
    cohort.project()
    torch.testing.assert_close(run.population.outputs(inputs), outputs)


@pytest.fixture
def pruned_and_moved():
    """Pruning with relocation, as somebody else's recipe."""
    source = Source("test", "0", "abc")

    class PrunedAndMoved(Pruning):
        name = "pruned_and_moved"

        class Settings(PruningSettings, RelocationSettings):
            pass

        def events(self, m):
            yield from super().events(m)
            yield from swaps(m)

    with entering(source):
        RECIPES.register(PrunedAndMoved)
    yield "pruned_and_moved"
    RECIPES.drop(source)


def test_the_share_stays_exact_under_relocation(pruned_and_moved):
    given = {**GIVEN, "kept": 0.3, "swap_every": 2}
    run = run_of(given, given, recipe=pruned_and_moved)
    moved = 0
    for _ in run.steps():
        moved += not torch.equal(run.population.labels["input"], torch.arange(4).repeat(2, 1))
        if run.done >= 24:
            assert left(run, pruned_and_moved) == [round(0.3 * WEIGHTS)] * 2
    assert moved


def test_an_interrupted_run_goes_on_to_the_same_bits():
    pack = [{**GIVEN, "kept": 0.2}, {**GIVEN, "kept": 0.5}]
    whole, first, second = finished(run_of(*pack)), run_of(*pack), run_of(*pack)
    steps = first.steps()
    for _ in range(17):
        next(steps)
    second.resume(first.checkpoint())
    finished(second)
    assert torch.equal(second.population.flat, whole.population.flat)
    assert left(second) == left(whole)


def test_it_must_begin_before_it_ends():
    asked = Configuration(recipe="pruning", begin=0.8, end=0.5)
    with pytest.raises(InputError, match=r"begin: 0.8 given; must be at most end \(0.5\)"):
        recipes.resolve(catalog.task(TASK), asked, 0)
