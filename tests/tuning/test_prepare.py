"""Everything wrong in a sweep is one clear line before anything starts."""

import pytest

from bimt_bench.errors import InputError
from bimt_bench.spec import catalog
from bimt_bench.tuning.prepare import check, total_members


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"tasks": [{"task": "symbolic/independance"}]},
            "unknown task 'symbolic/independance'; did you mean 'symbolic/independence'",
        ),
        (
            {"space": {"recipe": ["bimtt"]}},
            r"space: symbolic/independence: .*unknown recipe 'bimtt'; did you mean 'bimt'",
        ),
        ({"space": {"geometry": ["lin"]}}, "unknown geometry 'lin'; did you mean 'line'"),
        ({"space": {"geometry": ["grid"]}}, "20 neurons of group 'hidden1' do not fit"),
        (
            {"tasks": [{"task": "symbolic/independence", "steps": 30000}]},
            r"tasks\.0\.steps: 30000 given; .* has 20000 steps",
        ),
        (
            {
                "tasks": [
                    {"task": "symbolic/independence", "space": {"recipe": ["l1", "bimtt"]}},
                ]
            },
            r"tasks\.0\.space: symbolic/independence",
        ),
    ],
)
def test_faults_are_named(sweep_spec, changes, message):
    with pytest.raises(InputError, match=message):
        check(sweep_spec(**changes))


@pytest.mark.parametrize(
    ("task", "metric", "message"),
    [
        ("symbolic/independence", "modularity", "unknown metric 'modularity'"),
        ("symbolic/independence", "accuracy", "measured by r2, not by accuracy"),
        ("modular/addition_59", "input_leakage", "no ground truth"),
    ],
)
def test_objectives_must_exist_for_the_task(sweep_spec, task, metric, message):
    search = {"kind": "optuna", "objectives": [{"metric": metric}]}
    with pytest.raises(InputError, match=rf"search\.objectives\.0\.metric: .*{message}"):
        check(sweep_spec(tasks=[{"task": task, "steps": 200}], search=search))


def test_a_task_knows_its_length_and_its_own_space(sweep_spec):
    own = {"recipe": ["vanilla"]}
    checked = check(
        sweep_spec(tasks=[{"task": "symbolic/independence", "steps": 1000, "space": own}])
    )
    task = checked.tasks[0]
    assert task.spec.training.steps == 1000 and task.published_steps == 20000 and task.shortened
    assert task.space == {"recipe": ("vanilla",)}
    assert task.work == (4 * 20 + 20 * 20 + 20 * 2) * 100


def test_members_are_counted_without_repeats(sweep_spec):
    assert total_members(check(sweep_spec())) == 5 * 2
    search = {"kind": "optuna", "trials": 7, "objectives": [{"metric": "performance"}]}
    assert total_members(check(sweep_spec(search=search))) == 7 * 2


@pytest.mark.parametrize("name", sorted(catalog.sweeps()))
def test_sweeps_that_come_along_are_sound(name):
    from bimt_bench.tuning.proposals import GridProposals

    spec = catalog.sweep(name)
    assert spec.name == name
    for i, swept in enumerate(spec.tasks):
        assert catalog.shorten(catalog.task(swept.task), swept.steps, path=f"tasks.{i}")
        if spec.search.kind == "grid":
            assert GridProposals(swept.space or spec.space).ask()
