"""Every metric of wirings that nobody draws: groups of one, none hidden, pinned, unlabelled."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import nn

from bimt_bench import data as task_data
from bimt_bench.engine import Population, check_task
from bimt_bench.ground import InputError, Source, entering
from bimt_bench.metrics import FAULTS, Scored, measured, scorecards
from bimt_bench.network import Attachment, Connection, Group, ModelKind, Wiring, build
from bimt_bench.spec import MODELS, ModelSettings, TaskSpec, catalog, choose

OUTSIDE = Source("another stranger", "1.0", "0123456789ab")
TASKS = ("symbolic/feature_sharing", "symbolic/compositionality", "classification/two_moons")


class Layered(nn.Module):
    """Connections between any two layers, the later one above; a bias for every layer."""

    def __init__(self, sizes, edges):
        super().__init__()
        self.sizes, self.edges = sizes, edges
        self.join = nn.ParameterDict(
            {f"w{a}_{b}": nn.Parameter(torch.randn(sizes[b], sizes[a])) for a, b in edges}
        )
        self.bias = nn.ParameterDict(
            {f"b{i}": nn.Parameter(torch.randn(n)) for i, n in enumerate(sizes) if i}
        )
        self.sent = nn.ModuleList([nn.Tanh() for _ in sizes[1:-1]])

    def forward(self, x):
        layers = [x]
        for i in range(1, len(self.sizes)):
            total = self.bias[f"b{i}"].expand(len(x), -1)
            for a, b in self.edges:
                if b == i:
                    total = total + layers[a] @ self.join[f"w{a}_{b}"].mT
            layers.append(self.sent[i - 1](total) if i < len(self.sizes) - 1 else total)
        return layers[-1]


class LayeredKind(ModelKind):
    name = "layered"
    title = "layers with odd wirings"

    class Settings(ModelSettings):
        hidden: tuple[int, ...] = ()
        edges: tuple[tuple[int, int], ...] = ()
        relabelled: bool = False
        movable: bool = False
        one_plane: bool = False

    def module(self, settings, shapes):
        return Layered([shapes.sample[-1], *settings.hidden, shapes.outputs], settings.edges)

    def wiring(self, settings, shapes):
        last = len(settings.hidden) + 1
        ends = {"movable": settings.movable, "relabelled": settings.relabelled}
        layers = [1 if settings.one_plane else i + 1 for i in range(last - 1)]
        groups = (
            Group("g0", shapes.sample[-1], "input", 0, **ends),
            *(
                Group(f"g{i}", size, "hidden", layers[i - 1], module=f"sent.{i - 1}",
                      movable=settings.movable, relabelled=settings.relabelled)
                for i, size in enumerate(settings.hidden, start=1)
            ),
            Group(f"g{last}", shapes.outputs, "output", last, **ends),
        )  # fmt: skip
        joins = [Connection(f"join.w{a}_{b}", f"g{a}", f"g{b}") for a, b in settings.edges]
        biases = [Attachment(f"bias.b{i}", f"g{i}", 1, "bias") for i in range(1, last + 1)]
        return Wiring(groups, tuple(joins), tuple(biases))


WIRINGS = {
    "none hidden": {"edges": [[0, 1]]},
    "none hidden, movable": {"edges": [[0, 1]], "movable": True, "relabelled": True},
    "groups of one": {"hidden": [1, 1], "edges": [[0, 1], [1, 2], [2, 3]]},
    "side by side": {
        "hidden": [3, 2], "edges": [[0, 1], [0, 2], [1, 3], [2, 3]], "one_plane": True,
    },
    "all relabelled": {"hidden": [4], "edges": [[0, 1], [1, 2]], "relabelled": True},
    "all movable": {
        "hidden": [4], "edges": [[0, 1], [1, 2]], "movable": True, "relabelled": True,
    },
    "a way past": {"hidden": [3], "edges": [[0, 1], [1, 2], [0, 2]]},
    "a dead end": {"hidden": [3, 2], "edges": [[0, 1], [1, 3], [0, 2]]},
    "cut off": {"hidden": [3], "edges": [[0, 1]]},
}  # fmt: skip


@contextmanager
def registered() -> Iterator[None]:
    with entering(OUTSIDE):
        MODELS.register(LayeredKind)
    try:
        yield
    finally:
        MODELS.drop(OUTSIDE)


@pytest.fixture(autouse=True)
def a_stranger():
    with registered():
        yield


def wired(name: str, settings: dict) -> tuple[TaskSpec, task_data.TaskData]:
    task = catalog.task(name)
    model = choose(MODELS, {"kind": "layered", **settings})
    return task.model_copy(update={"model": model}), task_data.load(task.data)


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("wiring", WIRINGS)
@pytest.mark.parametrize("name", TASKS)
def test_no_metric_fails_on_an_odd_wiring(name, wiring, members):
    task, data = wired(name, WIRINGS[wiring])
    data = dataclasses.replace(
        data, test_inputs=data.test_inputs[:20], test_targets=data.test_targets[:20]
    )
    check_task(task, data)
    places = [task.geometry] * members
    population = Population(build(task, data), places, dtype=torch.float64)
    population.start(task.name, range(members))
    values, reasons = measured(Scored(task, data, population, tuple(range(members)), 2))
    assert reasons[FAULTS].isna().all(), reasons[FAULTS].dropna().tolist()
    assert values[["test_loss", "performance", "connection_cost"]].notna().all(axis=None)


def test_labels_change_no_metric_where_nothing_has_moved():
    found = []
    for relabelled in (False, True):
        settings = {**WIRINGS["a way past"], "relabelled": relabelled}
        task, data = wired("symbolic/feature_sharing", settings)
        population = Population(build(task, data), [task.geometry] * 2, dtype=torch.float64)
        population.start(task.name, (0, 1))
        found.append(scorecards(Scored(task, data, population, (0, 1), 2)))
    assert found[0].equals(found[1])
    assert found[0]["modularity_q"].notna().all()


def test_a_wiring_without_connections_is_refused():
    with pytest.raises(InputError, match=r"^model 'layered': wiring: there is no connection; name"):
        check_task(*wired("symbolic/feature_sharing", {"hidden": [2]}))
