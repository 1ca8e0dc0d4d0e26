"""Exported members: what other people read computes what the population computes."""

import json
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import safetensors.torch
import torch

from bimt_bench import data, recipes
from bimt_bench.engine import Population, train_population
from bimt_bench.engine.relocation import permute
from bimt_bench.network import build
from bimt_bench.results import export
from bimt_bench.spec import Configuration

TASKS = [
    "symbolic/independence",
    "symbolic/compositionality",
    "modular/addition_59",
    "vision/digits",
]
GUIDE = Path(__file__).parents[2] / "docs" / "export.md"


@pytest.fixture(scope="module", params=TASKS)
def trained(request, shortened):
    """(task, data, trained population); all neurons that may move have moved."""
    task = shortened(request.param, steps=4, log_every=5)
    loaded = data.load(task.data)
    members = [recipes.resolve(task, Configuration(recipe=r), 0) for r in ("bimt", "vanilla")]
    found = train_population(task, loaded, members)
    generator = torch.Generator().manual_seed(0)
    population = found.population
    for group in population.architecture.wiring.groups:
        if group.movable:  # to anywhere, as relocation would move them in time
            orders = [torch.randperm(group.size, generator=generator) for _ in members]
            order, rows = torch.stack(orders), torch.arange(2)
            permute(population, group, rows, order, table=population.flat)
            if group.relabelled:
                population.relabel(group.name, order)
    return task, loaded, found


def expected(found, loaded, index):
    inputs = loaded.test_inputs
    return inputs, found.population.outputs(inputs)[index]


def documented_loader():
    """The loader as the documentation prints it; it may import torch, safetensors and json."""
    code = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)[-1]
    assert len([line for line in code.splitlines() if line.strip()]) <= 16
    assert set(re.findall(r"^(?:import|from) (\w+)", code, re.MULTILINE)) == {
        "json", "torch", "safetensors",
    }  # fmt: skip
    found: dict[str, object] = {}
    exec(code, found)  # noqa: S102 - our own documentation
    return found["load"]


def test_the_documented_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    *examples, _ = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    found: dict[str, object] = {}
    exec("".join(examples), found)  # noqa: S102 - our own documentation
    plt.close("all")
    network, inputs = found["network"], found["network"].data.test_inputs
    assert (tmp_path / "my-network" / "network.onnx").is_file()
    loaded = documented_loader()(tmp_path / "my-network")
    torch.testing.assert_close(loaded(inputs), network(inputs), rtol=1e-4, atol=1e-5)
    assert torch.equal(found["again"](inputs), network(inputs))


def test_the_documented_loader_needs_nothing_of_ours(trained, tmp_path):
    task, loaded, found = trained
    for index, member in enumerate(found.members):
        folder = tmp_path / str(index)
        files = export.export(
            task, loaded, found.population, folder, index=index, member=member.row()
        )
        assert {path.name for path in files} == {"network.safetensors", "network.json"}
        inputs, outputs = expected(found, loaded, index)
        network = documented_loader()(folder)
        torch.testing.assert_close(network(inputs), outputs, rtol=1e-4, atol=1e-5)


def test_the_module_from_arrays_is_the_member(trained):
    task, loaded, found = trained
    architecture = build(task, loaded)
    for index in range(len(found.members)):
        inputs, outputs = expected(found, loaded, index)
        stored = Population.of(architecture, [found.population.arrays(index)])
        from_arrays = stored.member(0)
        torch.testing.assert_close(from_arrays(inputs), outputs, rtol=1e-4, atol=1e-5)
        assert torch.equal(from_arrays(inputs), found.population.member(index)(inputs))


def test_the_wiring_says_what_stands_where(trained, tmp_path):
    task, loaded, found = trained
    member = found.members[0]
    export.export(task, loaded, found.population, tmp_path, member=member.row())
    facts = json.loads((tmp_path / "network.json").read_text())
    assert facts["task"]["name"] == task.name and facts["member"]["seed"] == 0
    population = found.population
    for group in facts["groups"]:
        assert torch.tensor(group["coordinates"]).shape == (group["size"], 2)
        assert torch.equal(
            torch.tensor(group["coordinates"]), population.coordinates[group["name"]][0]
        )
        if group["labels"] is not None:
            assert sorted(group["labels"]) == list(range(group["size"]))
            names = facts[group["role"]]["names"]
            assert group["names"] == [names[label] for label in group["labels"]]
    with safetensors.safe_open(tmp_path / "network.safetensors", "pt") as file:
        assert file.metadata()["format"] == facts["format"]
    tensors = safetensors.torch.load_file(tmp_path / "network.safetensors")
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    sizes = {group["name"]: group["size"] for group in facts["groups"]}
    for c in facts["connections"]:
        assert shapes.pop(c["parameter"]) == (
            sizes[c["target"]] * c["target_folds"], sizes[c["source"]] * c["source_folds"],
        )  # fmt: skip
    for a in facts["attachments"]:
        assert shapes.pop(a["parameter"])[a["axis"]] == sizes[a["group"]]
    assert not shapes
