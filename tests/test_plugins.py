"""Files from outside: what is loaded, what is refused, and what workers and results know of it."""

import hashlib
import inspect
import itertools
import os
import pickle
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml
from rich.console import Console
from typer.testing import CliRunner

from bimt_bench import api, packs, plugins, tuning
from bimt_bench.app import terminal
from bimt_bench.app.cli import app
from bimt_bench.engine import COLUMNS
from bimt_bench.ground import InputError
from bimt_bench.metrics import METRICS
from bimt_bench.recipes import RECIPES, resolve, settings_for
from bimt_bench.spec import SEARCHED, Configuration, Member, SweepSpec, TaskSpec, catalog
from bimt_bench.tuning.parcel import Parcel
from bimt_bench.tuning.plan import Pack
from tests.commands import HIDDEN, invoked

GUIDE = Path(__file__).parents[1] / "docs" / "extending.md"
SHORT = {"steps": 40, "shuffles": 2}


def blocks(language: str) -> list[str]:
    """The guide's blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)


EXAMPLE = blocks("python")[0]


@pytest.fixture(autouse=True)
def built_in_recipes_only():
    before = set(sys.modules)
    yield
    for source in RECIPES.sources():
        RECIPES.drop(source)
    for name in set(sys.modules) - before:
        if name.startswith("bimt_bench_plugin_"):
            del sys.modules[name]


@pytest.fixture
def example(tmp_path) -> Path:
    """The guide's worked example, saved as it says."""
    file = tmp_path / "soft_count.py"
    file.write_text(EXAMPLE)
    return file


def members(*, seeds=(0,), **settings):
    task = catalog.task("symbolic/independence")
    configuration = Configuration(recipe="soft_count", steps=40, **settings)
    return task, [resolve(task, configuration, seed) for seed in seeds]


# ------------------------------------------------------------------------------------- loading


def test_a_file_registers_its_recipe_and_is_named_as_its_source(example):
    loaded = plugins.load(example)
    digest = hashlib.sha256(EXAMPLE.encode()).hexdigest()[:12]
    assert (loaded.name, loaded.version, loaded.digest) == ("soft_count", "", digest)
    assert loaded.content == EXAMPLE.encode()
    assert RECIPES.source_of("soft_count") == loaded.source
    assert RECIPES.source_of("bimt").built_in
    assert list(settings_for(RECIPES["soft_count"]))[:3] == ["strength", "phases", "width"]


def test_loading_the_same_bytes_twice_changes_nothing(example):
    plugins.load(example)
    first = RECIPES["soft_count"]
    plugins.load(example)
    plugins.load_all([example, str(example)])
    assert RECIPES["soft_count"] is first


def test_a_changed_file_replaces_what_it_registered(example):
    old = plugins.load(example)
    example.write_text(EXAMPLE.replace('"soft_count"', '"softer"') + '__version__ = "1.2"\n')
    new = plugins.load(example)
    assert "soft_count" not in RECIPES
    assert RECIPES.source_of("softer") == new.source != old.source
    assert str(new.source) == "soft_count 1.2"
    assert [name for name in sys.modules if "bimt_bench_plugin_" in name] == [
        f"bimt_bench_plugin_{new.digest}"
    ]


def test_a_refused_change_leaves_what_was_loaded(example):
    old = plugins.load(example)
    before, modules = dict(RECIPES), set(sys.modules)
    example.write_text(EXAMPLE + "raise RuntimeError('too late')\n")
    with pytest.raises(InputError, match="too late"):
        plugins.load(example)
    assert dict(RECIPES) == before
    assert RECIPES.source_of("soft_count") == old.source
    assert set(sys.modules) == modules


def test_its_classes_can_be_pickled_and_its_source_is_shown(example):
    plugins.load(example)
    recipe = RECIPES["soft_count"]
    assert pickle.loads(pickle.dumps(recipe)) is recipe  # noqa: S301
    assert "squares = [" in inspect.getsource(recipe.penalty)


def test_what_it_prints_goes_to_stderr(example, capsys):
    example.write_text(EXAMPLE + "print('hello')\n")
    plugins.load(example)
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "hello\n")


# ------------------------------------------------------------------------------------- refusals

HEAD = (
    "from bimt_bench.engine import RECIPES, Recipe, RecipeSettings\n"
    "from bimt_bench.spec import setting\n"
)


def recipe(name="mine", body="    def project(self, m): pass\n", **facts):
    stated = {"title": "T", "equation": "e", "source": "s", **facts}
    lines = [f"    {k} = {v!r}\n" for k, v in {"name": name, **stated}.items()]
    return "@RECIPES.register\nclass Mine(Recipe):\n" + "".join(lines) + body


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x = (\n", "plug-in 'own': line 1: SyntaxError: '(' was never closed"),
        ("if x:\ny\n", "plug-in 'own': line 2: IndentationError: expected an indented block"),
        ("import os\nimport no_such\n", "line 2: ModuleNotFoundError: No module named 'no_such'"),
        ("def f():\n    return 1 / 0\nf()\n", "line 2: ZeroDivisionError: division by zero"),
        ("raise KeyError\n", "plug-in 'own': line 1: KeyError: no message"),
        ("import sys\nsys.exit(3)\n", "line 2: ends the program when it is imported"),
        ("x = 1\n", "plug-in 'own': registers nothing; write @RECIPES.register above a recipe"),
        ("", "registers nothing"),
        ("x = '\0'\n", "plug-in 'own': "),
        (HEAD + recipe("bimt"), "recipe: 'bimt' of own has the name of one of bimt_bench"),
        (HEAD + recipe() + recipe("mine").replace("class Mine", "class Other"),
         "recipe: own has two of the name 'mine'; rename one"),
        (HEAD + recipe(title=""), "plug-in 'own': recipe 'mine': title: '' is not a text"),
        (HEAD + recipe(dial="kept"), "recipe 'mine': dial: there is no setting 'kept'"),
        (HEAD + recipe(body="    class Settings(RecipeSettings):\n"
                            "        r2: float = setting(1.0)\n"
                            "    def project(self, m): pass\n"),
         "setting 'r2' has the name of another column of the frame"),
        (HEAD + recipe(body="    class Settings(RecipeSettings):\n        x = setting(1.0)\n"),
         "line 9: PydanticUserError: Field 'x' requires a type annotation"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_in_one_line(tmp_path, content, message):
    file, before, modules = tmp_path / "own.py", dict(RECIPES), set(sys.modules)
    file.write_text(content)
    with pytest.raises(InputError) as refused:
        plugins.load(file)
    assert message in str(refused.value)
    assert "'own'" in str(refused.value) and "\n" not in str(refused.value)
    assert dict(RECIPES) == before
    assert not [name for name in set(sys.modules) - modules if "plugin_" in name]


def test_files_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "own.py").write_text("x = 1\n")
    (tmp_path / "own.txt").write_text("x = 1\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin.py").write_bytes(b"# caf\xe9\n")
    for name, message in (
        ("owm.py", r"owm.py': no such file; did you mean '.*own.py'\?"),
        ("own.txt", r"own.txt': is not a .py file"),
        ("folder", r"folder': is a folder, not a .py file"),
        ("latin.py", r"latin.py': is not UTF-8: byte 5"),
    ):
        with pytest.raises(InputError, match=message):
            plugins.load(tmp_path / name)


def test_two_plugins_of_one_name_are_refused_and_so_are_two_recipes_of_one_name(example, tmp_path):
    (tmp_path / "b").mkdir()
    same_name, other = tmp_path / "b" / "soft_count.py", tmp_path / "other.py"
    same_name.write_text(EXAMPLE + "# another\n")
    other.write_text(EXAMPLE)
    with pytest.raises(InputError, match="there is another plug-in 'soft_count'; rename one file"):
        plugins.load_all([example, same_name])
    with pytest.raises(InputError, match="'soft_count' of other has the name of one of soft_count"):
        plugins.load_all([example, other])


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        (".sum(dim=1) for", ".sum() for",
         "what it gave for one member changes with 'layers.0.weight' of others; reduce over all"),
        ("m.wiring.connections]", "m.wiring.conections]", "AttributeError: 'Wiring' object has no"),
        ('m["width"]', 'm["widht"]', "KeyError: 'widht'"),
        ("return m.strength *", "m.strength *", "gave NoneType, but must give a"),
        ("return m.strength *", "return float('nan') *", "is not finite for any member at the fir"),
        ("return m.strength *", "return m.strength[:, None] *", "gave a tensor (2, 2) of float"),
    ],
)  # fmt: skip
def test_a_hook_that_goes_wrong_is_named(example, right, wrong, message):
    example.write_text(EXAMPLE.replace(right, wrong))
    with pytest.raises(InputError) as refused:
        api.train("symbolic/independence", Configuration(recipe="soft_count"), seeds=(0, 1),
                  plugins=[example], **SHORT)  # fmt: skip
    assert re.match(
        r"recipe 'soft_count': penalty: member [0-9a-f]{12} \(seed 0\) and 1 more, step 0: ",
        str(refused.value),
    )
    assert message in str(refused.value) and "\n" not in str(refused.value)


# ------------------------------------------------------------------------- the guide's other blocks

SHAPES = """
from bimt_bench.engine import RECIPES, Recipe

SEEN = {}


@RECIPES.register
class Remembers(Recipe):
    name, title, equation, source = "remembers", "Remembers", "e", "s"
    tables = tables

    def start(self, m):
        SEEN["flat"] = m.flat.shape
        SEEN.update({name: table.shape for name, table in m.tables.items()})

    def project(self, m): pass
"""


def guide(heading: str) -> list[str]:
    """The Python under a heading of the guide."""
    section = re.split(r"\n##+ ", GUIDE.read_text().split(f"\n{heading}\n")[1])[0]
    return re.findall(r"^```python\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)


def test_the_guides_tables_have_the_shapes_that_it_says(tmp_path):
    (block,) = guide("### State")
    (tmp_path / "own.py").write_text(block + SHAPES)
    plugins.load(tmp_path / "own.py")
    api.train("symbolic/independence", Configuration(recipe="remembers"), seeds=(0, 1), **SHORT)
    seen = sys.modules[RECIPES["remembers"].__module__].SEEN
    neurons = 4 + 20 + 20 + 2
    assert seen["mask"] == seen["flat"]
    assert (seen["age"], seen["dual"]) == ((2, neurons), (2, 2))


def test_the_guides_mask_leaves_the_share_that_it_is_told(tmp_path):
    _, block = guide("## A recipe")
    (tmp_path / "random_mask.py").write_text(block)
    plugins.load(tmp_path / "random_mask.py")
    assert "strength" not in settings_for(RECIPES["random_mask"])
    task = catalog.task("symbolic/independence")
    configuration = Configuration(recipe="random_mask", kept=0.25, steps=40)
    own = [resolve(task, configuration, seed) for seed in (0, 1)]
    trained = packs.run_pack(task, own, shuffles=2)
    first, second = (
        [array != 0 for name, array in trained.weights[one.digest].items() if "weight" in name]
        for one in own
    )
    total = sum(there.size for there in first)
    assert abs(sum(int(there.sum()) for there in first) / total - 0.25) < 0.06  # 3 deviations
    assert any((a != b).any() for a, b in zip(first, second, strict=True))


# ---------------------------------------------------------------------------- members and frames


def test_source_is_in_the_frame_and_every_column_is_accounted_for(example):
    frame = api.train("symbolic/independence", Configuration(recipe="soft_count", width=0.05),
                      seeds=(0, 1), plugins=[example], **SHORT).frame  # fmt: skip
    digest = RECIPES.source_of("soft_count").digest
    assert (frame["source"] == f"soft_count:{digest}").all()
    assert (frame["width"] == 0.05).all() and (frame["dial_value"] == 1.0).all()
    assert (frame["status"] == "ok").all()
    own = set(settings_for(RECIPES["soft_count"]))
    assert set(frame.columns) <= own | COLUMNS | set(METRICS)
    assert set(frame.columns) >= own | (COLUMNS - {*SEARCHED})  # of a member that no search trained


def test_the_example_charges_what_it_says_and_mixes_with_others(example):
    plugins.load(example)
    task, own = members(seeds=(0, 1))
    others = [resolve(task, Configuration(recipe="bimt", steps=40), seed) for seed in (0, 1)]
    mixed = packs.run_pack(task, [own[0], *others, own[1]], shuffles=2)
    alone = packs.run_pack(task, own, shuffles=2)
    for one in own:
        for name, array in alone.weights[one.digest].items():
            assert (array == mixed.weights[one.digest][name]).all()
    last = alone.curves[alone.curves["step"] == 39].set_index("member")["charged_cost"]
    first = alone.curves[alone.curves["step"] == 0].set_index("member")["charged_cost"]
    # lambda is ten times its base value from a quarter of the steps on, a tenth at the end
    assert (last < first).all()
    weights = 4 * 20 + 20 * 20 + 20 * 2
    assert first.between(0, 1e-3 * weights).all()


def test_an_edit_makes_other_members_and_a_copy_does_not(example, tmp_path):
    plugins.load(example)
    first = members()[1][0]
    (tmp_path / "b").mkdir()
    copy = tmp_path / "b" / "soft_count.py"
    copy.write_text(EXAMPLE)
    plugins.load(copy)
    assert members()[1][0].digest == first.digest
    copy.write_text(EXAMPLE + "# no number changes\n")
    plugins.load(copy)
    assert members()[1][0].digest != first.digest
    assert members()[1][0].configuration != first.configuration


# -------------------------------------------------------------------------------------- workers

WORKER = """
import pickle, sys
from pathlib import Path
import bimt_bench.plugins
assert "torch" not in sys.modules, "a worker is up before it loads torch"
from bimt_bench.tuning.parcel import unpacked
loaded, parcel, task = pickle.loads(Path(sys.argv[1]).read_bytes())
assert "torch" not in sys.modules, "what the driver sends is closed until plug-ins are entered"
for plugin in loaded:
    bimt_bench.plugins.enter(plugin)
task, members = unpacked(task), parcel.open().members
from bimt_bench.packs import run_pack
run_pack(task, members, shuffles=2).frame.to_parquet(sys.argv[2])
"""


def test_another_process_loads_the_bytes_that_were_read(example, tmp_path):
    loaded = plugins.load_all([example])
    task, own = members()
    example.write_text("an edit under way: this is not Python")
    parcel = Parcel.of(Pack("p", task.name, tuple(own), 1.0))
    (tmp_path / "sent").write_bytes(pickle.dumps((loaded, parcel, pickle.dumps(task))))
    subprocess.run(
        [sys.executable, "-c", WORKER, "sent", "frame.parquet"],
        check=True,
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    found = pd.read_parquet(tmp_path / "frame.parquet").drop(columns="seconds")
    here = packs.run_pack(task, own, shuffles=2).frame.drop(columns="seconds")
    pd.testing.assert_frame_equal(found, here[found.columns], check_exact=True)


class Collector:
    """The collector's calls, in this process."""

    def __init__(self):
        self.kept, self.complaints = {}, {}
        for name in ("keep", "complain", "progress", "note", "stored"):
            setattr(self, name, SimpleNamespace(remote=getattr(self, f"_{name}")))

    def _keep(self, pack, members, frame, curves, weights):
        self.kept[pack] = frame

    def _complain(self, pack, reason):
        self.complaints[pack] = reason

    def _progress(self, pack, fraction):
        return True

    def _note(self, line):
        pass

    def _stored(self, pack):
        return None


@pytest.fixture
def computed(monkeypatch, tmp_path):
    """What became of a pack in a trainable that was sent some plug-ins."""
    from bimt_bench.ground import circumstances
    from bimt_bench.tuning import trainable

    def compute(loaded, task, own):
        job = trainable.Job(
            tasks={task.name: task},
            run_pack=lambda _, own, **how: packs.run_pack(task, own, **how),
            device="cpu",
            share=0.5,
            results=tmp_path,
            shuffles=2,
            checkpoint_seconds=60.0,
            data_dir=None,
            score_again=None,
            code={},
            circumstances=circumstances("cpu"),
            plugins=tuple(loaded),
        )
        collector, worker = Collector(), object.__new__(trainable.PackTrainable)
        worker.setup({}, job=job, collector=collector)
        worker.config = {"pack": Parcel.of(Pack("p", task.name, tuple(own), 1.0))}
        told = worker.step()
        return told, collector

    monkeypatch.setattr(trainable.ray, "get", lambda value: value)
    return compute


def test_a_worker_loads_the_plugins_of_its_job(example, computed):
    loaded = plugins.load_all([example])
    task, own = members()
    RECIPES.drop(loaded[0].source)  # a worker begins without it
    told, collector = computed(loaded, task, own)
    assert not told["failed"], collector.complaints
    assert (collector.kept["p"]["source"] == own[0].source).all()


def test_a_worker_refuses_bytes_of_another_digest(example, computed):
    loaded = plugins.load(example)
    task, own = members()
    altered = replace(loaded, content=loaded.content + b"# altered on the way\n")
    told, _ = computed([altered], task, own)
    assert told["failed"]
    assert re.fullmatch(
        rf"plug-in 'soft_count': its bytes have the digest [0-9a-f]{{12}}, but {loaded.digest} "
        r"was announced \(on node .+\)",
        told["reason"],
    )


# --------------------------------------------------------------------------------- sweeps, files


def test_a_sweep_names_plugins_beside_its_file_and_is_the_same_without(tmp_path):
    (tmp_path / "sweep").mkdir()
    file = tmp_path / "sweep" / "own.yaml"
    content = {
        "name": "own",
        "title": "Own",
        "tasks": [{"task": "symbolic/independence", "steps": 20}],
        "space": {"recipe": ["vanilla"]},
        "seeds": [0],
    }
    file.write_text(yaml.safe_dump({**content, "plugins": ["one.py", "/two.py"]}))
    spec = catalog.sweep(file)
    assert spec.plugins == (str(tmp_path / "sweep" / "one.py"), "/two.py")
    assert spec.digest() == SweepSpec.model_validate(content).digest()


# ------------------------------------------------------------------------------------ the guide


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in HIDDEN}
    return subprocess.run(
        [sys.executable, "-m", "bimt_bench", *arguments],
        cwd=folder,
        env={**environment, "COLUMNS": "200", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=500,
    )


def test_the_guides_command_trains_its_example(example, tmp_path):
    (line,) = blocks("bash")[0].splitlines()
    program, *arguments = shlex.split(line)
    assert program == "bimt-bench"
    done = invoked(tmp_path, *arguments, "--set", "steps=40")
    assert done.exit_code == 0, done.output
    (file,) = tmp_path.glob("runs/*/frame.parquet")
    frame = pd.read_parquet(file)
    assert list(frame["recipe"]) == ["soft_count"]
    assert list(frame["width"]) == [0.05] and list(frame["strength"]) == [3.0]
    assert frame["source"].str.fullmatch("soft_count:[0-9a-f]{12}").all()


@pytest.mark.parametrize("command_line", [["run", "symbolic/independence"], ["sweep", "quick"]])
def test_the_command_line_refuses_a_bad_plugin_in_one_line(tmp_path, monkeypatch, command_line):
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text("import no_such\n")
    done = CliRunner().invoke(app, [*command_line, "--plugin", "own.py"])
    assert done.exit_code == 2
    assert done.stderr == (
        "error: plug-in 'own': line 1: ModuleNotFoundError: No module named 'no_such'\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["own.py"]


@pytest.mark.parametrize("line", [["recipes"], ["recipes", "show", "soft_count"]])
def test_recipes_lists_it_with_where_it_comes_from(example, monkeypatch, line):
    # made when the module was first imported, in whatever width that found
    monkeypatch.setattr(terminal, "OUT", Console(width=400))
    done = CliRunner().invoke(app, [*line, "--plugin", str(example)])
    assert done.exit_code == 0, done.output
    assert "Geman and McClure 1987" in done.stdout
    assert "soft_count" in done.stdout.split("Geman and McClure 1987")[1]


@pytest.fixture
def guides_sweep(example, tmp_path) -> SweepSpec:
    """The guide's sweep, saved as `soft.yaml` beside its plug-in, with fewer steps."""
    spec = yaml.safe_load(blocks("yaml")[0])
    spec |= {"shuffles": 2, "pack_size": 6, "checkpoint_seconds": 1.0}
    spec["tasks"][0]["steps"] = 600
    (tmp_path / "soft.yaml").write_text(yaml.safe_dump(spec))
    return catalog.sweep(tmp_path / "soft.yaml")


SWEEP = ("sweep", "soft.yaml", "--workers", "2", "--no-track")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_plugin_that_ends_its_worker_is_named_and_so_is_one_that_exits(guides_sweep, tmp_path):
    """What is printed goes to the worker's log."""
    spec = yaml.safe_load((tmp_path / "soft.yaml").read_text())
    spec |= {"recipes": {"soft_count": {"strength": [1.0]}, "leaver": {"strength": [1.0]}}}
    spec |= {"plugins": ["soft_count.py", "leaver.py"], "seeds": [0], "pack_size": 1}
    (tmp_path / "soft.yaml").write_text(yaml.safe_dump(spec))
    hook = "    def penalty(self, m: Members, theta):\n"
    for name, line in (("soft_count", "import os; os._exit(3)"), ("leaver", "raise SystemExit")):
        text = EXAMPLE.replace('"soft_count"', f'"{name}"')
        text = text.replace(hook, f"{hook}        print('on its way out')\n        {line}\n")
        (tmp_path / f"{name}.py").write_text(text)
    done = command(tmp_path, *SWEEP)
    assert done.returncode == 2
    told = " ".join(done.stderr.split())
    assert "its worker died; the likely cause is plug-in 'leaver', 'soft_count', else" in told
    assert re.search(r"plug-in 'leaver': line \d+: ends the program", told)
    assert "on its way out" not in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(2000)
def test_the_guides_sweep_is_killed_and_resumed_on_two_workers(
    guides_sweep, example, tmp_path, monkeypatch
):
    killed = subprocess.Popen(
        [sys.executable, "-m", "bimt_bench", *SWEEP],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        limit = time.monotonic() + 500
        while not list(tmp_path.glob("runs/soft-*/packs/*.json")):
            assert time.monotonic() < limit and killed.poll() is None
            time.sleep(0.05)
            # the driver has read it, and workers load what it read
            if list(tmp_path.glob("runs/soft-*/plugins/*.py")):
                example.write_text("an edit under way: this is not Python")
    finally:
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
    assert not list(tmp_path.glob("runs/soft-*/frame.parquet"))
    with monkeypatch.context() as here:
        here.chdir(tmp_path)
        refused = CliRunner().invoke(app, [*SWEEP, "--resume"])
    assert refused.exit_code == 2
    assert "plug-in 'soft_count': line 1: SyntaxError" in refused.stderr
    example.write_text(EXAMPLE)
    done = command(tmp_path, *SWEEP, "--resume")
    assert done.returncode == 0, done.stderr
    (folder,) = tmp_path.glob("runs/soft-*")
    assert (folder / "plugins" / "soft_count.py").read_text() == EXAMPLE
    found = pd.read_parquet(folder / "frame.parquet")
    assert found["recipe"].value_counts().to_dict() == {"soft_count": 18, "l1": 9}
    assert found["source"].notna().equals(found["recipe"] == "soft_count")
    assert found["width"].dtype == "Float64"
    # the copy that the results folder keeps makes the same numbers, here and in one go
    spec = catalog.sweep(folder / "spec.yaml")
    plugins.load_all(spec.plugins)
    checked = tuning.check(spec)
    assert folder.name == f"soft-{tuning.sweep_digest(checked)}"
    task, curves = checked.tasks[0].spec, pd.read_parquet(folder / "curves.parquet")
    every = {member.digest: member for member in guides_members(task)}
    assert set(every) == set(found["member"])
    for _, rows in found.groupby("pack"):
        names = ["member", *(name for name in METRICS if name in rows)]
        again = packs.run_pack(task, [every[one] for one in rows["member"]], shuffles=2)
        same(rows[names], again.frame[names])
        same(curves[curves["member"].isin(rows["member"])], again.curves)


def guides_members(task: TaskSpec) -> Iterator[Member]:
    """Every member of the guide's sweep, with fewer steps."""
    widths = [{"recipe": "soft_count", "width": width} for width in (0.05, 0.2)]
    for own in ({"recipe": "l1"}, *widths):
        for strength, seed in itertools.product((0.3, 1.0, 3.0), (0, 1, 2)):
            yield resolve(task, Configuration(strength=strength, steps=600, **own), seed)


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """To the bit, whatever the order of members."""
    pd.testing.assert_frame_equal(
        *(one.sort_values("member", kind="stable", ignore_index=True) for one in (found, expected)),
        check_exact=True,
    )
