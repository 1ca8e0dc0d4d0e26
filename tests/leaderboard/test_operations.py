"""What training took is counted from model, data and steps, for every kind of model that ships."""

import pytest

from bimt_bench import data
from bimt_bench.leaderboard.operations import forward, operations
from bimt_bench.network import build
from bimt_bench.spec import MODELS, catalog


def test_a_perceptron_takes_two_operations_a_weight_and_sample(shortened) -> None:
    task = shortened("symbolic/independence", steps=300)
    held = data.load(task.data)
    network = build(task, held)
    weights = 4 * 20 + 20 * 20 + 20 * 2
    assert forward(held, network) == 2 * weights
    found = operations(task, held, network, members=7)
    assert found == 3 * 2 * weights * 100 * 300 * 7


def test_a_batch_counts_instead_of_all_samples(shortened) -> None:
    whole, part = (
        shortened("symbolic/independence", steps=300, batch_size=size) for size in (None, 25)
    )
    held = data.load(whole.data)
    network = build(whole, held)
    counts = [operations(task, held, network, members=1) for task in (whole, part)]
    assert counts[0] == 4 * counts[1]


def tasks() -> dict[str, str]:
    """A task of each kind of model, without data that are fetched."""
    return {one.model.kind: one.name for one in catalog.tasks() if one.data.kind != "mnist"}


@pytest.mark.parametrize("kind", sorted(tasks()))
def test_every_model_that_a_task_has_is_counted(kind: str) -> None:
    task = catalog.task(tasks()[kind])
    held = data.load(task.data)
    network = build(task, held)
    weights = sum(1 for one in network.wiring.connections)
    assert forward(held, network) > weights > 0
    assert kind in MODELS
