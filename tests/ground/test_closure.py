"""Which code a digest covers: found by import, told apart by what it does, not by what it says."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bimt_bench.ground import changed, closure, code_digest, code_of, modules_in
from bimt_bench.identity import scoring_modules, training_modules
from bimt_bench.spec import catalog

TASK = catalog.task("symbolic/independence")


@pytest.fixture
def copy(tmp_path):
    """The package's sources, to be edited."""
    found = tmp_path / "bimt_bench"
    shutil.copytree(
        closure.PACKAGE, found, ignore=shutil.ignore_patterns("__pycache__", "_catalog")
    )
    return found


def replaced(package: Path, file: str, old: str, new: str) -> None:
    path = package / file
    text = path.read_text()
    assert text.count(old) >= 1, f"{file} has no {old!r}"
    path.write_text(text.replace(old, new, 1))


def digests(package: Path) -> tuple[str, str]:
    """Of training BIMT on a formula, and of scoring."""
    training = training_modules(TASK, "bimt")
    return code_digest(training, package=package), code_digest(scoring_modules(), package=package)


SAID = {
    "a comment": ("engine/loop.py", "import time\n", "import time  # of day\n"),
    "a docstring": ("engine/loop.py", '"""The training loop:', '"""The loop:'),
    "a docstring of a constant": (
        "engine/differentiation.py",
        '"""What the activations',
        '"""The activations',
    ),
    "an error message": ("network/geometry.py", "raise InputError(\n", "raise InputError('Oh! '\n"),
    "a suggestion in a message": ("ground/nearest.py", "; did you mean", "; or do you mean"),
    "a function that words errors": ("data/expressions.py", "unknown function", "no function"),
    "a list of faults": ("spec/faults.py", "import", "import os\nimport"),
    "the command line": ("app/cli.py", "Train one configuration", "Train this configuration"),
    "the version": ("ground/version.py", '__version__ = "', '__version__ = "9.'),
    "public names": ("engine/__init__.py", "__all__ = [\n", '__all__ = [\n    "sky",\n'),
    "a title": ("recipes/bimt.py", 'title = "BIMT"', 'title = "Bimt"'),
    "a metric's title": ("metrics/sparsity.py", 'title="Effective', 'title="Effectual'),
    "what is said of a metric": ("metrics/sparsity.py", 'untrained="about', 'untrained="near'),
    "a setting's description": ("recipes/connection.py", "l0, the distance", "the distance"),
    "another recipe": ("recipes/l1_swap.py", "return swaps(m)", "return ()"),
    "another data kind": ("data/modular.py", "import numpy as np\n", "import numpy as np\nX = 1\n"),
    "another loss and measure": (
        "engine/objective/mean_absolute_error.py",
        "from torch",
        "import os\nfrom torch",
    ),
    "another measure": ("engine/objective/accuracy.py", "from torch", "import os\nfrom torch"),
    "the list of losses": ("engine/objective/__init__.py", "import r2  #", "import r2 as r  #"),
    "the list of recipes": ("recipes/__init__.py", "import l2  #", "import l2 as squares  #"),
    "how sweeps run": ("tuning/runner.py", "RETRIES = 2", "RETRIES = 3"),
    "a figure": ("results/plots/theme.py", "import", "import os\nimport"),
}


@pytest.mark.parametrize("what", SAID)
def test_what_is_only_said_trains_and_scores_nothing_again(copy, what):
    before = digests(copy)
    replaced(copy, *SAID[what])
    assert digests(copy) == before


DONE = {
    "the loop": ("engine/loop.py", "_DIVERGED = 1e6", "_DIVERGED = 1e7"),
    "the recipe": ("recipes/bimt.py", 'm["locality"]', '2 * m["locality"]'),
    "what the recipe imports": ("recipes/connection.py", "<= m.step", "< m.step"),
    "the data kind": ("data/formulas.py", "import torch\n", "import torch\nX = 1\n"),
    "the loss": ("engine/objective/mse.py", "from torch", "import os\nfrom torch"),
    "the measure": ("engine/objective/r2.py", "from torch", "import os\nfrom torch"),
    "what losses have in common": (
        "engine/objective/answers.py",
        "from jax",
        "import os\nfrom jax",
    ),
    "a placement": ("network/lattices.py", "import math", "import os\nimport math"),
    "a parser that data use": ("data/expressions.py", "import sympy\n", "import sympy\nX = 1\n"),
    "networks": ("network/mlp.py", "import torch\n", "import torch\nX = 1\n"),
    "which error is raised": (
        "engine/tiles.py",
        "import",
        "def f():\n    raise ValueError\nimport",
    ),
    "what a configuration means": (
        "recipes/resolving.py",
        "* task.penalty.lam",
        "+ task.penalty.lam",
    ),
}


@pytest.mark.parametrize("what", DONE)
def test_what_trains_is_in_the_training_digest(copy, what):
    before = digests(copy)
    replaced(copy, *DONE[what])
    assert digests(copy)[0] != before[0]


def test_a_metric_is_in_the_scoring_digest_alone(copy):
    training, scoring = digests(copy)
    replaced(copy, "metrics/sparsity.py", "import torch\n", "import torch\nX = 1\n")
    assert digests(copy)[0] == training
    assert digests(copy)[1] != scoring
    replaced(copy, "metrics/sparsity.py", "import torch\nX = 1\n", "import torch\n# X = 1\n")
    assert digests(copy)[1] == scoring
    replaced(copy, "network/wiring.py", "from dataclasses", "X = 1\nfrom dataclasses")
    assert digests(copy)[0] != training and digests(copy)[1] != scoring


def test_a_new_rival_trains_nothing_again(copy):
    before = digests(copy)
    (copy / "recipes/rival.py").write_text("from bimt_bench.engine import RECIPES, Recipe\n")
    replaced(copy, "recipes/__init__.py", "import vanilla", "import rival, vanilla")
    assert digests(copy) == before


def test_every_recipe_and_data_kind_is_told_apart():
    names = ("bimt", "l1", "vanilla")
    found = {name: set(code_of(training_modules(TASK, name))) for name in names}
    assert {m for m in found["bimt"] if ".recipes." in m} == {
        f"bimt_bench.recipes.{name}" for name in ("bimt", "connection", "resolving")
    }
    assert "bimt_bench.recipes.bimt" not in found["l1"] | found["vanilla"]
    assert not any(".metrics" in m or ".tuning" in m or ".app" in m for m in found["bimt"])
    digits = set(code_of(training_modules(catalog.task("vision/digits"), "bimt")))
    assert "bimt_bench.data.digits" in digits - found["bimt"]
    assert "bimt_bench.data.formulas" in found["bimt"] - digits


def test_it_is_quick_and_loads_no_torch():
    began = time.process_time()
    closure._parsed.cache_clear()
    code_digest(training_modules(TASK, "bimt"))
    assert time.process_time() - began < 1.0
    script = (
        "import sys; from bimt_bench.ground.closure import code_digest; "
        "code_digest(['bimt_bench.engine.loop']); print('torch' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert told.stdout == "False\n"


# --------------------------------------------------------------------------- imports


def package(folder: Path, **files: str) -> Path:
    found = folder / "pack"
    for name, text in {"__init__": "", "sub/__init__": "", **files}.items():
        path = found / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return found


@pytest.mark.parametrize(
    ("root", "init", "wanted"),
    [
        ("from pack.sub import one", "", {"sub.one"}),
        ("from pack.sub import f", "from pack.sub.one import f", {"sub.one"}),
        ("from pack.sub import f as g", "from pack.sub.one import g as f", {"sub.one"}),
        (
            "from pack.sub import f",
            "from pack.sub import one\ndef f(): one.f()",
            {"sub", "sub.one"},
        ),
        ("from pack.sub import two", "from pack.sub.one import f", {"sub.two", "other"}),
        ("def f():\n    from pack.sub import two", "", {"sub.two", "other"}),
        ("import pack.sub.two as t", "", {"sub.two", "other"}),
        ("from .sub import two", "", {"sub.two", "other"}),
        ("from .other import X", "", {"other"}),
        ("from pack import other", "", {"other"}),
        ("from pack.sub import *", "", {"sub", "sub.one", "sub.two", "other"}),
        ("from pack.sub import two\ndef f():\n    raise E(two.X)", "", set()),
        (
            "from pack.sub import two\ndef f():\n    raise E(two.X)\ntwo.f()",
            "",
            {"sub.two", "other"},
        ),
        ("from pack.sub import two\ndef f():\n    raise E(_g())\ndef _g(): two.X", "", set()),
        ("import torch\nfrom numpy import array", "", set()),
    ],
)
def test_imports_are_followed_to_where_names_are_defined(tmp_path, root, init, wanted):
    found = package(
        tmp_path,
        **{
            "root": root,
            "other": "X = 1",
            "sub/__init__": init,
            "sub/one": "def f(): pass\ng = f",
            "sub/two": "from ..other import X",
        },
    )
    code = code_of(["pack.root"], package=found)
    assert set(code) == {"pack.root", *(f"pack.{name}" for name in wanted)}


def test_roots_elsewhere_are_passed_over_and_absent_ones_are_not(tmp_path):
    found = package(tmp_path, root="")
    assert code_of(["a_plugin", "tests.x"], package=found) == {}
    with pytest.raises(OSError, match="absent"):
        code_of(["pack.absent"], package=found)
    assert modules_in("pack", package=found) == ["pack.root"]


def test_what_changed_is_named(tmp_path):
    found = package(tmp_path, root="from pack import other", other="X = 1")
    code = code_of(["pack.root"], package=found)
    assert changed(code, package=found) == []
    (found / "other.py").write_text("X = 1  # one")
    assert changed(code, package=found) == []
    (found / "other.py").write_text("X = 2")
    assert changed(code, package=found) == ["pack.other"]
    (found / "other.py").unlink()
    assert changed(code, package=found) == ["pack.other"]
