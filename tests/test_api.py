"""The Python calls: light to import, settings as keywords, one thread for small steps."""

import ast
import inspect
import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import bimt_bench
from bimt_bench import api, recipes
from bimt_bench.app import single
from bimt_bench.ground import InputError, circumstances
from bimt_bench.identity import pack_digest
from bimt_bench.spec import DATA, Configuration, catalog, choose
from bimt_bench.tuning import local, train_pack
from bimt_bench.tuning.threads import one_thread

TASK = "symbolic/independence"
SHORT = {"steps": 2, "shuffles": 1}


def member(frame) -> str:
    (digest,) = frame["member"]
    return digest


def test_importing_the_package_loads_neither_torch_nor_ray():
    program = (
        "import sys, bimt_bench; print(bimt_bench.__version__, bimt_bench.__all__); "
        "heavy = {'torch', 'ray', 'mlflow', 'matplotlib', 'optuna', 'pandas'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_the_main_path_is_one_page():
    tree = ast.parse(Path(api.__file__).read_text())
    for part in ast.walk(tree):
        if isinstance(part, ast.FunctionDef):
            del part.body[0]  # words and examples do not count
    assert len(ast.unparse(tree).splitlines()) <= 75


def test_every_option_of_a_call_is_written_out():
    for call in (api.sweep, api.load, api.tradeoff):
        kinds = {parameter.kind for parameter in inspect.signature(call).parameters.values()}
        assert inspect.Parameter.VAR_KEYWORD not in kinds


# --------------------------------------------------------------------------- train


def test_settings_are_given_as_keywords_or_as_a_configuration():
    keywords = api.train(TASK, recipe="l1", strength=3.0, geometry="ring", **SHORT).frame
    whole = Configuration(recipe="l1", strength=3.0, geometry="ring")
    assert member(api.train(TASK, whole, **SHORT).frame) == member(keywords)
    shortened = Configuration(recipe="l1", strength=3.0, geometry="ring", steps=2)
    assert member(api.train(TASK, shortened, shuffles=1).frame) == member(keywords)
    given = {"recipe": "l1", "strength": 3.0, "geometry": "ring"}
    assert member(api.train(TASK, given, **SHORT).frame) == member(keywords)
    assert keywords[["recipe", "strength", "geometry", "steps"]].iloc[0].to_list() == [
        "l1", 3.0, "ring", 2,
    ]  # fmt: skip


def test_settings_left_out_are_those_of_bimt_as_published():
    frame = api.train(TASK, seeds=np.arange(2), **SHORT).frame
    expected = [
        recipes.resolve(catalog.task(TASK), Configuration(recipe="bimt", steps=2), seed).digest
        for seed in (0, 1)
    ]
    assert list(frame["member"]) == expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"configuration": Configuration(), "strength": 2.0}, "strength: .*not both"),
        ({"configuration": Configuration(), "recipe": "l1"}, "recipe: .*not both"),
        ({"configuration": Configuration(steps=5), "steps": 5}, "steps: given twice"),
        ({"recipe": "bimbt"}, "did you mean 'bimt'"),
        ({"recipe": 3}, "recipe: 3 given"),
        ({"strenght": 2.0}, "did you mean 'strength'"),
        ({"strength": float("nan")}, "strength: nan given"),
        ({"strength": "2"}, "strength: '2' given"),
        ({"strength": object()}, "strength: .*a number >= 0"),
        ({"learning_rate": 0.0}, "learning_rate: 0.0 given"),
        ({"recipe": "vanilla", "strength": 1.0}, "'vanilla' has no setting 'strength'"),
        ({"steps": 10**6}, "steps: 1000000 given"),
        ({"products": "float16"}, "products: 'float16' given"),
        ({"geometry": "grid"}, "20 neurons"),
        ({"no_locality_into": ["hiden1"]}, "did you mean 'hidden1'"),
        ({"configuration": "l1"}, "configuration: 'l1' given; should be"),
        ({"configuration": {1: 2}}, "configuration: 1 given as a name"),
        ({"configuration": {"recipe": "l1"}, "strength": 2.0}, "strength: .*not both"),
        ({"configuration": {"steps": 5}, "steps": 5}, "steps: given twice"),
        ({"configuration": {"strenght": 2.0}}, "did you mean 'strength'"),
        ({"seeds": 3}, "seeds: 3 given; name each"),
        ({"seeds": np.array(3)}, r"seeds: array\(3\) given; name each"),
        ({"seeds": "3"}, "seeds: '3' given; name each"),
        ({"seeds": None}, "seeds: None given; name each"),
        ({"seeds": True}, "seeds: True given; name each"),
        ({"seeds": []}, "seeds: none given"),
        ({"seeds": [0, 0]}, "seeds: 0 is given twice; seeds must differ"),
        ({"seeds": np.array([1, 1])}, "seeds: 1 is given twice"),
        ({"seeds": [-1]}, "seeds: -1 given"),
        ({"seeds": [2**64]}, f"seeds: {2**64} given"),
        ({"seeds": [0.5]}, "seeds: 0.5 given"),
        ({"seeds": [True]}, "seeds: True given; a seed is a whole number"),
        ({"seeds": ["3"]}, "seeds: '3' given; a seed is a whole number"),
        ({"seeds": np.array([[0, 1]])}, "seeds: array.* given; a seed is a whole number"),
        ({"seeds": itertools.count()}, "seeds: more than 100,000 given"),
        ({"shuffles": 0}, "shuffles: 0 given"),
        ({"device": "tpu"}, "device: 'tpu'"),
    ],
)
def test_train_refuses_before_anything_is_trained(monkeypatch, given, words):
    monkeypatch.setattr(local, "run_pack", None)
    with pytest.raises(InputError, match=words) as refused:
        api.train(TASK, **given)
    assert "\n" not in str(refused.value)


def test_a_recipe_may_refuse_its_settings_before_anything_is_trained(monkeypatch):
    def check(self, settings, wiring):
        raise InputError(f"strength: {settings.strength} is bad luck on {len(wiring.groups)}")

    monkeypatch.setattr(recipes.RECIPES["l1"], "check", check)
    monkeypatch.setattr(local, "run_pack", None)
    with pytest.raises(InputError, match=r"strength: 13.0 is bad luck on 4"):
        api.train(TASK, recipe="l1", strength=13.0)


def test_data_that_cannot_be_used_name_task_and_file(monkeypatch, tmp_path):
    table = tmp_path / "holes.csv"
    table.write_text("a,b\n" + "".join(f"{i},{'' if i == 5 else i}\n" for i in range(20)))
    settings = choose(DATA, {"kind": "table", "path": str(table), "outputs": ["b"]})
    task = catalog.task(TASK).model_copy(update={"name": "own/cells", "data": settings})
    monkeypatch.setattr(local, "run_pack", None)
    with pytest.raises(InputError, match="^task 'own/cells': data.path: row 6, ") as refused:
        train_pack(task, [Configuration()])
    assert str(refused.value).endswith(" (in 'holes.csv')")


# --------------------------------------------------------------------------- packs


def test_a_pack_trained_here_is_named_as_a_sweep_names_it():
    configuration = Configuration(recipe="l1", steps=2)
    task = catalog.task(TASK)
    found = train_pack(task, [configuration], seeds=[3, 4], device="cpu", shuffles=1)
    members = [recipes.resolve(task, configuration, seed) for seed in (3, 4)]
    digest = pack_digest(task, members, circumstances=circumstances("cpu"))
    assert list(found.frame["pack"]) == [digest] * 2


def test_configurations_of_different_length_cannot_share_a_pack():
    both = [Configuration(steps=2), Configuration(steps=3)]
    with pytest.raises(InputError, match=r"steps: 2, 3 given"):
        train_pack(catalog.task(TASK), both)


# --------------------------------------------------------------------------- threads


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("task", "given", "threads"),
    [
        (TASK, {}, 1),
        ("modular/addition_59", {}, 3),
        # fewer samples a step are less work
        ("modular/addition_59", {"batch_size": 2}, 1),
    ],
)
def test_small_steps_use_one_thread(monkeypatch, three_threads, task, given, threads):
    used = []

    class Enough(Exception):
        pass

    def run_pack(*_, **__):
        used.append(torch.get_num_threads())
        raise Enough

    monkeypatch.setattr(local, "run_pack", run_pack)
    with pytest.raises(Enough):
        api.train(task, recipe="vanilla", **given)
    assert used == [threads]
    assert torch.get_num_threads() == 3


def test_run_uses_one_thread_as_train_does(monkeypatch, three_threads, tmp_path):
    used = []

    def run_pack(*_, **__):
        used.append(torch.get_num_threads())
        raise InputError("enough")

    monkeypatch.setattr(local, "run_pack", run_pack)
    with pytest.raises(InputError, match="enough"):
        single.run(TASK, {"steps": 2}, seeds=[0], out=tmp_path)
    assert used == [1]


def test_threads_come_back_after_an_error(three_threads):
    def fail() -> None:
        with one_thread():
            assert torch.get_num_threads() == 1
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert torch.get_num_threads() == 3


def test_the_public_names_are_the_calls():
    assert bimt_bench.train is api.train
    assert bimt_bench.sweep is api.sweep
    assert bimt_bench.tradeoff is api.tradeoff
    with pytest.raises(AttributeError, match="trian"):
        bimt_bench.trian  # noqa: B018 - asked for, to see the error
