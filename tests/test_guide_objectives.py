"""The guide's placement, distance, loss and measure, run as they stand there."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from bimt_bench import api, packs, plugins
from bimt_bench.data import TaskData
from bimt_bench.ground import InputError
from bimt_bench.network import Wiring, geometry
from bimt_bench.recipes import resolve
from bimt_bench.results import plots, tradeoff_of
from bimt_bench.results.report import drawing_of
from bimt_bench.spec import (
    DISTANCES,
    LOSSES,
    MEASURES,
    PLACEMENTS,
    Configuration,
    TaskSpec,
    catalog,
    choose,
)

GUIDE = (Path(__file__).parents[1] / "docs" / "extending.md").read_text()
SETS = (PLACEMENTS, DISTANCES, LOSSES, MEASURES)


def section(heading: str) -> tuple[str, dict]:
    """The Python and the YAML of a section of the guide."""
    text = GUIDE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    code, fields = (
        re.search(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
        for language in ("python", "yaml")
    )
    assert code is not None and fields is not None
    return code.group(1), yaml.safe_load(fields.group(1))


@pytest.fixture
def loaded(tmp_path):
    """Loads a section's Python as a plug-in; gives its fields of a task."""

    def load(heading):
        code, fields = section(heading)
        (tmp_path / "guide.py").write_text(code)
        plugins.load(tmp_path / "guide.py")
        return fields

    yield load
    for kinds in SETS:
        for source in kinds.sources():
            kinds.drop(source)


def task_with(**fields) -> TaskSpec:
    """The independence task with other parts."""
    spec = catalog.task("symbolic/independence").model_dump(mode="json", by_alias=True)
    spec["training"] |= {"steps": 40, "log_every": 10}
    return TaskSpec.model_validate({**spec, **fields})


def test_the_guides_sphere_trains_and_keeps_its_places(loaded):
    task = task_with(**loaded("A placement and its distance"))
    geometry.check(task.geometry, Wiring.layered((4, 20, 20, 2)))
    places = geometry.coordinates(task.geometry.hidden, 20)
    np.testing.assert_allclose(np.linalg.norm(places - 0.5, axis=1), 0.5)
    away = geometry.distances(places, places, task.geometry.distance)
    assert away.max() <= np.pi * 0.5 + 1e-9
    frame = api.train(task, recipe="bimt", swap_every=10, shuffles=2).frame
    assert frame["status"].tolist() == ["ok"]
    assert 0.0 < frame["mean_wire_length"].iloc[0] <= np.pi * 0.5


def test_the_guides_loss_and_measure_train_and_are_measured(loaded):
    fields = loaded("A loss and its measure")
    task = task_with(**fields)
    assert (task.loss.delta, task.performance.tolerance) == (0.5, 0.05)
    asked = ["usual", "pruning_area"]
    frame = api.train(task, recipe="vanilla", seeds=(0, 1), shuffles=2, metrics=asked).frame
    assert (frame["performance_metric"] == "within").all()
    assert frame["performance"].between(0.0, 1.0).all()
    assert (frame["test_loss"] < 0.5 * 0.5 * 10).all() and frame["pruning_area"].dtype == float
    assert tradeoff_of(task, frame).y_direction == "higher"
    other = task_with(**{**fields, "loss": {"kind": "huber", "delta": 0.25}})
    assert task.digest() != other.digest()
    errors = torch.tensor([[[0.1, 2.0]]])
    each = LOSSES["huber"]().each(task.loss, errors, torch.zeros(1, 2))
    torch.testing.assert_close(each, torch.tensor([[[0.5 * 0.1**2, 0.5 * (2.0 - 0.25)]]]))


def test_a_task_measured_by_an_error_is_better_where_that_is_lower():
    task = task_with(
        loss="mean_absolute_error",
        performance="mean_absolute_error",
        reference={"modularity": -1.0, "performance": 2.0},
    )
    frame = api.train(task, recipe="vanilla", seeds=(0, 1), shuffles=2).frame
    assert (frame["performance"] == frame["test_loss"]).all()
    found = tradeoff_of(task, frame)
    assert found.y_direction == "lower" and found.hypervolume.value > 0.0


def test_tokens_are_learnt_one_at_a_time(monkeypatch):
    inputs = torch.randint(0, 3, (40, 6), generator=torch.Generator().manual_seed(0))
    before = torch.cat([torch.full((40, 1), -1), inputs[:, :-1]], dim=1)  # nothing came first
    data = TaskData(
        inputs[:30], before[:30], inputs[30:], before[30:], tuple("abcdef"), tuple("012"), tokens=3
    )
    monkeypatch.setattr("bimt_bench.data.load", lambda *_, **__: data)
    task = task_with(
        model={"kind": "rnn", "hidden": 12},
        loss="cross_entropy",
        performance="token_accuracy",
        pinned=[],
    )
    task = task.model_copy(update={"training": task.training.model_copy(update={
        "steps": 150, "learning_rate": 0.02, "batch_size": 10})})  # fmt: skip
    frame = api.train(task, recipe="vanilla", seeds=(0, 1), shuffles=2).frame
    assert frame["status"].tolist() == ["ok", "ok"]
    assert (frame["performance"] > 0.9).all(), "an echo is easy"
    assert (frame["test_loss"] < 0.5).all()
    with pytest.raises(InputError, match=r"accuracy given; the targets are classes, at every time"):
        api.train(task.model_copy(update={"performance": choose(MEASURES, "accuracy")}), steps=10)


def test_members_of_different_dimensions_share_a_pack_and_change_nothing(tmp_path):
    task = task_with()
    members = [
        resolve(task, Configuration(recipe="bimt", swap_every=10, geometry=name), 0)
        for name in ("line", "cube", "torus")
    ]
    mixed = packs.run_pack(task, members, shuffles=2)
    for index, member in enumerate(members):
        alone = packs.run_pack(task, [member], shuffles=2)
        for name, array in alone.weights[member.digest].items():
            np.testing.assert_array_equal(mixed.weights[member.digest][name], array, err_msg=name)
        together = mixed.frame.iloc[[index]].reset_index(drop=True).drop(columns="seconds")
        pd.testing.assert_frame_equal(together, alone.frame.drop(columns="seconds"))
    drawing = drawing_of(task, mixed.weights[members[1].digest])
    plots.save(plots.network_figure(drawing, title="a cube"), tmp_path, "cube")
    assert all(plane.coordinates.shape[1] == 2 for plane in drawing.planes)
