"""The guide's metric: what docs/extending.md says is done, and stored networks know it changed."""

import re
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from bimt_bench import api, plugins
from bimt_bench.app import terminal
from bimt_bench.app.cli import app
from bimt_bench.identity import scoring_digest
from bimt_bench.metrics import METRICS

GUIDE = Path(__file__).parents[2] / "docs" / "extending.md"
SECTION = GUIDE.read_text().split("\n## A metric\n")[1].split("\n## ")[0]
(EXAMPLE,) = re.findall(r"^```python\n(.*?)^```$", SECTION, re.DOTALL | re.MULTILINE)
(COMMAND,) = re.findall(r"^```bash\n(.*?)^```$", SECTION, re.DOTALL | re.MULTILINE)


@pytest.fixture
def example(tmp_path) -> Path:
    file = tmp_path / "hubs.py"
    file.write_text(EXAMPLE)
    yield file
    for source in METRICS.sources():
        METRICS.drop(source)


def test_its_metric_is_a_column(example):
    frame = api.train("symbolic/independence", recipe="vanilla", steps=10, shuffles=2,
                      seeds=(0, 1), plugins=[example]).frame  # fmt: skip
    assert frame["largest_hub"].between(1 / 42, 0.5).all() and frame["metric_faults"].isna().all()
    names = list(frame.columns)
    assert names.index("largest_hub") > names.index("modularity_q")  # after ours


def test_its_value_by_hand(example, by_hand):
    plugins.load(example)
    first = np.array([[[1.0, 1.0], [0.0, -2.0]]])
    weights = [by_hand.weights((2, 2, 1))[0] * 0 + first, by_hand.weights((2, 2, 1))[1] * 0 + 4.0]
    assert METRICS["largest_hub"].compute(by_hand.scored(weights)) == pytest.approx([2 / 12])


def test_its_command_is_one_that_there_is(example, monkeypatch):
    monkeypatch.chdir(example.parent)
    program, *arguments = COMMAND.split()
    assert program == "bimt-bench"
    done = CliRunner().invoke(app, [*arguments, "--steps", "10"])
    assert done.exit_code == 0, done.output
    assert "Largest hub" in done.stdout


def test_the_scoring_digest_follows_the_file(example):
    plain = scoring_digest()
    plugins.load(example)
    first = scoring_digest()
    example.write_text(EXAMPLE.replace("amax", "amin"))
    plugins.load(example)
    assert len({plain, first, scoring_digest()}) == 3
    for source in METRICS.sources():
        METRICS.drop(source)
    assert scoring_digest() == plain


@pytest.mark.parametrize("arguments", [["metrics"], ["metrics", "show", "largest_hub"]])
def test_the_command_line_lists_it_with_where_it_comes_from(example, arguments, monkeypatch):
    monkeypatch.setattr(terminal, "OUT", Console(width=300))
    done = CliRunner().invoke(app, [*arguments, "--plugin", str(example)])
    assert done.exit_code == 0, done.output
    for told in ("largest_hub", "Largest hub", "lower", "max_h sum_in |w| / sum |w|", "hubs"):
        assert told in done.stdout


def test_the_command_line_says_what_a_reader_must_know():
    done = CliRunner().invoke(app, ["metrics", "show", "circuit_size_per_class"])
    assert done.exit_code == 0, done.output
    said = " ".join(done.stdout.split())
    for told in ("Circuit size per class or output", "lower", "share of all connections", "pruning",
                 "up to 0.16: it has no function", "a neuron for each output", "arXiv 2502.02470",
                 "bimt_bench"):  # fmt: skip
        assert told in said
