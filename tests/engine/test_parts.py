"""Every data kind with every model, loss and measure: it trains, or is refused in one line."""

from itertools import product

import pytest
import torch

from bimt_bench import data
from bimt_bench.engine import check_task
from bimt_bench.engine.objective import TaskLoss
from bimt_bench.ground import InputError
from bimt_bench.network import build
from bimt_bench.spec import LOSSES, MEASURES, MODELS, TaskSpec, catalog

DATA = {
    "numbers": {"kind": "formula", "inputs": ["a", "b"], "outputs": ["a*b"]},
    "classes": {"kind": "two_moons", "train": 20, "test": 20},
    "images": {"kind": "digits"},
    "tokens": {"kind": "modular", "modulus": 5},
    "sequences": {"kind": "incontext", "sequences": 20, "points": 3},
}
SIZES = {
    "mlp": {"hidden": [4]},
    "embedding_mlp": {"embedding": 4, "hidden": [4]},
    "rnn": {"hidden": 4},
    "cnn": {"channels": [2, 2]},
    "transformer": {"blocks": 1, "width": 4},
}
FIELDS = ("model.", "loss:", "performance:")


def task_of(given: dict, model: str, loss: str, measure: str) -> TaskSpec:
    parts = {"data": given, "model": {"kind": model, **SIZES[model]}, "loss": loss}
    reference = {"modularity": 0.0, "performance": 9.0}
    whole = {"name": "own/parts", "title": "Parts", "performance": measure, "reference": reference}
    return TaskSpec.model_validate({**whole, **parts})


def test_every_kind_of_model_is_tried() -> None:
    shipped = {name for name in MODELS if MODELS.source_of(name).built_in}
    assert shipped == SIZES.keys()


@pytest.mark.parametrize("sort", DATA)
@pytest.mark.parametrize("model", SIZES)
def test_parts_fit_or_are_refused_in_one_line(sort: str, model: str) -> None:
    loaded = data.load(task_of(DATA[sort], model, "mse", "r2").data)
    for loss, measure in product(LOSSES, MEASURES):
        task = task_of(DATA[sort], model, loss, measure)
        told = _refusal(task, loaded)
        if told is None:
            assert _loss_of(task, loaded) >= 0.0
        else:
            assert told.startswith(FIELDS)
            assert "\n" not in told


def _refusal(task: TaskSpec, loaded: data.TaskData) -> str | None:
    try:
        check_task(task, loaded)
    except InputError as error:
        return str(error)
    return None


def _loss_of(task: TaskSpec, loaded: data.TaskData) -> float:
    """What a network at its start loses: parts that were passed work together."""
    architecture = build(task, loaded)
    start = {name: one.unsqueeze(0) for name, one in architecture.initial("own/parts", 0).items()}
    inputs = loaded.train_inputs
    batch = architecture.prepare(inputs.double() if inputs.is_floating_point() else inputs)
    groups = [group for group in architecture.wiring.groups if group.relabelled]
    places = {group.name: torch.arange(group.size).unsqueeze(0) for group in groups}
    outputs = architecture.forward(start, batch, places)
    loss = TaskLoss.of(task.loss, loaded.train_targets)
    wanted = loss.wanted(loaded.train_targets, outputs.shape[1], outputs.dtype)
    (found,) = loss.mean(outputs, wanted).tolist()
    return found


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"pinned": ("inputs",)}, "pinned: unknown group 'inputs'; did you mean 'input'?"),
        ({"pinned": ("hiden1",)}, "pinned: unknown group 'hiden1'; did you mean 'hidden1'?"),
        (
            {"no_locality_into": ("hiden1",)},
            "penalty.no_locality_into: unknown group 'hiden1'; did ",
        ),
    ],
)
def test_groups_that_a_model_does_not_have_are_named(parts: dict, told: str) -> None:
    task = catalog.task("symbolic/independence")
    if "no_locality_into" in parts:
        parts = {"penalty": task.penalty.model_copy(update=parts)}
    with pytest.raises(InputError) as caught:
        check_task(task.model_copy(update=parts), data.load(task.data))
    assert str(caught.value).startswith(told)
