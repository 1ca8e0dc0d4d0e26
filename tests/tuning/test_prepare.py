"""Everything wrong in a sweep is one clear line before anything starts, and all of it is told."""

import re
from pathlib import Path
from typing import ClassVar

import pytest
import yaml
from pydantic import ValidationError

from bimt_bench import api, data
from bimt_bench.engine import RECIPES, Recipe, RecipeSettings
from bimt_bench.ground import InputError, Source, entering
from bimt_bench.packs import identity_frame
from bimt_bench.recipes import resolve
from bimt_bench.spec import catalog, setting
from bimt_bench.spec.faults import fault_lines
from bimt_bench.tuning.packing import compose
from bimt_bench.tuning.prepare import check

OPTUNA = {"kind": "optuna", "objectives": [{"metric": "performance"}]}


def told(spec):
    with pytest.raises(InputError) as caught:
        check(spec)
    return str(caught.value).splitlines()


@pytest.fixture
def toy():
    """A recipe of the test's own; `asked` holds the settings that it was asked to check."""
    asked = []

    class Toy(Recipe):
        name, title, equation, source = "toy", "Toy", "loss", "this test"
        dial: ClassVar[str] = "kept"

        class Settings(RecipeSettings):
            kept: float = setting(1.0, "share kept", log=True, gt=0.0, le=1.0)
            rounds: int = setting(3, "of pruning", ge=1)
            gentle: bool = setting(False, "softly", shared=True)

        def check(self, settings, wiring):
            asked.append((settings.kept, settings.rounds))
            if settings.rounds == 7:
                raise InputError(f"rounds: 7 given; {len(wiring.groups)} groups allow others")
            if settings.rounds > 7:
                raise InputError("what is pruned cannot be pruned again")

    source = Source("toys", "1", "abc")
    with entering(source):
        RECIPES.register(Toy)
    yield asked
    RECIPES.drop(source)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"tasks": [{"task": "symbolic/independance"}]},
            r"tasks\.0\.task: unknown task 'symbolic/independance'; did you mean "
            "'symbolic/independence'",
        ),
        (
            {"space": {"recipe": ["l1", "bimtt"]}},
            r"space\.recipe\.1: unknown recipe 'bimtt'; did you mean 'bimt'",
        ),
        (
            {"space": {"geometry": ["line", "lin"]}},
            r"space\.geometry\.1: unknown geometry 'lin'; did you mean 'line'",
        ),
        (
            {"space": {"geometry": ["grid"]}},
            r"space\.geometry\.0: 20 neurons of group 'hidden1' do not fit",
        ),
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
            r"tasks\.0\.space\.recipe\.1: unknown recipe",
        ),
        (
            {"recipes": {"bimt": {"swap_evry": [1]}}},
            r"recipes\.bimt\.swap_evry: recipe 'bimt' has no setting 'swap_evry'; did you mean "
            "'swap_every'",
        ),
        ({"recipes": {"bimtt": {}}}, r"recipes\.bimtt: unknown recipe 'bimtt'; did you mean"),
        (
            {"space": {"recipe": ["l1"], "swap_every": [1]}},
            r"space\.swap_every: no recipe of this sweep has a setting 'swap_every'",
        ),
        (
            {"space": {"strenght": [1]}},
            r"space\.strenght: no recipe of this sweep has a setting 'strenght'; did you mean "
            "'strength'",
        ),
        (
            {"tasks": [{"task": "symbolic/independence", "recipes": {"l1": {"top_k": [1]}}}]},
            r"tasks\.0\.recipes\.l1\.top_k: recipe 'l1' has no setting 'top_k'",
        ),
        (
            {"space": {"phases": [[{"start": 0, "factor": 1}, {"start": 0.5, "factor": -1}]]}},
            r"space\.phases\.0\.1\.factor: -1 given; should be greater than or equal to 0",
        ),
        ({"space": {"geometry": [3]}}, r"space\.geometry\.0: 3 given; .* a mapping of fields"),
        ({"space": {"strength": ["0.5"]}}, r"space\.strength\.0: '0\.5' given; should be a valid"),
        ({"space": {"swap_every": [1.5]}}, r"space\.swap_every\.0: 1\.5 given; should be a valid"),
    ],
)
def test_faults_are_named(sweep_spec, changes, message):
    (line,) = told(sweep_spec(**changes))
    assert re.match(message, line)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"strength": {"low": -1, "high": 2, "log": False}}, "space.strength.low: -1.0 given; "),
        ({"strength": {"low": 0, "high": 2}}, "space.strength: a logarithmic range must begin abo"),
        ({"top_k": {"low": 0.5, "high": 2}}, "space.top_k: needs whole bounds, but low=0.5, high"),
        ({"top_k": {"low": 0, "high": 2}}, "space.top_k.low: 0 given; should be greater than 0"),
        ({"steps": {"low": 1, "high": 30000}}, "space.steps.high: 30000 given; 'symbolic/indepen"),
        ({"moments": {"low": 1, "high": 2}}, "space.moments: needs a list of values, not a range"),
        ({"geometry": {"low": 1, "high": 2}}, "space.geometry: needs a list of values, not a ran"),
    ],
)
def test_faults_of_ranges_are_named(sweep_spec, space, message):
    tasks = [{"task": "symbolic/independence"}]
    (line,) = told(sweep_spec(tasks=tasks, space=space, search=OPTUNA))
    assert line.startswith(message)


def test_every_fault_of_a_file_is_told_at_once(sweep_spec):
    lines = told(
        sweep_spec(
            tasks=[
                {"task": "symbolic/independance"},
                {"task": "symbolic/independence", "steps": 30000},
                {
                    "task": "vision/digits",
                    "space": {"recipe": ["bimt"], "moments": ["stay", "go"], "geometry": ["a"]},
                },
            ],
            space={"strength": [1, -3, 2, -4], "recipe": ["l1", "bimt"], "top_k": [0]},
            recipes={"l1": {"topk": [1]}, "bimd": {}},
            search={"kind": "grid"},
        )
    )
    assert [line.split(": ")[0] for line in lines] == [
        "recipes.l1.topk",
        "recipes.bimd",
        "tasks.0.task",
        "space.strength.1",
        "space.strength.3",
        "tasks.1.steps",
        "space.top_k.0",
        "tasks.2.space.moments.1",
        "tasks.2.space.geometry.0",
    ]
    assert lines[3] == "space.strength.1: -3 given; should be greater than or equal to 0"


def test_a_fault_in_some_tasks_or_recipes_says_in_which(sweep_spec, toy):
    tasks = [{"task": "symbolic/independence"}, {"task": "modular/addition_59"}]
    rows = {"hidden": {"kind": "grid", "rows": 4}}
    (line,) = told(sweep_spec(tasks=tasks, space={"geometry": ["line", rows]}))
    assert line == (
        "space.geometry.1: 50 neurons of group 'hidden1' do not fit a grid of rows=4; rows must "
        "divide 50 (task modular/addition_59)"
    )
    (line,) = told(sweep_spec(tasks=tasks, space={"batch_size": [None, 0]}))
    assert line == "space.batch_size.1: 0 given; should be greater than 0"

    @RECIPES.register
    class Tougher(RECIPES["toy"]):
        name = "tougher"

        class Settings(RecipeSettings):
            kept: float = setting(1.0, "share kept", ge=0.5)

    try:
        (line,) = told(sweep_spec(space={"recipe": ["toy", "tougher"], "kept": [0.1]}))
    finally:
        del RECIPES._kinds["tougher"], RECIPES._sources["tougher"]
    assert line == (
        "space.kept.0: 0.1 given; should be greater than or equal to 0.5 (recipe tougher)"
    )


def test_values_that_do_not_go_together_are_told(sweep_spec):
    space = {"dtype": ["float32", "float64"], "products": ["float32", "bfloat16"]}
    for search in ({"kind": "grid"}, OPTUNA):
        (line,) = told(sweep_spec(space=space, search=search))
        assert line == (
            "space.products.1: products bfloat16 needs dtype float32, but dtype is float64"
        )
    checked = check(sweep_spec(space={"dtype": ["float64"], "products": ["float32"]}))
    assert checked.members == 2


def test_a_recipe_is_asked_once_about_each_of_its_settings(sweep_spec, toy):
    space = {"recipe": ["toy"], "learning_rate": [0.1, 0.2, 0.3]}
    check(sweep_spec(space=space, recipes={"toy": {"kept": [0.5, 1.0]}}))
    assert sorted(toy) == [(0.5, 3), (1.0, 3)]


def test_what_a_recipe_refuses_is_told_of_the_value_it_names_or_of_the_recipe(sweep_spec, toy):
    (line,) = told(sweep_spec(space={}, recipes={"toy": {"rounds": [1, 7]}}))
    assert line == "recipes.toy.rounds.1: 7 given; 4 groups allow others"
    (line,) = told(sweep_spec(space={"recipe": ["l1", "toy"], "rounds": [8]}))
    assert line == "space.recipe.1: what is pruned cannot be pruned again"


def test_a_setting_of_a_new_recipe_can_be_swept_and_has_a_column(sweep_spec, toy):
    spec = sweep_spec(
        space={"recipe": ["toy", "l1"], "gentle": [True, False]},
        recipes={"toy": {"kept": [0.5, 1.0], "rounds": [1]}},
    )
    checked = check(catalog.SweepSpec.model_validate(yaml.safe_load(catalog.dump(spec))))
    assert checked.members == (4 + 1) * 2
    (search,) = checked.searches(
        circumstances=[{"device": "cpu"}], sizes={"symbolic/independence": None}
    )
    asked = search.proposals.ask()
    members = [resolve(search.task.spec, c, 0) for c in asked]
    frame = identity_frame(members)
    assert frame["kept"].tolist()[:4] == [0.5, 0.5, 1.0, 1.0]
    assert frame["gentle"].dtype == "boolean" and frame["gentle"].isna().tolist()[4]
    packs = compose(search.task, [[m] for m in members[:4]], size=None, circumstances=[{}])
    assert [{m["gentle"] for m in pack.members} for pack in packs] == [{True}, {False}]
    drawn = check(
        sweep_spec(
            space={},
            recipes={"toy": {"kept": {"low": 0.01, "high": 1}, "rounds": {"low": 1, "high": 6}}},
            search=OPTUNA,
        )
    )
    (search,) = drawn.searches(circumstances=[{}], sizes={"symbolic/independence": None})
    assert {c.recipe for c in search.proposals.ask()} == {"toy"}


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


def objectives(*metrics):
    return {"kind": "optuna", "objectives": [{"metric": metric} for metric in metrics]}


def test_the_same_objective_twice_is_refused(sweep_spec):
    given = {**sweep_spec().model_dump(mode="json"), "search": objectives("r2", "ncut", "r2")}
    with pytest.raises(ValidationError) as caught:
        catalog.SweepSpec.model_validate(given)
    (line,) = fault_lines(caught.value, catalog.SweepSpec, given)
    assert line == ("search.objectives.2.metric: 'r2' is objective 0 already; name it once")


@pytest.mark.parametrize("metrics", [("r2", "performance"), ("performance", "ncut", "r2")])
def test_a_measure_is_no_objective_beside_itself(sweep_spec, metrics):
    (line,) = told(sweep_spec(search=objectives(*metrics)))
    last = len(metrics) - 1
    assert line == (
        f"search.objectives.{last}.metric: on symbolic/independence 'performance' is r2; name one "
        "of the two"
    )


def test_a_task_knows_its_length_and_its_own_space(sweep_spec):
    own = {"recipe": ["vanilla"]}
    checked = check(
        sweep_spec(tasks=[{"task": "symbolic/independence", "steps": 1000, "space": own}])
    )
    (task,) = checked.tasks
    assert task.spec == catalog.task("symbolic/independence")
    (space,) = task.spaces
    assert space.recipe == "vanilla"
    (steps,) = space.fields
    assert [o.value for o in steps.options] == [1000] and steps.options[0].path == "tasks.0.steps"
    member = resolve(task.spec, space.configuration({"steps": 1000}), 0)
    assert task.work(member) == (4 * 20 + 20 * 20 + 20 * 2) * 100
    assert task.seconds == pytest.approx(2 * task.seconds_of([member]))


def test_a_tasks_own_recipes_take_the_place_of_the_sweeps(sweep_spec):
    tasks = [
        {"task": "symbolic/independence", "recipes": {"l1": {"strength": [7]}}},
        {"task": "symbolic/feature_sharing"},
        {"task": "symbolic/compositionality", "space": {"moments": ["stay"]}},
    ]
    space = {"learning_rate": [0.1]}
    checked = check(sweep_spec(tasks=tasks, space=space, recipes={"bimt": {}}))
    found = [
        [(s.recipe, [f.setting.name for f in s.fields]) for s in task.spaces]
        for task in checked.tasks
    ]
    assert found == [[("l1", ["strength"])], [("bimt", ["learning_rate"])], [("bimt", ["moments"])]]


def test_the_page_about_sweeps_is_true(sweep_spec):
    page = (Path(__file__).parents[2] / "docs" / "sweeps.md").read_text()
    blocks = re.findall(r"```(\w*)\n(.*?)```", page, re.DOTALL)
    files = [yaml.safe_load(text) for kind, text in blocks if kind == "yaml"]
    counts = [
        [task.members for task in check(catalog.SweepSpec.model_validate(file)).tasks]
        for file in files
    ]
    assert counts == [[(2 + 6 + 2 * 2 * 2) * 5, (1 + 2) * 5], [2 * 128 * 3]]
    (faults,) = [text.splitlines() for kind, text in blocks if text.startswith("space.")]
    spec = sweep_spec(
        tasks=[{"task": "symbolic/independence", "steps": 30000}],
        space={"strength": [1, -1]},
        recipes={"bimt": {"swap_evry": [1]}},
    )
    assert set(told(spec)) == set(faults)


def test_members_are_counted_without_repeats(sweep_spec):
    assert check(sweep_spec()).members == 5 * 2
    search = {"kind": "optuna", "trials": 7, "objectives": [{"metric": "performance"}]}
    assert check(sweep_spec(search=search)).members == 3 * 7 * 2


@pytest.mark.parametrize(("finals", "again"), [(2, 2), (16, 7)])
def test_members_that_are_trained_again_are_counted(sweep_spec, finals, again):
    search = {**OPTUNA, "trials": 7, "finals": finals}
    checked = check(sweep_spec(tasks=[{"task": "vision/digits"}], search=search))
    assert checked.members == 3 * (7 + again) * 2
    assert checked.held_out == {"vision/digits": 0.2}


@pytest.mark.parametrize(
    ("search", "held_out"),
    [
        ({"kind": "grid"}, {}),
        ({**OPTUNA, "sampler": "random"}, {}),
        (OPTUNA, {"symbolic/independence": 0.0}),
    ],
    ids=["grid", "random", "tpe"],
)
def test_only_a_search_that_reads_results_has_validation_data(sweep_spec, search, held_out):
    checked = check(sweep_spec(search=search))
    assert checked.held_out == held_out
    (found,) = checked.searches(circumstances=[{}], sizes={"symbolic/independence": None})
    assert (found.validation is not None) == bool(held_out)


def test_a_share_that_cannot_be_held_out_is_told_before_anything_starts(sweep_spec):
    tasks = [{"task": "groups/s4"}]
    (line,) = told(sweep_spec(tasks=tasks, search={**OPTUNA, "held_out": 0.001}))
    assert line.startswith("tasks.0.task: search.held_out: 0.001 of the training data given: ")


def test_the_axis_of_each_task_may_be_an_objective(sweep_spec):
    tasks = [{"task": "symbolic/independence"}, {"task": "vision/digits"}]
    checked = check(sweep_spec(tasks=tasks, search=objectives("performance", "modularity_axis")))
    for task in checked.tasks:
        assert checked.objectives(task.spec) == ("performance", task.spec.modularity_axis)


def test_the_axis_is_no_objective_beside_itself(sweep_spec):
    axis = catalog.task("symbolic/independence").modularity_axis
    (line,) = told(sweep_spec(search=objectives("modularity_axis", axis)))
    assert line == (
        f"search.objectives.1.metric: '{axis}' is the modularity axis of symbolic/independence; "
        "name it once"
    )


def test_data_is_loaded_once(sweep_spec, monkeypatch):
    loaded = []
    monkeypatch.setattr(
        data, "load", lambda spec, load=data.load, **how: loaded.append(1) or load(spec, **how)
    )
    checked = check(sweep_spec(search={"kind": "optuna", "objectives": [{"metric": "r2"}]}))
    assert len(loaded) == 1 and list(checked.data) == ["symbolic/independence"]


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("geometry", (1350, 360, 90)),
        ("metric_study", (78, 78, 78, 78)),
        ("optuna_nsga2", (4 * 128 * 3,)),
        ("quick", (39, 27, 27)),
        ("reproduction_classes", (10, 10)),
        ("reproduction_incontext", (3,)),
        ("reproduction_networks", (10, 10)),
        ("reproduction_symbolic", (30, 30, 30)),
        ("symbolic", (210, 210, 210)),
    ],
)
def test_sweeps_that_come_along_are_sound(name, members):
    spec = catalog.sweep(name)
    assert spec.name == name
    assert tuple(task.members for task in check(spec).tasks) == members


def test_all_sweeps_that_come_along_are_tested():
    (cases,) = test_sweeps_that_come_along_are_sound.pytestmark
    assert {name for name, _ in cases.args[1]} == set(catalog.sweeps())


@pytest.fixture
def altered(tmp_path):
    """A folder of tasks with one of a user's own: the independence task with other parts."""

    def write(**parts):
        spec = catalog.task("symbolic/independence").model_dump(mode="json", by_alias=True)
        (tmp_path / "own").mkdir(exist_ok=True)
        text = yaml.safe_dump({**spec, "name": "own/task", **parts})
        (tmp_path / "own" / "task.yaml").write_text(text)
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"loss": "cross_entropy"}, "loss: cross_entropy given; the targets are numbers, one"),
        ({"performance": "accuracy"}, "performance: accuracy given; the targets are numbers, one"),
        ({"performance": "token_accuracy"}, "performance: token_accuracy given; the targets are"),
        ({"modularity_axis": "modularty_q"},
         r"modularity_axis: unknown metric 'modularty_q'; did you mean 'modularity_q'\? \(all"),
    ],
)  # fmt: skip
def test_parts_of_a_task_that_do_not_fit_are_one_line(sweep_spec, altered, parts, message):
    folder = altered(**parts)
    with pytest.raises(InputError, match=rf"^tasks\.0\.task: {message}") as swept:
        check(sweep_spec(tasks=[{"task": "own/task", "steps": 20}]), tasks_dir=folder)
    with pytest.raises(InputError, match=f"^{message}") as trained:
        api.train("own/task", steps=20, tasks_dir=folder)
    assert "\n" not in f"{swept.value}{trained.value}"


@pytest.mark.parametrize(
    ("measure", "direction"), [("r2", "MAXIMIZE"), ("mean_absolute_error", "MINIMIZE")]
)
def test_a_search_follows_the_direction_of_the_tasks_measure(
    sweep_spec, altered, measure, direction
):
    spec = sweep_spec(tasks=[{"task": "own/task", "steps": 20}], search=OPTUNA)
    checked = check(spec, tasks_dir=altered(performance=measure))
    (search,) = checked.searches(circumstances=[{}], sizes={"own/task": None})
    for source in search.proposals._sources:
        assert [one.name for one in source._study.directions] == [direction]


def test_a_grid_of_millions_is_refused_before_it_is_gone_through(sweep_spec):
    values = {"strength": [i / 10 for i in range(1000)], "locality": list(range(1000))}
    (line,) = told(sweep_spec(space={"recipe": ["bimt"], **values}))
    assert line == (
        "space.recipe.0: a grid of 1,000,000 configurations of recipe 'bimt'; at most 100,000 are "
        "trained, so take fewer values, or a search"
    )


def test_of_many_faults_of_a_sweep_the_first_are_told(sweep_spec):
    lines = told(sweep_spec(space={"recipe": [f"nobody{i}" for i in range(100)]}))
    assert len(lines) == 21 and lines[-1] == "and 80 more"


def test_two_geometries_of_one_name_are_refused(sweep_spec):
    """A frame would have two rows that differ in nothing that it says."""
    places = [{"hidden": {"kind": "torus", "rows": rows}} for rows in (2, 5)]
    (line,) = told(sweep_spec(space={"geometry": places}))
    assert line == (
        "space.geometry.1: another one is named 'custom' too; give each a name of its own, "
        "{name: ..., hidden: ...}"
    )
    named = [{"name": f"sheet{i}", **place} for i, place in enumerate(places)]
    check(sweep_spec(space={"geometry": [*named, places[0]]}))
