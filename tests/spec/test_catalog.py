"""Catalog: every task that comes along is sound, and every fault of a file is told at once."""

import re
import shutil
import time
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from bimt_bench.ground import InputError
from bimt_bench.spec import LOSSES, Configuration, SweepSpec, TaskSpec, catalog

NAMES = (
    "classification/two_moons",
    "groups/s4",
    "incontext/linear",
    "modular/addition_59",
    "symbolic/compositionality",
    "symbolic/feature_sharing",
    "symbolic/independence",
    "vision/digits",
    "vision/mnist",
)
# arXiv 2305.08746 and its notebooks: hidden, l0, A, reduce, lr, steps, lambda, factors, swaps
PUBLISHED = {
    "classification/two_moons": (
        (20, 20), 0.2, 1, "sum", 2e-3, 10000, 1e-3, {0: 1, 0.5: 10}, (200, 10)),
    "groups/s4": (
        (50, 50), 0.5, 1, "mean", 2e-3, 20000, 1, {0: 1}, (200, 30)),
    "incontext/linear": (
        None, 0.5, 2, "mean", 1e-3, 40000, 1e-3, {0: 1, 0.25: 10, 0.75: 100}, (1_000_000, 20)),
    "symbolic/independence": (
        (20, 20), 0.1, 1, "sum", 2e-3, 20000, 1e-3, {0: 1, 0.25: 10, 0.75: 1}, (200, 5)),
    "symbolic/feature_sharing": (
        (20, 20), 0.1, 1, "sum", 2e-3, 20000, 1e-3, {0: 1, 0.25: 10, 0.75: 1}, (200, 5)),
    "symbolic/compositionality": (
        (20, 20, 20, 20), 0.1, 1, "sum", 2e-3, 20000, 1e-3, {0: 1, 0.25: 3}, (200, 5)),
    "modular/addition_59": (
        (50, 50), 0.5, 2, "mean", 1e-3, 20000, 0.1, {0: 1, 0.25: 10, 0.75: 1}, (200, 30)),
    "vision/mnist": (
        (100, 100), 0.5, 2, "mean", 1e-3, 40000, 0.01, {0: 1, 0.25: 10, 0.5: 100}, (500, 30)),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_folder_of_the_user(monkeypatch) -> None:
    monkeypatch.delenv(catalog.TASKS_VARIABLE, raising=False)


def independence() -> dict:
    spec = catalog.task("symbolic/independence")
    return spec.model_dump(mode="json", by_alias=True)


def write(folder: Path, content: dict | str, name: str = "mine/task") -> Path:
    path = folder / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def faults(path: Path, model: type = TaskSpec, *, last: str | None = None) -> list[str]:
    """What is told of a file, each line without the file's name; `last` ends it."""
    with pytest.raises(InputError) as caught:
        catalog.load_yaml(path, model)
    lines = str(caught.value).splitlines()
    if last is not None:
        assert lines.pop() == last
    assert all(line.startswith(f"{path}: ") for line in lines)
    return [line.removeprefix(f"{path}: ") for line in lines]


# --------------------------------------------------------------------------- what comes along


def test_the_tasks_that_come_along() -> None:
    assert tuple(spec.name for spec in catalog.tasks()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_task_says_what_it_is_and_where_it_comes_from(name: str) -> None:
    spec = catalog.task(name)
    for field in ("title", "description", "source"):
        assert len(getattr(spec, field)) > 4, f"{name}: write a {field}"
    assert spec.superseded_by is None or spec.superseded_by in NAMES
    assert spec.training.steps % spec.training.log_every == 0
    off = ("incontext/linear",)  # as published
    assert (spec.relocation.every >= spec.training.steps) == (name in off)


@pytest.mark.parametrize("name", NAMES)
def test_a_kept_copy_of_a_task_is_the_same_task(tmp_path, name: str) -> None:
    task = catalog.task(name)
    (tmp_path / "copy.yaml").write_text(catalog.dump(task))
    assert catalog.task(str(tmp_path / "copy.yaml")) == task


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_settings_are_the_defaults(name: str) -> None:
    spec = catalog.task(name)
    penalty, training = spec.penalty, spec.training
    assert (
        getattr(spec.model, "hidden", None),
        penalty.spacing,
        penalty.locality,
        penalty.reduce,
        training.learning_rate,
        training.steps,
        penalty.lam,
        {phase.start: phase.factor for phase in penalty.phases},
        (spec.relocation.every, spec.relocation.top_k),
    ) == PUBLISHED[name]
    assert penalty.bias_from == (0.75 if spec.family == "symbolic" else 0.0)
    assert penalty.no_locality_into == (("output",) if name == "vision/mnist" else ())
    assert spec.pinned == (("input",) if name == "vision/mnist" else ())


def test_every_sweep_that_comes_along_is_sound() -> None:
    for name, path in catalog.sweeps().items():
        assert catalog.sweep(name) == catalog.sweep(path)
        assert catalog.sweep(name).name == name


# --------------------------------------------------------------------------- looking up


def test_an_unknown_task_names_the_closest_one() -> None:
    with pytest.raises(InputError) as caught:
        catalog.task("symbolic/independance")
    assert str(caught.value) == (
        "task: unknown task 'symbolic/independance'; did you mean 'symbolic/independence'? "
        "(bimt-bench tasks lists all)"
    )


@pytest.mark.parametrize("name", ["../tasks/symbolic/independence", "symbolic", "", "/etc/passwd"])
def test_a_name_is_no_path(name: str) -> None:
    with pytest.raises(InputError, match="unknown task"):
        catalog.task(name)


@pytest.mark.parametrize("by_variable", [False, True])
def test_a_folder_of_the_user_adds_tasks(tmp_path, monkeypatch, by_variable: bool) -> None:
    write(tmp_path, independence() | {"name": "mine/task", "title": "My own task"})
    folder = tmp_path
    if by_variable:
        monkeypatch.setenv(catalog.TASKS_VARIABLE, str(tmp_path))
        folder = None
    assert catalog.task("mine/task", folder).title == "My own task"
    assert tuple(t.name for t in catalog.tasks(folder)) == tuple(sorted(("mine/task", *NAMES)))


def test_a_task_of_the_user_goes_before_ours_and_has_another_digest(tmp_path) -> None:
    changed = {"title": "Changed", "pinned": ["input"]}
    write(tmp_path, independence() | changed, "symbolic/independence")
    mine, ours = (catalog.task("symbolic/independence", f) for f in (tmp_path, None))
    assert mine.title == "Changed"
    assert mine.digest() != ours.digest()
    assert mine.digest() == mine.model_copy(update={"title": ours.title}).digest()
    assert len(catalog.tasks(tmp_path)) == len(NAMES)


def test_a_folder_that_does_not_exist_is_an_error(tmp_path, monkeypatch) -> None:
    with pytest.raises(InputError, match=r"tasks folder: '.*nowhere' is not a folder"):
        catalog.tasks(tmp_path / "nowhere")
    monkeypatch.setenv(catalog.TASKS_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"BIMT_BENCH_TASKS: '.*nowhere' is not a folder"):
        catalog.tasks()


def test_a_task_is_named_as_its_file(tmp_path) -> None:
    write(tmp_path, independence())
    with pytest.raises(InputError, match=r"name: 'symbolic/independence' given.*'mine/task'"):
        catalog.task("mine/task", tmp_path)


def test_all_faulty_files_are_told_at_once(tmp_path) -> None:
    write(tmp_path, "a: 1", "mine/one")
    write(tmp_path, "b: 1", "mine/two")
    with pytest.raises(InputError) as caught:
        catalog.tasks(tmp_path)
    assert "mine/one.yaml: a: unknown field" in str(caught.value)
    assert "mine/two.yaml: b: unknown field" in str(caught.value)


def test_packaged_tasks_go_before_the_checkout(tmp_path, monkeypatch) -> None:
    package = tmp_path / "bimt_bench"
    source = catalog.shipped("tasks")
    shutil.copytree(source / "symbolic", package / "_catalog" / "tasks" / "symbolic")
    monkeypatch.setattr(catalog, "_PACKAGE", package)
    assert [t.family for t in catalog.tasks()] == ["symbolic"] * 3


# --------------------------------------------------------------------------- short files

SHORTEST = {
    "name": "own/short",
    "title": "Short",
    "data": {"kind": "formula", "inputs": ["a", "b"], "outputs": ["a * b"]},
    "model": {"kind": "mlp", "hidden": [4]},
    "loss": "mse",
    "performance": "r2",
}
FILLED = {
    "description": "",
    "source": "",
    "geometry": {"name": "line"},
    "penalty": {"lambda": 1e-3, "locality": 1, "spacing": 0.1, "reduce": "sum"},
    "relocation": {"every": 200, "top_k": 5},
    "training": {"steps": 10000, "learning_rate": 2e-3, "log_every": 200},
    "modularity_axis": "module_excess_cautious",
    "reference": {"modularity": -0.5, "performance": 0},
}


def test_what_a_task_leaves_out_is_as_if_it_were_written(tmp_path) -> None:
    short = catalog.task(str(write(tmp_path, SHORTEST)))
    assert short == catalog.task(str(write(tmp_path, SHORTEST | FILLED, "mine/full")))
    held = short.identity()
    assert {"penalty", "relocation", "training", "geometry"} <= held.keys()
    assert held["training"]["steps"] == 10000 and held["penalty"]["lambda"] == 1e-3
    # a default is for good: an edit would give the tasks of others another name
    assert short.digest() == "6c3b36f71a86"


def test_the_docs_say_what_is_needed_and_what_else_is_taken(tmp_path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "adding-a-task.md").read_text()
    short, full = re.findall(r"^```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert yaml.safe_load(short).keys() == SHORTEST.keys()
    for text in (short, full):
        assert catalog.task(str(write(tmp_path, text))).name == "symbolic/product"
    table = dict(re.findall(r"^\| `(\w+)` \| `([^`]+)`", page, re.MULTILINE))
    for field in ("geometry", "penalty", "relocation", "training", "reference", "modularity_axis"):
        assert yaml.safe_load(table[field]) == FILLED[field]


@pytest.mark.parametrize("field", ["name", "title", "data", "model", "loss", "performance"])
def test_what_no_task_can_leave_out(tmp_path, field: str) -> None:
    content = {name: value for name, value in SHORTEST.items() if name != field}
    assert faults(write(tmp_path, content)) == [f"{field}: is missing"]


@pytest.mark.parametrize(
    ("field", "name"), [("performance", "mean_absolute_error"), ("modularity_axis", "ncut")]
)
def test_a_corner_is_needed_where_lower_is_better(tmp_path, field: str, name: str) -> None:
    content = SHORTEST | {field: name}
    (found,) = faults(write(tmp_path, content))
    assert found.startswith(f"reference: is missing; {field} is '{name}', of which lower is bett")
    given = content | {"reference": {"modularity": 1.0, "performance": 1.0}}
    assert catalog.task(str(write(tmp_path, given))).reference.performance == 1.0


# --------------------------------------------------------------------------- faults


def test_an_unknown_field_names_the_closest_one(tmp_path) -> None:
    content = independence()
    content["penalty"]["lamda"] = content["penalty"].pop("lambda")
    found = faults(write(tmp_path, content))
    assert found == ["penalty.lamda: unknown field; did you mean 'lambda'?"]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("penalty.lambda", -1.0, "penalty.lambda: -1.0 given; should be greater than or equal"),
        ("penalty.lambda", ".nan", "penalty.lambda: nan given"),
        ("penalty.reduce", "men", "penalty.reduce: 'men' given; allowed are sum, mean; did you "),
        ("penalty.phases", [{"start": 0.5, "factor": 1}], "penalty.phases: phases must begin at 0"),
        ("penalty.phases.0.start", 2, "penalty.phases.0.start: 2 given; should be less than"),
        ("penalty.phases.0.faktor", 2, "penalty.phases.0.faktor: unknown field; did you mean"),
        ("data.kind", "formulas", "data.kind: 'formulas' given; allowed are formula, table, "),
        ("data.input", ["x"], "data.input: unknown field; did you mean 'inputs'?"),
        ("data.zzz", 1, "data.zzz: unknown field; fields are kind, seed, inputs, outputs, low"),
        ("data.high", -1.0, "data: low must be below high, but low=-1.0, high=-1.0"),
        ("data.modulus", 7, "data.modulus: unknown field"),
        ("data.seed", 2**32, "data.seed: 4294967296 given; should be less than or equal to 42949"),
        ("model.hidden.1", 0, "model.hidden.1: 0 given; should be greater than 0"),
        ("model.hidden", [], "model.hidden: [] given"),
        ("geometry.input.rows", 3, "geometry.input: rows belongs to kind 'grid'"),
        ("geometry.inputs", {}, "geometry.inputs: unknown field; did you mean 'input'?"),
        ("training.steps", "many", "training.steps: 'many' given; should be a valid integer"),
        ("training", None, "training: None given"),
        ("name", "No Name", "name: 'No Name' given; String should match pattern"),
    ],
)
def test_a_fault_names_path_value_and_what_is_allowed(
    tmp_path, path: str, value: object, expected: str
) -> None:
    content = independence()
    *steps, last = [int(s) if s.isdigit() else s for s in path.split(".")]
    here = content
    for step in steps:
        here = here[step]
    here[last] = float("nan") if value == ".nan" else value
    (found,) = faults(write(tmp_path, content))
    assert found.startswith(expected)


def test_every_fault_of_a_file_is_told_at_once(tmp_path) -> None:
    content = independence()
    content["penalty"]["lambda"] = -1
    content["loss"] = "mze"
    content["data"]["loww"] = 0
    del content["title"]
    text = yaml.safe_dump(content).replace("reduce: sum", "reduce: sum\n  reduce: mean")
    found = faults(write(tmp_path, text))
    assert len(found) == 5
    assert any(line.endswith("key 'reduce' is given twice; keep one") for line in found)
    assert "title: is missing" in found
    assert "data.loww: unknown field; did you mean 'low'?" in found
    known = ", ".join(LOSSES)
    own = "(one of your own comes with --plugin FILE)"
    assert f"loss: 'mze' given; allowed are {known}; did you mean 'mse'? {own}" in found


def test_of_thousands_of_faults_the_first_are_told_soon(tmp_path) -> None:
    content = independence()
    content["pinned"] = list(range(4000))
    content |= {f"field{i}": i for i in range(4000)}
    began = time.process_time()
    found = faults(write(tmp_path, content), last="and 7,980 more")
    assert len(found) == 20
    assert time.process_time() - began < 20.0


LONG = "x" * 7000


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("title", LONG, "title: 'xxx"),
        ("title", "two\nlines", "title: 'two\\nlines' given, which holds a line end"),
        ("title", "a\tb", "title: 'a\\tb' given, which holds a tab"),
        ("description", LONG * 2, "description: 'xxx"),
        ("name", f"own/{LONG}", "name: 'own/xxx"),
        ("geometry", {"name": LONG}, "geometry.name: 'xxx"),
        ("modularity_axis", LONG, "modularity_axis: 'xxx"),
        ("superseded_by", LONG, "superseded_by: 'xxx"),
        ("loss", LONG, "loss: 'xxx"),
        ("data", [LONG] * 50, "data: ['xxx"),
        (
            "reference",
            {"modularity": float("nan"), "performance": 0.0},
            "reference.modularity: nan",
        ),
        ("x" * 150, 1, f"{'x' * 150}: unknown field; fields are name, version"),
    ],
)
def test_text_that_no_table_or_figure_can_hold_is_refused_in_a_short_line(
    tmp_path, field: str, value: object, expected: str
) -> None:
    (found,) = faults(write(tmp_path, independence() | {field: value}))
    assert found.startswith(expected)
    assert len(found) < 500


@pytest.mark.parametrize("field", ["title", "description", "source"])
@pytest.mark.parametrize("text", ["\x1b[31mred", "\ud800", "a\u202eb", "\x07"])
def test_control_characters_are_refused_in_a_specification_of_python_too(field, text) -> None:
    with pytest.raises(
        ValidationError, match=rf"{field}\n.*(unicode string|holds the control character)"
    ):
        TaskSpec.model_validate(independence() | {field: text})


def test_numbers_and_words_are_those_of_yaml_1_2(tmp_path) -> None:
    text = yaml.safe_dump(independence()).replace("steps: 20000", "steps: 010")
    assert catalog.task(str(write(tmp_path, text))).training.steps == 10
    text = yaml.safe_dump(independence()).replace("steps: 20000", "steps: 1:00")
    (found,) = faults(write(tmp_path, text))
    assert found == "training.steps: '1:00' given; should be a valid integer"


def test_a_file_beyond_the_size_is_not_read(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(catalog, "_MOST_BYTES", 100)
    (found,) = faults(write(tmp_path, "#" * 101))
    assert found == "101 bytes; at most 100"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "holds nothing, not fields"),
        ("- a\n- b", "holds a list, not fields"),
        ("just words", "holds a str, not fields"),
        ("a: [1", "is not valid YAML: .*line 1"),
        (
            "a: !!python/object/apply:os.system ['true']",
            "is not valid YAML: line 1, column 4: tag !!python",
        ),
        ("[" * 5000, "is not valid YAML"),
        ("? [a]\n: 1", "line 1, column 3: a list or fields given as a name"),
    ],
)
def test_a_file_without_fields_is_an_error(tmp_path, text: str, expected: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InputError, match=expected):
        catalog.load_yaml(path, TaskSpec)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        catalog.load_yaml(tmp_path / "nothing.yaml", TaskSpec)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(InputError, match="cannot be read"):
        catalog.load_yaml(tmp_path / "binary.yaml", TaskSpec)


@pytest.mark.parametrize("number", ["1e-3", "1E-3", "1.0e-3", "0.001", ".1e-2", "+1e-3"])
def test_numbers_are_numbers_however_they_are_written(tmp_path, number: str) -> None:
    path = write(tmp_path, f"strength: {number}\ngeometry: line1e5")
    configuration = catalog.load_yaml(path, Configuration)
    assert configuration.settings == {"strength": 1e-3, "geometry": "line1e5"}


# --------------------------------------------------------------------------- sweeps


def a_sweep(**changes) -> dict:
    return {
        "name": "mine",
        "title": "Mine",
        "tasks": [{"task": "symbolic/independence", "steps": 1000}, {"task": "vision/digits"}],
        "space": {"recipe": ["vanilla", "bimt"], "strength": [0.1, 1, 10]},
        "seeds": [0, 1],
    } | changes


def test_a_sweep_is_read_from_a_file(tmp_path) -> None:
    spec = catalog.sweep(write(tmp_path, a_sweep(), "mine"))
    assert [swept.task for swept in spec.tasks] == ["symbolic/independence", "vision/digits"]
    assert spec.space["strength"] == (0.1, 1, 10)
    assert [task.fixed for task in spec.tasks] == [{"steps": (1000,)}, {}]


def test_what_old_files_say_has_the_digest_it_had(tmp_path) -> None:
    """Fields that were added count only where they are given, titles never."""
    spec = catalog.sweep(write(tmp_path, a_sweep(), "mine"))
    assert "recipes" not in spec.identity() and "title" not in spec.identity()
    assert set(spec.identity()["tasks"][1]) == {"task", "steps", "space"}
    other = spec.model_copy(update={"recipes": {"bimt": {}}})
    assert other.digest() != spec.digest()


def test_every_range_of_a_grid_is_told(tmp_path) -> None:
    free = {"low": 1, "high": 2}
    space = {"strength": free, "locality": free, "recipe": ["bimt", 3]}
    found = faults(write(tmp_path, a_sweep(space=space), "mine"), SweepSpec)
    assert sorted(line.split(":")[0] for line in found) == [
        "space.locality",
        "space.recipe.1",
        "space.strength",
    ]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"space": {"strength": 3}},
            "space.strength: 3 given; should be a list or a mapping of fields",
        ),
        (
            {"space": {"strength": {"low": 1, "high": 2, "logg": True}}},
            "space.strength.logg: unknown field; did you mean 'log'?",
        ),
        (
            {"search": {"kind": "optuna", "sampler": "nsga", "objectives": [{"metric": "r2"}]}},
            "search.sampler: 'nsga' given; allowed are tpe, nsga2, random; did you mean 'nsga2'?",
        ),
        (
            {"space": {"recipe": ["bimt", [1]]}},
            "space.recipe.1: [1] given; should be a recipe's name",
        ),
        ({"recipes": {"bimt": [1]}}, "recipes.bimt: [1] given; should be a mapping of fields"),
        ({"recipes": {"bimt": {"strength": []}}}, "recipes.bimt.strength: [] given; list should"),
        (
            {"recipes": {"bimt": {"strength": {"low": 1, "high": 2}}}},
            "recipes.bimt.strength: a grid needs a list of values, not a range",
        ),
        (
            {"tasks": [{"task": "a/b", "recipes": {"bimt": {"strength": {"low": 1, "high": 2}}}}]},
            "tasks.0.recipes.bimt.strength: a grid needs a list of values, not a range",
        ),
        (
            {"tasks": [{"task": "a/b", "steps": 5}], "space": {"steps": [6]}},
            "tasks.0.steps: is given here and in space.steps; keep one",
        ),
        (
            {
                "tasks": [
                    {"task": "a/b", "products": "float32", "recipes": {"x": {"products": [1]}}}
                ]
            },
            "tasks.0.products: is given here and in tasks.0.recipes.x.products; keep one",
        ),
        (
            {
                "space": {"recipe": {"low": 1, "high": 2}},
                "search": {"kind": "optuna", "objectives": [{"metric": "r2"}]},
            },
            "space.recipe: needs a list of names, not a range",
        ),
        ({"seeds": []}, "seeds: [] given; list should have at least 1 item"),
        ({"search": {"kind": "optun"}}, "search.kind: 'optun' given; allowed are grid, optuna"),
        ({"search": {}}, "search.kind: is missing"),
        ({"tasks": [{"tsk": "a/b", "task": "a/b"}]}, "tasks.0.tsk: unknown field; did you mean"),
        ({"seeds": [0, 0]}, "seeds must differ, but 0 is given twice"),
        ({"seeds": [-1]}, "seeds.0: -1 given; should be greater than or equal to 0"),
        (
            {"seeds": [2**32 - 1, 2**32]},
            "seeds.1: 4294967296 given; should be less than or equal to 4294967295",
        ),
        (
            {"search": {"kind": "optuna", "seed": 2**32, "objectives": [{"metric": "r2"}]}},
            "search.seed: 4294967296 given; should be less than or equal to 4294967295",
        ),
    ],
)
def test_a_faulty_sweep_is_told(tmp_path, change: dict, expected: str) -> None:
    (found,) = faults(write(tmp_path, a_sweep(**change), "mine"), SweepSpec)
    assert found.startswith(expected)


def test_an_unknown_sweep_names_the_closest_one(tmp_path, monkeypatch) -> None:
    write(tmp_path / "_catalog" / "sweeps", a_sweep(), "mine")
    monkeypatch.setattr(catalog, "_PACKAGE", tmp_path)
    assert list(catalog.sweeps()) == ["mine"]
    with pytest.raises(InputError, match="of the name 'mime'; did you mean 'mine'"):
        catalog.sweep("mime")
    with pytest.raises(InputError, match=r"'sweeps/mine\.yaml'; did you mean 'mine'"):
        catalog.sweep("sweeps/mine.yaml")
