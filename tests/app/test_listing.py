"""What there is: every listing shows each of its names, and names the nearest of a wrong one."""

import pytest
import yaml

from bimt_bench.spec import catalog
from tests.app.said import refused


@pytest.mark.parametrize("task", catalog.tasks(), ids=lambda task: task.name)
def test_a_task_is_shown_with_all_that_its_file_states(invoke, task):
    assert task.name in invoke("tasks").stdout
    shown = invoke("tasks", "show", task.name).stdout
    for told in (task.title, task.source, task.digest(), task.modularity_axis, task.loss.kind):
        assert told in shown
    for name in ("steps", "learning_rate", "lambda", "spacing", "top_k"):
        assert f"│ {name} " in shown


def test_a_task_of_ones_own_is_shown_from_its_file(invoke, tmp_path):
    task = catalog.task("symbolic/independence").model_copy(update={"name": "own/pair"})
    (tmp_path / "pair.yaml").write_text(catalog.dump(task))
    assert "own/pair" in invoke("tasks", "show", "pair.yaml").stdout


@pytest.mark.parametrize("name", list(catalog.sweeps()))
def test_a_sweep_is_shown_with_what_it_trains(invoke, name):
    assert f"│ {name} " in invoke("sweeps").stdout
    spec = catalog.sweep(name)
    shown = invoke("sweeps", "show", name).stdout
    for told in (spec.title, spec.search.kind, *(one.task for one in spec.tasks)):
        assert told in shown
    for i in range(len(spec.tasks)):
        assert all(
            f"{setting}: " in shown for setting in spec.space_of(i)[1] if setting != "recipe"
        )


def test_a_sweep_of_ones_own_says_ranges_and_what_each_recipe_has(invoke, tmp_path):
    spec = {
        "name": "own", "title": "Own", "tasks": [{"task": "vision/digits", "steps": 70}],
        "space": {"locality": [1.0, 2.0]}, "seeds": [3, 4],
        "recipes": {"bimt": {"strength": {"low": 0.1, "high": 30, "log": True}}, "l1": {}},
        "search": {"kind": "optuna", "objectives": [{"metric": "performance"}]},
    }  # fmt: skip
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(spec))
    shown = invoke("sweeps", "show", "own.yaml").stdout
    for told in ("steps: 70", "locality: 1, 2", "bimt.strength: 0.1 to 30 (logarithmic)", "3, 4"):
        assert told in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tasks", "show", "symbolic/independance"], ["did you mean 'symbolic/independence'?"]),
        (["sweeps", "show", "quikc"], ["did you mean 'quick'?"]),
        (["metrics", "shwo", "modularity_q"], ["'shwo' given", "did you mean 'show'?"]),
        (["recipes", "bimt"], ["'bimt' given", "bimt-bench recipes show bimt"]),
        (["geometries", "show", "rng"], ["did you mean 'ring'?"]),
    ],
)
def test_a_wrong_word_is_one_line(invoke, arguments, words):
    refused(invoke(*arguments), *words)


def test_unknown_commands_and_options_name_the_nearest(invoke):
    assert "'sweep'" in invoke("swep", "quick").stderr
    assert "--recipe" in invoke("run", "vision/digits", "--recipie", "bimt").stderr
