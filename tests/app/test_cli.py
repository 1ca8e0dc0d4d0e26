"""Bad input is one clear line and a non-zero status, before anything starts."""

import errno
import os
import socket
from pathlib import Path

import pandas as pd
import pytest
import yaml

import bimt_bench
from bimt_bench.app import single
from bimt_bench.ground import files
from bimt_bench.recipes import RECIPES, settings_for
from bimt_bench.results import read_frame
from bimt_bench.spec import catalog
from tests.app.said import refused

SWEEP = {
    "name": "small",
    "title": "Small",
    "tasks": [{"task": "symbolic/independence", "steps": 20}],
    "space": {"recipe": ["bimt"], "strength": [1.0]},
    "seeds": [0],
}
TASK_NAME = "symbolic/independence"
TASK = Path(bimt_bench.__file__).parent.parent / "tasks" / "symbolic" / "independence.yaml"


def nothing_was_written(folder: Path) -> None:
    assert not list(folder.glob("runs/*")), "results of a refused sweep"
    assert not (folder / "mlflow.db").exists(), "a database of a refused sweep"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["symbolic/independance"], ["'symbolic/independance'", "'symbolic/independence'?"]),
        (["symbolic/independence", "--recipe", "bimbt"], ["'bimbt'", "did you mean 'bimt'"]),
        ([TASK_NAME, "--strength", "-1"], ["strength: -1 given", "greater than"]),
        ([TASK_NAME, "--strength", "nan"], ["strength: 'nan' given", "number"]),
        ([TASK_NAME, "--set", "strength=.nan"], ["strength: nan given", "finite"]),
        (
            [TASK_NAME, "--set", "strength=\x1b[31m"],
            ["strength: '\\x1b[31m' given", "not valid YAML"],
        ),
        ([TASK_NAME + "\x1b[31m"], ["unknown task 'symbolic/independence\\x1b[31m'; did you mean"]),
        ([TASK_NAME, "--set", "strength=1e999"], ["strength: '1e999' given", "beyond numbers"]),
        ([TASK_NAME, "--set", f"strength={'9' * 5000}"], ["strength", "YAML"]),
        ([TASK_NAME, "--set", "strength='1'"], ["strength: '1' given", "number"]),
        ([TASK_NAME, "--set", "strength=true"], ["strength: True given", "number"]),
        (
            [TASK_NAME, "--set", "strength=2020-01-01"],
            ["strength: '2020-01-01' given", "valid number"],
        ),
        ([TASK_NAME, "--set", "strength=[1.0, 2.0]"], ["strength", "number"]),
        ([TASK_NAME, "--set", "strength=[1"], ["strength: '[1' given", "YAML"]),
        ([TASK_NAME, "--set", "strength="], ["strength: '' given", "the task's own"]),
        ([TASK_NAME, "--set", "strength"], ["--set: 'strength' given", "name=value"]),
        ([TASK_NAME, "--set", "=1"], ["--set: '=1' given", "name=value"]),
        ([TASK_NAME, "--set", "strenght=1"], ["strenght", "did you mean 'strength'"]),
        ([TASK_NAME, "--set", "recipe=l1"], ["--recipe"]),
        ([TASK_NAME, "--set", "top_k=3", "--set", "top_k=4"], ["top_k: given twice"]),
        ([TASK_NAME, "--set", "steps=20", "--steps", "20"], ["steps: given twice"]),
        ([TASK_NAME, "--set", "strength=2", "--strength", "3"], ["strength: given twice"]),
        (
            [TASK_NAME, "--recipe", "vanilla", "--strength", "2"],
            ["recipe 'vanilla' has no setting 'strength'"],
        ),
        ([TASK_NAME, "--set", "learning_rate=0"], ["learning_rate: 0 given", "greater than 0"]),
        ([TASK_NAME, "--set", "beta1=1"], ["beta1: 1 given", "less than 1"]),
        ([TASK_NAME, "--set", "batch_size=1.5"], ["batch_size: 1.5 given"]),
        ([TASK_NAME, "--set", f"swap_every={10**30}"], ["swap_every", "beyond whole numbers"]),
        ([TASK_NAME, "--set", "relocation=greedi"], ["'greedi'", "did you mean 'greedy'"]),
        ([TASK_NAME, "--set", "phases=[]"], ["phases must begin at 0"]),
        ([TASK_NAME, "--set", "no_locality_into=[hiden1]"], ["'hiden1'", "mean 'hidden1'"]),
        ([TASK_NAME, "--set", "geometry=lime"], ["'lime'", "did you mean 'line'"]),
        ([TASK_NAME, "--set", "geometry=3"], ["geometry: 3 given"]),
        (
            [TASK_NAME, "--set", "geometry={input: {kind: lime}}"],
            ["geometry.input.kind", "did you mean 'line'"],
        ),
        ([TASK_NAME, "--set", "geometry=grid"], ["20 neurons", "'hidden1'", "16 or 25"]),
        ([TASK_NAME, "--set", "products=float16"], ["'float16'", "float32, bfloat16"]),
        ([TASK_NAME, "--set", "steps=30000"], ["steps: 30000", "20000"]),
        ([TASK_NAME, "--steps", "many"], ["steps: 'many' given", "integer"]),
        ([TASK_NAME, "--seeds", "0"], ["seeds: '0' given", "0 seeds"]),
        ([TASK_NAME, "--seeds", "5:5"], ["seeds: '5:5' given"]),
        ([TASK_NAME, "--seeds", "0:99999999999"], ["seeds: '0:99999999999' given", "10000"]),
        ([TASK_NAME, "--seeds", "1,1"], ["seeds", "differ"]),
        ([TASK_NAME, "--seeds", "1,99999999999"], ["seeds: 99999999999 given"]),
        ([TASK_NAME, "--seeds", "one"], ["seeds: 'one' given", "(0,1,7)"]),
        ([TASK_NAME, "--seeds", "-1"], ["seeds: '-1' given"]),
        ([TASK_NAME, "--seeds", "9" * 5000], ["seeds", "given"]),
        ([TASK_NAME, "--device", "tpu"], ["device: 'tpu'", "cpu or cuda"]),
        ([TASK_NAME, "--device", "cuda:99"], ["device: 'cuda:99'"]),
        ([TASK_NAME, "--out", "/dev/null/runs"], ["out: cannot write"]),
        (
            [TASK_NAME, "--metrics", "sparsity,modularityq"],
            ["metrics: unknown metric 'modularityq'; did you mean 'modularity_q'"],
        ),
    ],
)
def test_run_refuses(invoke, tmp_path, arguments, words):
    refused(invoke("run", *arguments), *words)
    nothing_was_written(tmp_path)


def changed(path: str, value: object) -> dict:
    spec = yaml.safe_load(yaml.safe_dump(SWEEP))
    *parents, last = path.split(".")
    place = spec
    for key in parents:
        place = place[int(key)] if isinstance(place, list) else place.setdefault(key, {})
    place[last] = value
    return spec


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("tasks.0.task", "symbolic/sharing", ["tasks.0.task", "'symbolic/sharing'"]),
        ("tasks.0.steps", 10**6, ["tasks.0.steps: 1000000", "20000"]),
        ("space.recipe", ["bimbt"], ["'bimbt'", "did you mean 'bimt'"]),
        ("space.strength", [-1.0], ["strength", "-1.0", "greater than or equal to 0"]),
        ("space.geometry", ["grid"], ["20 neurons", "grid"]),
        ("space.strenght", [1.0], ["strenght", "did you mean 'strength'"]),
        ("sedes", [1], ["sedes", "did you mean 'seeds'"]),
        ("seeds", [1, 1], ["seeds must differ"]),
        (
            "search",
            {"kind": "optuna", "objectives": [{"metric": "modularityq"}]},
            ["'modularityq'", "did you mean 'modularity_q'"],
        ),
        ("metrics", "usul", ["metrics: unknown metric 'usul'; did you mean 'usual'"]),
        ("metrics", [], ["metrics"]),
    ],
)
def test_sweep_refuses(invoke, tmp_path, path, value, words):
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump(changed(path, value)))
    refused(invoke("sweep", str(file)), *words)
    nothing_was_written(tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("outputs", ["x1 + x9", "x2"], ["x9"]),
        ("outputs", ["log(x1)", "x2"], ["log(x1)"]),
        ("outputs", ["__import__('os').getcwd()", "x2"], ["outputs"]),
        ("lambda", -1.0, ["penalty.lambda", "-1.0"]),
        ("lamda", 1.0, ["lamda", "did you mean 'lambda'"]),
    ],
)
def test_a_faulty_task_of_ones_own_is_refused(invoke, tmp_path, field, value, words):
    task = yaml.safe_load(TASK.read_text())
    place = task["data"] if field == "outputs" else task["penalty"]
    place[field] = value
    task["name"] = "own/faulty"
    (tmp_path / "own" / "own").mkdir(parents=True)
    (tmp_path / "own" / "own" / "faulty.yaml").write_text(yaml.safe_dump(task))
    refused(invoke("run", "own/faulty", "--tasks-dir", str(tmp_path / "own")), *words)


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_an_unreachable_cluster_is_refused(invoke, tmp_path):
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump(SWEEP))
    address = f"127.0.0.1:{closed_port()}"
    refused(invoke("sweep", str(file), "--address", address), "address", address)
    nothing_was_written(tmp_path)


def test_an_unreachable_mlflow_server_is_refused(invoke, tmp_path):
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump(SWEEP))
    uri = f"http://127.0.0.1:{closed_port()}"
    refused(invoke("sweep", str(file), "--tracking-uri", uri), "tracking_uri", uri)
    nothing_was_written(tmp_path)


def test_an_unknown_sweep_names_the_closest(invoke):
    refused(invoke("sweep", "quikc"), "'quikc'", "quick")


@pytest.mark.parametrize("command", ["tradeoff"])
def test_tradeoff_refuses_a_folder_without_results(invoke, tmp_path, command):
    refused(invoke(command, str(tmp_path)), "frame.parquet", str(tmp_path))


def test_version_and_tasks(invoke):
    assert invoke("--version").stdout.strip() == f"bimt-bench {bimt_bench.__version__}"
    listed = invoke("tasks").stdout
    for name in ("symbolic/independence", "modular/addition_59", "vision/mnist", "vision/digits"):
        assert name in listed


# --------------------------------------------------------------------------- recipes


def test_recipes_are_listed_with_what_they_do_and_where_they_come_from(invoke):
    listed = invoke("recipes").stdout
    for recipe in RECIPES.values():
        for fact in (recipe.name, recipe.title, recipe.equation, recipe.source):
            assert fact in listed


@pytest.mark.parametrize("name", list(RECIPES))
def test_a_recipe_is_shown_with_every_setting(invoke, name):
    recipe = RECIPES[name]
    shown = invoke("recipes", "show", name).stdout
    for fact in (recipe.title, recipe.dial or "none", recipe.equation, recipe.source):
        assert fact in shown
    for one in settings_for(recipe).values():
        (row,) = [line for line in shown.splitlines() if line.startswith(f"│ {one.name} ")]
        assert one.allowed in row
        assert one.doc in row
        assert one.traits.unit in row
        of_task = one.traits.of_task or one.owner in ("training", "geometry")
        assert ("the task's" if of_task else str(one.default)) in row


def test_an_unknown_recipe_names_the_closest(invoke):
    refused(invoke("recipes", "show", "bimbt"), "'bimbt'", "did you mean 'bimt'")


def test_the_page_of_settings_is_what_the_command_makes(invoke):
    page = TASK.parents[2] / "docs" / "settings.md"
    made = invoke("recipes", "--markdown").stdout
    assert page.read_text() == made, "bimt-bench recipes --markdown > docs/settings.md"
    for recipe in RECIPES.values():
        for one in settings_for(recipe).values():
            assert f"| `{one.name}` |" in made


# --------------------------------------------------------------------------- run


def folders(out: Path) -> dict[str, Path]:
    """Folders of runs by recipe; there must be one of each."""
    found = {folder.name.split("-")[2]: folder for folder in out.iterdir()}
    assert len(found) == len(list(out.iterdir()))
    return found


SHORT = ("run", "symbolic/feature_sharing", "--set", "steps=30")


def test_run_trains_scores_and_draws(invoke, tmp_path):
    result = invoke("run", "symbolic/feature_sharing", "--seeds", "2", "--steps", "30")
    assert result.exit_code == 0, result.output
    assert "shortened to 30 steps" in result.stdout
    assert "Test loss" in result.stdout
    said = " ".join(result.stdout.split())  # whatever width the line was wrapped to
    assert said.count("not measured here") == 1
    assert "module_recovery (no formulas that fall into independent components)" in said
    (folder,) = (tmp_path / "runs").iterdir()
    kinds = sorted(file.suffix for file in folder.iterdir() if file.suffix)
    assert kinds == [".parquet", ".parquet", ".pdf", ".png", ".safetensors"]
    assert not list(folder.glob(".frame*")), "a file half written"
    frame = read_frame(folder)
    assert list(frame["steps"]) == [30, 30]
    assert frame["shortened"].all()
    assert set(pd.read_parquet(folder / "curves.parquet")["member"]) == set(frame["member"])


def test_run_sets_any_setting(invoke, tmp_path):
    values = {
        "strength": "2.5", "learning_rate": "1e-3", "weight_decay": "0.01", "beta2": "0.99",
        "relocation": "assignment", "batch_size": "50", "dtype": "float64",
        "no_locality_into": "[hidden1]", "phases": "[{start: 0, factor: 2}]",
    }  # fmt: skip
    entries = [part for name, text in values.items() for part in ("--set", f"{name}={text}")]
    geometry = ("--set", "geometry={name: mine, input: {kind: ring}}")
    result = invoke(*SHORT, *entries, *geometry)
    assert result.exit_code == 0, result.output
    (folder,) = (tmp_path / "runs").iterdir()
    row = read_frame(folder).iloc[0]
    assert row["strength"] == row["dial_value"] == 2.5
    assert (row["learning_rate"], row["weight_decay"], row["beta2"]) == (0.001, 0.01, 0.99)
    assert (row["relocation"], row["batch_size"], row["dtype"]) == ("assignment", 50, "float64")
    assert pd.isna(row["top_k"])
    assert row["geometry"] == "mine"
    assert "hidden1" in row["no_locality_into"]
    assert '"factor": 2.0' in row["phases"]


def test_fewer_seeds_add_nothing_and_others_join(invoke, tmp_path):
    first = invoke(*SHORT, "--seeds", "0,2,3")
    assert "3 of 3 seeds" in first.stdout, first.output
    (folder,) = (tmp_path / "runs").iterdir()
    before = read_frame(folder)
    again = invoke(*SHORT, "--seeds", "1:4")  # 2 and 3 again, and 1
    assert "1 seeds join the 3 of earlier runs" in again.stdout, again.output
    assert "4 of 4 seeds" in again.stdout
    fewer = invoke(*SHORT)
    assert "adds nothing" in fewer.stdout, fewer.output
    assert "4 of 4 seeds" in fewer.stdout
    assert list((tmp_path / "runs").iterdir()) == [folder]
    after = read_frame(folder)
    assert list(after["seed"]) == [0, 1, 2, 3]
    assert not after["member"].duplicated().any()
    rows = after[after["seed"] != 1].reset_index(drop=True)
    told = ["seconds", "pack"]
    pd.testing.assert_frame_equal(rows.drop(columns=told), before.drop(columns=told))
    curves = pd.read_parquet(folder / "curves.parquet")
    assert not curves.duplicated(["member", "step"]).any()
    assert set(curves["member"]) == set(after["member"])


def test_what_was_measured_before_stays_when_a_run_measures_less(invoke, tmp_path):
    first = invoke(*SHORT, "--metrics", "circuit_size,structure")
    assert first.exit_code == 0 and "Circuit size" in first.stdout, first.output
    (folder,) = (tmp_path / "runs").iterdir()
    before = read_frame(folder)
    assert "ncut" not in before and "input_leakage" in before
    again = invoke(*SHORT)
    said = " ".join(again.stdout.split())
    assert "bimt-bench metrics runs/" in said and "computes others" in said
    after = read_frame(folder)
    assert after["circuit_size"].equals(before["circuit_size"]) and after["ncut"].notna().all()
    assert after["performance"].equals(before["performance"])


def test_rows_of_other_code_stay_and_are_not_mixed_in(invoke, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(single, "code_of", lambda *_: "0.0.1+old")
        invoke(*SHORT, "--seeds", "3")
    result = invoke(*SHORT, "--seeds", "2")
    assert "2 of 2 seeds" in result.stdout, result.output
    (folder,) = (tmp_path / "runs").iterdir()
    frame = read_frame(folder)
    assert frame.groupby("code")["seed"].apply(list).to_dict() == {
        "0.0.1+old": [0, 1, 2],
        single.code_of(catalog.task(TASK_NAME), "bimt"): [0, 1],
    }


@pytest.mark.parametrize(
    "change", ["steps=40", "products=bfloat16", "dtype=float64", "learning_rate=0.01", "top_k=1"]
)
def test_a_run_of_other_settings_lies_apart(invoke, tmp_path, change):
    settings = {"steps": "30"} | dict([change.split("=")])
    given = [part for item in settings.items() for part in ("--set", "=".join(item))]
    invoke(*SHORT)
    (folder,) = (tmp_path / "runs").iterdir()
    kept = {file.name: file.read_bytes() for file in folder.iterdir()}
    result = invoke(*SHORT[:2], *given)
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "runs").iterdir())) == 2
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == kept


def test_an_interrupted_write_leaves_what_was_there(invoke, tmp_path, monkeypatch):
    invoke(*SHORT, "--seeds", "2")
    (folder,) = (tmp_path / "runs").iterdir()
    before = read_frame(folder)

    def no_room(path: Path, content: bytes) -> None:
        if path.name == "frame.parquet":
            raise OSError(28, "No space left on device")
        files.write(path, content)

    monkeypatch.setattr("bimt_bench.app.folder.write", no_room)
    refused(invoke(*SHORT, "--seeds", "4"), "No space left on device")
    pd.testing.assert_frame_equal(read_frame(folder), before)


def test_a_full_disk_is_one_line(invoke, monkeypatch):
    def no_room(*given, **how):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "network.png")

    monkeypatch.setattr(single, "draw_medians", no_room)
    words = ("cannot write network.png: No space left on device", "make room")
    refused(invoke(*SHORT), *words)


def test_damaged_results_are_refused_before_anything_is_trained(invoke, tmp_path, monkeypatch):
    invoke(*SHORT)
    (folder,) = (tmp_path / "runs").iterdir()
    (folder / "weights.safetensors").write_bytes(b"no weights")
    monkeypatch.setattr(single, "train_pack", None)
    refused(invoke(*SHORT), str(folder.name), "cannot be read")


# --------------------------------------------------------------------------- the baseline


def test_the_baseline_stands_beside_a_run_of_the_same_settings(invoke, tmp_path):
    beside = "Vanilla (1 seeds)"
    assert beside not in invoke(*SHORT).stdout
    together = invoke(*SHORT, "--with-baseline", "--strength", "2")
    assert beside in together.stdout, together.output
    names = sorted(folder.name.split("-")[2] for folder in (tmp_path / "runs").iterdir())
    assert names == ["bimt", "bimt", "vanilla"]
    # trained before, or with it; a setting that the baseline lacks makes no difference
    assert beside in invoke(*SHORT).stdout
    assert beside in invoke(*SHORT, "--recipe", "l1", "--strength", "3").stdout
    # other training or geometry is another baseline
    assert beside not in invoke(*SHORT[:2], "--steps", "40").stdout
    for change in ("learning_rate=0.01", "products=bfloat16", "geometry=ring"):
        assert beside not in invoke(*SHORT, "--set", change).stdout
    # and the baseline itself is compared with nothing
    assert beside not in invoke(*SHORT, "--recipe", "vanilla").stdout


def test_the_baseline_is_trained_under_the_same_settings(invoke, tmp_path):
    given = ("--set", "learning_rate=0.01", "--set", "geometry=ring", "--set", "batch_size=20")
    result = invoke(*SHORT, *given, "--strength", "2", "--seeds", "2", "--with-baseline")
    assert "Vanilla (2 seeds)" in result.stdout, result.output
    found = folders(tmp_path / "runs")
    own, usual = read_frame(found["bimt"]), read_frame(found["vanilla"])
    shared = ["seed", "steps", "learning_rate", "batch_size", "geometry", "task_digest"]
    pd.testing.assert_frame_equal(own[shared], usual[shared])
    assert list(own["learning_rate"]) == [0.01, 0.01]
    assert "strength" not in usual or usual["strength"].isna().all()
