import json
from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

from benchmarks import speed
from benchmarks.speed import kinds
from benchmarks.speed.__main__ import app
from benchmarks.speed.products import machine_rate, operations_of_step
from bimt_bench import data
from bimt_bench.ground import InputError
from bimt_bench.network import EmbeddingMlp, Mlp, build


def test_cases_are_chosen_by_name():
    assert speed.chosen([]) == speed.CASES
    assert [c.task for c in speed.chosen(["vision/mnist"])] == ["vision/mnist"]
    with pytest.raises(InputError, match="'vision/mnits'; did you mean 'vision/mnist'"):
        speed.chosen(["vision/mnits"])


def test_s4_has_the_published_size():
    task = speed.s4_sized()
    loaded = data.load(task.data)
    shapes = build(task, loaded).shapes
    assert shapes["embedding.weight"] == (24, 32)
    assert [shapes[f"layers.{i}.weight"] for i in range(3)] == [(50, 64), (50, 50), (24, 50)]
    assert len(loaded.train_inputs) + len(loaded.test_inputs) == 576
    assert task.training.dtype == "float64"
    assert (task.penalty.lam, task.training.learning_rate) == (0.5, 2e-3)


def test_operations_of_a_step_are_those_of_its_products():
    mlp = Mlp((4, 7, 3))
    assert operations_of_step(mlp, 10) == 2 * 10 * (2 * 4 * 7 + 3 * 7 * 3)
    assert operations_of_step(mlp, 10, used=0.5) == 2 * 10 * (2 * 4 * 7 * 0.5 + 3 * 7 * 3)
    tokens = EmbeddingMlp((5, 7, 3), tokens=6, folds=2)
    assert operations_of_step(tokens, 10) == 2 * (6 * 3 * 10 * 7 + 10 * 3 * 7 * 3)


def test_a_large_product_has_a_rate():
    assert machine_rate(torch.float32) > 0.1


def test_bench_times_both_sides(monkeypatch):
    small = speed.Case("symbolic/independence", plain_steps=20, pack_steps=20, pack=8, aim=60)
    monkeypatch.setattr("benchmarks.speed.cases.CASES", (small,))
    found = CliRunner().invoke(app, ["--repeats", "2", "--json"])
    assert found.exit_code == 0, found.output
    (outcome,) = json.loads(found.stdout)
    assert outcome["members"] == 8
    assert outcome["repeats"] == 2
    assert outcome["lowest"] <= outcome["ratio"] <= outcome["highest"]
    assert outcome["plain_us"] > outcome["population_us"] > 0
    assert 0 < outcome["product_share"] < 1
    assert outcome["product_rate"] > 0
    shown = CliRunner().invoke(app, ["symbolic/independence", "--repeats", "1"])
    assert shown.exit_code == 0, shown.output
    assert "symbolic/independence (8)" in shown.stdout


def test_an_unknown_case_is_refused():
    found = CliRunner().invoke(app, ["mnist"])
    assert found.exit_code == 2
    assert "unknown case 'mnist'" in found.stderr
    assert "vision/mnist" in found.stderr


@pytest.mark.parametrize("name", kinds.CASES)
def test_every_kind_of_model_is_timed_against_its_module_alone(name):
    case = replace(kinds.CASES[name], steps=2, samples=8)
    found = kinds.measure_kind(case, repeats=1, members=2)
    assert found.plain_us > 0 and found.pack_us > 0
    assert found.lowest <= found.ratio <= found.highest
