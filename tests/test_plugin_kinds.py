"""Plug-ins that bring kinds of every set, from files, modules and installed packages."""

import os
import pickle
import re
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from rich.console import Console
from typer.testing import CliRunner

from bimt_bench import api, plugins
from bimt_bench.app import cli, doctor, terminal
from bimt_bench.ground import InputError, Source, circumstances
from bimt_bench.identity import scoring_digest
from bimt_bench.recipes import resolve
from bimt_bench.spec import (
    DATA,
    DISTANCES,
    LOSSES,
    MEASURES,
    METRICS,
    MODELS,
    PLACEMENTS,
    RECIPES,
    SETS,
    Configuration,
    SweepSpec,
    catalog,
    choose,
)
from bimt_bench.tuning.parcel import Parcel
from bimt_bench.tuning.plan import Pack

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "templates"
GUIDE = ROOT / "docs" / "extending.md"
TASK = catalog.task("symbolic/independence")
LOSS = '''
from bimt_bench.engine import Loss, Measure
from bimt_bench.spec import LOSSES, MEASURES


@LOSSES.register
class Fourth(Loss):
    """The mean fourth power of errors."""

    name = "fourth"
    title = "fourth power"
    targets = ("numbers",)

    def each(self, settings, outputs, targets):
        return (outputs - targets) ** 4


@MEASURES.register
class Hits(Measure):
    """The share of numbers that are met within a tenth."""

    name = "hits"
    title = "Hits"
    low = 0.0
    high = 1.0
    targets = ("numbers",)

    def each(self, settings, outputs, targets):
        return (outputs - targets).abs() < 0.1
'''


def template(what: str) -> str:
    text = (TEMPLATES / what / f"{what}.py").read_text()
    return text.replace("template_name", f"own_{what}").replace("TemplateName", f"Own{what}")


EVERYTHING = "\n".join([*map(template, ("model", "placement", "metric", "data")), LOSS])
NAMES = {
    "own_model": MODELS, "own_placement": PLACEMENTS, "own_placement_distance": DISTANCES,
    "own_metric": METRICS, "own_data": DATA, "fourth": LOSSES, "hits": MEASURES,
}  # fmt: skip


@pytest.fixture(autouse=True)
def what_ships_only():
    before = set(sys.modules)
    yield
    for kinds in SETS:
        kinds.left_out.clear()
        for source in kinds.sources():
            kinds.drop(source)
    for name in set(sys.modules) - before:
        if name.startswith(("bimt_bench_plugin_", "own_package")):
            del sys.modules[name]


@pytest.fixture
def everything(tmp_path) -> Path:
    file = tmp_path / "everything.py"
    file.write_text(EVERYTHING)
    return file


def own_task():
    """A task whose model, loss, measure and geometry are a plug-in's."""
    geometry = {
        "name": "own",
        "hidden": {"kind": "own_placement"},
        "distance": {"kind": "own_placement_distance", "most": 0.3},
    }
    content = yaml.safe_load(catalog.dump(TASK))
    parts = {"model": {"kind": "own_model", "hidden": 8}, "loss": "fourth", "performance": "hits"}
    return type(TASK).model_validate({**content, **parts, "geometry": geometry})


# ------------------------------------------------------------------------------ every set


def test_one_file_brings_kinds_of_every_set(everything):
    scoring = scoring_digest()
    loaded = plugins.load(everything)
    for name, kinds in NAMES.items():
        assert kinds.source_of(name) == loaded.source
    frame = api.train(
        own_task(), Configuration(recipe="bimt"), seeds=(0, 1), steps=40, shuffles=2
    ).frame
    assert (frame["status"] == "ok").all()
    assert (frame["source"] == f"everything:{loaded.digest}").all()
    assert frame["performance"].between(0.0, 1.0).all()
    assert frame["own_metric"].between(0.0, 1.0).all()
    assert (frame["scoring_digest"] != scoring).all()


@pytest.mark.parametrize("used", ["model", "loss", "performance", "geometry", "nothing"])
def test_an_edit_changes_the_members_that_use_it(everything, used):
    def member():
        plugins.load(everything)
        part = {} if used == "nothing" else {used: getattr(own_task(), used)}
        return resolve(TASK.model_copy(update=part), Configuration(recipe="l1"), 0)

    first = member()
    everything.write_text(EVERYTHING + "# edited\n")
    second = member()
    assert (first.digest == second.digest) == (used == "nothing")
    assert (first.source == "") == (used == "nothing")


def test_kinds_of_two_plugins_are_both_named(everything, tmp_path):
    (tmp_path / "rival.py").write_text(template("recipe"))
    loaded = plugins.load_all([everything, tmp_path / "rival.py"])
    member = resolve(own_task(), Configuration(recipe="own_recipe"), 0)
    assert member.source == ", ".join(f"{one.name}:{one.digest}" for one in reversed(loaded))


MODEL = """
from bimt_bench.network import Distance, ModelKind, Placement
from bimt_bench.data import DataKind
from bimt_bench.engine import Measure
from bimt_bench.spec import DATA, DISTANCES, MEASURES, MODELS, PLACEMENTS, ModelSettings
"""


WHOLE = """    def module(self, settings, shapes): ...
    def wiring(self, settings, shapes): ...
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@MODELS.register\nclass Own(ModelKind):\n    name = 'own'\n    title = 'Own'\n"
         "    def module(self, settings, shapes): ...\n", "model 'own': wiring is missing"),
        ("@MODELS.register\nclass Own(ModelKind):\n    name = 'own'\n    title = ''\n"
         + WHOLE, "model 'own': title: '' is not a text"),
        ("@MODELS.register\nclass Own:\n    name = 'own'\n", "is not a subclass of ModelKind"),
        ("@DATA.register\nclass Own(DataKind):\n    name = 'own'\n    title = 'Own'\n"
         "    def load(self, settings): ...\n",
         "load(self, settings): is called as load(self, settings, data_dir=...)"),
        ("@PLACEMENTS.register\nclass Own(Placement):\n    name = 'own-place'\n    title = 'Own'\n"
         "    def coordinates(self, settings, size, *, group): ...\n",
         "name: 'own-place' given; small letters, digits and _ are allowed"),
        ("@DISTANCES.register\nclass Own(Distance):\n    name = 'own'\n    title = 'Own'\n"
         "    Settings = ModelSettings\n    def between(self, settings, target, source): ...\n",
         "distance 'own': Settings is not a subclass of DistanceSettings"),
        ("@DISTANCES.register\nclass Own(Distance):\n    name = 'own'\n    title = 'Own'\n"
         "    def __init__(self): self.x = 1\n"
         "    def between(self, settings, target, source): ...\n",
         "__init__: a kind holds nothing"),
        ("@MEASURES.register\nclass Own(Measure):\n    name = 'own'\n    title = 'Own'\n",
         "targets is missing; each or of is missing"),
        ("@MODELS.register\nclass Own(ModelKind):\n    name = 'own'\n    title = 'Own'\n"
         + WHOLE + "    def chek(self, settings, shapes): ...\n",
         "'chek' is not a hook; did you mean 'check'?"),
        ("@MODELS.register\nclass Mlp(ModelKind):\n    name = 'mlp'\n",
         "model: 'mlp' of own has the name of one of bimt_bench"),
        ("from bimt_bench.metrics import metric\n"
         "@metric(title='', family='own', direction='lower', source='', untrained='')\n"
         "def own(scored): ...\n", "metric 'own': title: is empty; source: is empty"),
    ],
)  # fmt: skip
def test_a_kind_that_breaks_its_contract_is_refused_in_one_line(tmp_path, text, message):
    before = {kinds.word: dict(kinds) for kinds in SETS}
    (tmp_path / "own.py").write_text(MODEL + text)
    with pytest.raises(InputError) as refused:
        plugins.load(tmp_path / "own.py")
    told = str(refused.value)
    assert message in told and told.startswith("plug-in 'own': ") and "\n" not in told
    assert {kinds.word: dict(kinds) for kinds in SETS} == before


# ------------------------------------------------------------------- modules and entry points


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Installs a package, with entry points if any; gives its folder."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)

    def install(name, points="", **files):
        folder = site / name
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        for module, text in files.items():
            (folder / f"{module}.py").write_text(text)
        info = site / f"{name}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(textwrap.dedent(points))
        (info / "RECORD").write_text(f"{name}/__init__.py,,\n")
        return folder

    return install


def test_a_module_is_a_plugin_with_the_version_of_its_distribution(package):
    folder = package("own_package_a", kinds=template("model"), helper="x = 1\n")
    loaded = plugins.load("own_package_a.kinds")
    assert MODELS.source_of("own_model") == loaded.source
    assert (loaded.name, loaded.version, loaded.content) == ("own_package_a", "1.2", b"")
    (folder / "helper.py").write_text("x = 2\n")
    assert plugins.read("own_package_a.kinds").digest != loaded.digest
    with pytest.raises(InputError, match="its code here has the digest [0-9a-f]{12}, but .* leave"):
        plugins.enter(loaded)


def test_kinds_of_a_package_that_was_imported_by_itself_come_from_it_too(package):
    package("own_package_b", kinds=template("placement"))
    import own_package_b.kinds  # noqa: F401

    source = PLACEMENTS.source_of("own_placement")
    assert (source.name, source.version) == ("own_package_b", "1.2")
    assert plugins.load("own_package_b.kinds").source == source
    (used,) = plugins.used_by(f"{source}:{source.digest}")
    assert used.module == "own_package_b.kinds"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import no_such\n", "line 1: ModuleNotFoundError: No module named 'no_such'"),
        ("import sys\nsys.exit(2)\n", "line 2: ends the program when it is imported"),
        ("x = 1\n", "registers nothing"),
        (MODEL + "@MODELS.register\nclass Own(ModelKind):\n    name = 'own'\n    title = 'O'\n",
         "model 'own': module is missing; wiring is missing"),
    ],
)  # fmt: skip
def test_a_bad_module_is_refused_in_one_line(package, text, message):
    package("own_package_c", kinds=text)
    for _ in range(2):  # the second time as the first
        with pytest.raises(InputError) as refused:
            plugins.load("own_package_c.kinds")
        told = str(refused.value)
        assert message in told and told.startswith("plug-in 'own_package_c'") and "\n" not in told
    assert "own" not in MODELS


@pytest.mark.parametrize("named", ["no_such_package.kinds", "own_package_d.no_such"])
def test_a_module_that_is_not_there_is_named(package, named):
    package("own_package_d")
    with pytest.raises(InputError, match=rf"plug-in '{named.split('.')[0]}.*no.?such"):
        plugins.load(named)


def test_a_plugin_that_a_node_lacks_or_has_otherwise_is_named_with_the_node():
    lacking = plugins.Plugin("own_gone", "1.2", "0" * 12, module="own_gone.kinds")
    with pytest.raises(InputError, match=r"plug-in 'own_gone': is not installed here; install own"):
        plugins.enter(lacking)


POINTS = """
    [bimt_bench.models]
    own_model = {name}.kinds
"""


def test_entry_points_are_loaded_and_a_broken_one_is_left_out(package, caplog):
    package("own_package_e", POINTS.format(name="own_package_e"), kinds=template("model"))
    package("own_package_f", POINTS.format(name="own_package_f"), kinds="import no_such\n")
    plugins.enter_installed(MODELS)
    assert MODELS.source_of("own_model").name == "own_package_e"
    line = "plug-in 'own_package_f': line 1: ModuleNotFoundError: No module named 'no_such'"
    assert MODELS.left_out == [line]
    assert caplog.messages == [f"{line}; it is left out"]
    with pytest.raises(InputError, match=f"unknown model 'own_modle'.*own_model.*left out: {line}"):
        MODELS.get_kind("own_modle")
    with pytest.raises(ValueError, match=f"left out: {line}"):
        choose(MODELS, {"kind": "broken"})
    found = {check.name: check for check in doctor.check_plugins()}
    assert found["plug-in own_package_e 1.2"].value.startswith("model own_model (digest ")
    assert found["plug-in left out"].value == line


def test_another_process_has_them_when_it_first_asks_a_set(package, tmp_path):
    points = """
    [bimt_bench.placements]
    own_placement = own_package_i.kinds
    [bimt_bench.distances]
    own_placement = own_package_i.kinds
    gone = own_package_i.gone
    """
    package("own_package_i", points, kinds=f"print('hello')\n{template('placement')}")
    program = """
from bimt_bench.spec import DISTANCES, PLACEMENTS
assert "own_placement" in PLACEMENTS, "asked first"
print(PLACEMENTS.source_of("own_placement"), *DISTANCES.left_out)
print("own_placement_distance" in DISTANCES, *DISTANCES.left_out)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), str(ROOT)])},
    )
    line = "plug-in 'own_package_i': ModuleNotFoundError: No module named 'own_package_i.gone'"
    assert done.stdout.splitlines() == ["own_package_i 1.2", f"True {line}"]
    assert done.stderr.splitlines() == ["hello", f"{line}; it is left out"]


def test_an_entry_point_that_registers_nothing_of_its_group_is_left_out(package):
    package("own_package_g", POINTS.format(name="own_package_g"), kinds=template("metric"))
    plugins.enter_installed(MODELS)
    (line,) = MODELS.left_out
    assert "registers no model, though it is listed in bimt_bench.models" in line


# ------------------------------------------------------------------------------ on the way


def test_what_is_sent_opens_only_with_its_plugins(everything):
    (loaded,) = plugins.load_all([everything])
    task = own_task()
    from bimt_bench.tuning.trainable import Job

    job = Job(
        tasks={task.name: task}, run_pack=print, score_again=None, device="cpu", share=1.0,
        results=everything.parent, shuffles=2, checkpoint_seconds=1.0, data_dir=None, code={},
        circumstances=circumstances("cpu"), plugins=(loaded,),
    )  # fmt: skip
    member = resolve(task, Configuration(recipe="l1"), 0)
    sent = pickle.dumps((job, Parcel.of(Pack("p", task.name, (member,), 1.0))))
    del sys.modules[f"bimt_bench_plugin_{loaded.digest}"]  # another process has not loaded it
    for kinds in SETS:
        kinds.drop(loaded.source)
    arrived, parcel = pickle.loads(sent)  # noqa: S301
    with pytest.raises(InputError, match="plug-in: No module named 'bimt_bench_plugin_"):
        parcel.open()
    for plugin in arrived.plugins:
        plugins.enter(plugin)
    assert arrived.task(task.name).digest() == task.digest()
    assert parcel.open().members[0].digest == member.digest


def test_an_installed_plugin_goes_along_by_name(package):
    package("own_package_h", kinds=template("model"))
    plugins.load("own_package_h.kinds")
    task = TASK.model_copy(update={"model": choose(MODELS, {"kind": "own_model"})})
    pack = Pack("p", task.name, (resolve(task, Configuration(recipe="l1"), 0),), 1.0)
    (named,) = Parcel.of(pack).plugins
    assert (named.name, named.module, named.content) == (
        "own_package_h",
        "own_package_h.kinds",
        b"",
    )


def test_a_worker_with_other_metrics_refuses(everything):
    from bimt_bench.tuning import trainable

    trainable._check_metrics(SimpleNamespace(scoring=scoring_digest()))
    job = SimpleNamespace(scoring=scoring_digest())
    loaded = plugins.load(everything)
    with pytest.raises(InputError, match=f"metrics: those .*here: everything:{loaded.digest}"):
        trainable._check_metrics(job)


def test_kinds_of_a_script_cannot_be_sent(monkeypatch):
    source = Source("script", "", "5" * 12)
    held = SimpleNamespace(
        sources=lambda: (source,), of=lambda _: {"x": type("X", (), {"__module__": "__main__"})}
    )
    monkeypatch.setattr("bimt_bench.plugins.installed.SETS", (held,))
    with pytest.raises(InputError, match=r"plug-in 'script': is a script or a notebook, which"):
        plugins.used_by(f"script:{source.digest}")


# ------------------------------------------------------------------------------ exits, errors


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("raise SystemExit", "ends the program"),
        ("exit(3)", "ends the program"),
        ("return 1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
@pytest.mark.parametrize(
    ("what", "hook"), [("recipe", "penalty"), ("model", "describe"), ("model", "wiring")]
)
def test_a_hook_that_exits_or_fails_is_one_line(tmp_path, line, message, what, hook):
    file = tmp_path / "own.py"
    file.write_text(re.sub(rf"(    def {hook}\(.*\n)", rf"\1        {line}\n", template(what)))
    plugins.load(file)
    task = TASK if what == "recipe" else own_model_task()
    if hook == "describe":
        with pytest.raises(InputError) as refused, plugins.blaming():
            MODELS["own_model"]().describe(task.model)
    else:
        with pytest.raises(InputError) as refused:
            api.train(task, recipe="own_recipe" if what == "recipe" else "l1", steps=20, shuffles=2)
    told = str(refused.value)
    assert message in told and "\n" not in told
    assert "own" in told


def own_model_task():
    return TASK.model_copy(update={"model": choose(MODELS, {"kind": "own_model"})})


def test_errors_of_nobody_are_left_as_they_are():
    with pytest.raises(ZeroDivisionError), plugins.blaming():
        _ = 1 / 0
    with pytest.raises(SystemExit), plugins.blaming():
        sys.exit(2)


# ------------------------------------------------------------------------------ files of tasks


@pytest.fixture
def own_files(tmp_path) -> Path:
    """A folder with a task and a sweep of it."""
    text = (TEMPLATES / "task" / "task.yaml").read_text().replace("template/name", "own/product")
    (tmp_path / "product.yaml").write_text(text)
    sweep = {
        "name": "own", "title": "Own", "tasks": [{"task": "product.yaml", "steps": 20}],
        "space": {"recipe": ["l1"]}, "seeds": [0], "plugins": ["one.py", "two.three"],
    }  # fmt: skip
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(sweep))
    return tmp_path


def test_a_sweep_finds_the_task_beside_it(own_files):
    from bimt_bench.tuning import check

    spec = catalog.sweep(own_files / "sweep.yaml")
    assert (spec.tasks[0].task, spec.tasks[0].file) == (
        "own/product",
        str(own_files / "product.yaml"),
    )
    assert spec.plugins == (str(own_files / "one.py"), "two.three")
    named = {"name": "own", "title": "Own", "tasks": [{"task": "own/product", "steps": 20}],
             "space": {"recipe": ["l1"]}, "seeds": [0]}  # fmt: skip
    assert spec.digest() == SweepSpec.model_validate(named).digest()
    assert [task.spec.name for task in check(spec).tasks] == ["own/product"]


def test_a_task_is_trained_from_its_file(own_files):
    frame = api.train(str(own_files / "product.yaml"), recipe="l1", steps=20, shuffles=2).frame
    assert list(frame["task"]) == ["own/product"]


def test_a_task_is_read_back_as_a_results_folder_keeps_it(tmp_path):
    example = ROOT / "examples" / "extending"
    plugins.load_all([example / "gated.py", example / "honeycomb.py"])
    for task in [*catalog.tasks(), catalog.task(str(example / "comfort.yaml"))]:
        (tmp_path / "kept.yaml").write_text(catalog.dump(task))
        assert catalog.task(str(tmp_path / "kept.yaml")) == task


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"task: no such file '.*produkt.yaml'; did you mean '.*product.yaml'\?"),
        ("title: x\n", r"produkt.yaml: name: is missing"),
    ],
)
def test_a_task_file_that_is_none_is_named(own_files, content, message):
    if content is not None:
        (own_files / "produkt.yaml").write_text(content)
    text = (own_files / "sweep.yaml").read_text()
    (own_files / "sweep.yaml").write_text(text.replace("product.yaml", "produkt.yaml"))
    with pytest.raises(InputError, match=message):
        catalog.sweep(own_files / "sweep.yaml")


# ------------------------------------------------------------------------------ the guide


def test_the_guides_model_trains_and_its_neurons_change_places(tmp_path):
    section = GUIDE.read_text().split("\n## A model\n")[1].split("\n## ")[0]
    block, _ = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    (tmp_path / "shortcut.py").write_text(block)
    plugins.load(tmp_path / "shortcut.py")
    model = choose(MODELS, {"kind": "shortcut", "hidden": 8})
    task = TASK.model_copy(update={"model": model})
    frame = api.train(task, seeds=(0, 1), steps=40, swap_every=20, shuffles=2).frame
    assert (frame["status"] == "ok").all()
    assert frame["source"].str.startswith("shortcut:").all()


def test_the_guides_convolution_trains_and_its_channels_change_places(tmp_path):
    section = GUIDE.read_text().split("\n### A convolution\n")[1].split("\n## ")[0]
    (block,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    (tmp_path / "look.py").write_text(block)
    plugins.load(tmp_path / "look.py")
    images = catalog.task("vision/digits")
    model = choose(MODELS, {"kind": "look", "channels": 3})
    task = images.model_copy(update={"model": model, "geometry": TASK.geometry})
    frame = api.train(task, seeds=(0, 1), steps=40, swap_every=20, shuffles=2).frame
    assert (frame["status"] == "ok").all()
    assert (frame["performance"] > 0.3).all()  # a guess is right once in ten
    moons = catalog.task("classification/two_moons").model_copy(update={"model": model})
    with pytest.raises(InputError, match="model.kind: look given; it takes square images"):
        api.train(moons, steps=40)


def test_the_guides_entry_points_are_those_that_are_loaded():
    section = GUIDE.read_text().split("\n## Plug-ins\n")[1]
    (block,) = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    (group,) = tomllib.loads(block)["project"]["entry-points"]
    assert group == MODELS.group
    for kinds in SETS:
        assert f"`.{kinds.group.rpartition('.')[2]}`" in section or f"`{kinds.group}`" in section


# ------------------------------------------------------------------------------ listings


@pytest.mark.parametrize(
    ("command", "name", "words"),
    [
        ("models", "own_model", ["A hidden layer, and direct", "hidden", "a whole number > 0"]),
        ("metrics", "own_metric", ["Hoyer 2004", "higher"]),
        ("data", "own_data", ["Two arms of a spiral", "turns", "that an arm winds"]),
        ("losses", "fourth", ["fourth power"]),
        ("measures", "hits", ["higher", "within a tenth"]),
        ("geometries", "own_placement", ["seeds sit in a sunflower", "radius"]),
        ("geometries", "own_placement_distance", ["what a wire costs at most"]),
    ],
)
def test_listings_say_where_a_kind_comes_from(everything, monkeypatch, command, name, words):
    # made when the module was first imported, in whatever width that found
    monkeypatch.setattr(terminal, "OUT", Console(width=400))
    given = ["--plugin", str(everything)]
    listed = CliRunner().invoke(cli.app, [command, *given])
    assert listed.exit_code == 0, listed.output
    assert re.search(rf"│ {name} .*│ everything +│", listed.stdout)
    shown = CliRunner().invoke(cli.app, [command, "show", name, *given])
    assert shown.exit_code == 0, shown.output
    assert re.search(r"from +everything \(digest [0-9a-f]{12}\)", shown.stdout)
    assert all(word in shown.stdout for word in words)


@pytest.mark.parametrize("command", ["models", "metrics", "data", "losses", "measures"])
def test_every_kind_that_ships_is_listed_and_can_be_shown(monkeypatch, command):
    monkeypatch.setattr(terminal, "OUT", Console(width=400))
    kinds = {"models": MODELS, "metrics": METRICS, "data": DATA, "losses": LOSSES,
             "measures": MEASURES}[command]  # fmt: skip
    listed = CliRunner().invoke(cli.app, [command]).stdout
    assert "left out" not in listed
    for name in kinds:
        assert f"│ {name} " in listed
        shown = CliRunner().invoke(cli.app, [command, "show", name])
        assert shown.exit_code == 0, shown.output
        assert kinds[name].title in shown.stdout and "bimt_bench" in shown.stdout
    wrong = CliRunner().invoke(cli.app, [command, "show", f"{next(iter(kinds))}x"])
    assert wrong.exit_code == 2 and f"did you mean '{next(iter(kinds))}'?" in wrong.stderr


def test_recipes_is_not_the_only_set_with_a_contract():
    assert {kinds.word for kinds in SETS} >= {"recipe", "model", "metric", "placement", "loss"}
    assert all(kinds.contract for kinds in SETS if kinds is not RECIPES)
