import pytest
import torch
from torch import nn

from bimt_bench import data
from bimt_bench.engine.differentiation import Autograd
from bimt_bench.engine.objective import TaskLoss
from bimt_bench.engine.perceptron.between import TorchBetween
from bimt_bench.engine.perceptron.compiled import CompiledBetween
from bimt_bench.engine.perceptron.gradient import PerceptronGradient
from bimt_bench.engine.population import Population
from bimt_bench.engine.relocation import relocate
from bimt_bench.engine.tiles import tiles
from bimt_bench.network import build
from bimt_bench.network.columns import ColumnBatch
from bimt_bench.network.geometry import named
from bimt_bench.network.mlp import EmbeddingMlp, Mlp
from bimt_bench.spec import catalog


def filled(architecture, size=3, dtype=torch.float64):
    population = Population(architecture, [named("line")] * size, dtype=dtype)
    population.start("test/task", list(range(size)))
    return population


@pytest.mark.parametrize("activation", ["silu", "relu", "tanh"])
def test_a_member_computes_what_torch_layers_compute(activation):
    population = filled(Mlp((4, 7, 5, 2), activation=activation))
    inputs = torch.randn(11, 4, dtype=torch.float64)
    outputs = population.outputs(inputs)
    acts = {"silu": nn.SiLU(), "relu": nn.ReLU(), "tanh": nn.Tanh()}
    for index in range(3):
        x = inputs
        for layer in range(3):
            weight = population.parameters[f"layers.{layer}.weight"][index]
            bias = population.parameters[f"layers.{layer}.bias"][index]
            x = nn.functional.linear(x, weight, bias)
            x = acts[activation](x) if layer < 2 else x
        torch.testing.assert_close(outputs[index], x)


@pytest.mark.parametrize("folds", [1, 2, 3])
def test_embedding_mlp_equals_embedding_then_layers(folds):
    population = filled(EmbeddingMlp((3, 7, 5), tokens=6, folds=folds))
    tokens = torch.randint(0, 6, (9, folds))
    outputs = population.outputs(tokens)
    for index in range(3):
        p = {name: value[index] for name, value in population.parameters.items()}
        x = p["embedding.weight"][tokens].flatten(1)
        x = nn.functional.silu(x @ p["layers.0.weight"].T + p["layers.0.bias"])
        expected = x @ p["layers.1.weight"].T + p["layers.1.bias"]
        torch.testing.assert_close(outputs[index], expected)


BETWEEN = pytest.mark.parametrize("between", [TorchBetween, CompiledBetween])


def differ(way, population, *, loss, inputs, targets, times=1, **given):
    """The gradient table and the outputs [P, B, outputs] after some calls, to be forgotten."""
    table = torch.ones_like(population.flat)
    used = population.architecture
    difference = way(population, table, loss=TaskLoss.of(loss), **given)
    everyone = slice(0, population.size)
    for _ in range(times):
        for view in population.views(table).values():
            view.fill_(1.0)
        difference.gradient(used.prepare(inputs), targets, everyone)
    return table, difference.outputs(everyone, targets.shape[-1]).mT


@BETWEEN
@pytest.mark.parametrize("loss", ["mse", "cross_entropy", "mean_absolute_error"])
@pytest.mark.parametrize("activation", ["silu", "relu", "tanh"])
@pytest.mark.parametrize("kind", ["mlp", "unique pairs", "repeated pairs", "three folds"])
def test_the_hand_written_gradient_equals_autograd(loss, activation, kind, between):
    if kind == "mlp":
        population = filled(Mlp((4, 7, 6, 5), activation=activation))
        inputs = torch.randn(9, 4, dtype=torch.float64)
    else:
        folds = 3 if kind == "three folds" else 2
        sizes = (4, 7, 6, 5)
        population = filled(EmbeddingMlp(sizes, tokens=4, folds=folds, activation=activation))
        inputs = torch.cartesian_prod(*[torch.arange(4)] * folds)[torch.randperm(4**folds)[:9]]
        if kind == "repeated pairs":
            inputs[1] = inputs[0]
    relocate(population, top_k=[7] * 3, reduce="sum")
    targets = torch.randint(0, 5, (9,)) if loss == "cross_entropy" else torch.randn(5, 9).double()
    given = {"loss": loss, "inputs": inputs, "targets": targets}
    expected, _ = differ(Autograd, population, **given)
    found, outputs = differ(PerceptronGradient, population, between=between, times=2, **given)
    torch.testing.assert_close(outputs, population.outputs(inputs))
    torch.testing.assert_close(found, expected)


@BETWEEN
@pytest.mark.parametrize("at_a_time", [1, 2, None])
def test_kept_tables_of_tokens_forget_earlier_minibatches(at_a_time, between):
    population = filled(EmbeddingMlp((4, 7, 5), tokens=4, folds=2), size=5)
    pairs = torch.cartesian_prod(torch.arange(4), torch.arange(4))[torch.randperm(16)]
    parts = tiles(5, at_a_time)
    largest = max(rows.stop - rows.start for rows in parts)
    table = torch.zeros_like(population.flat[:largest])
    expected = torch.zeros_like(population.flat)
    kept = PerceptronGradient(population, table, loss=TaskLoss.of("cross_entropy"), between=between)
    whole = Autograd(population, expected, loss=TaskLoss.of("cross_entropy"))
    for inputs in [*pairs.split(8), *pairs.split(4)]:
        batch = population.architecture.prepare(inputs)
        targets = inputs.sum(dim=1) % 5
        whole.gradient(batch, targets, slice(0, 5))
        for rows in parts:
            kept.gradient(batch, targets, rows)
            found = table[: rows.stop - rows.start]
            torch.testing.assert_close(found, expected[rows])


@BETWEEN
@pytest.mark.parametrize("small", [0, 1 << 30], ids=["in place", "copied"])
def test_both_ways_of_writing_a_weight_gradient_agree(monkeypatch, small, between):
    monkeypatch.setattr("bimt_bench.engine.perceptron.gradient._SMALL", small)
    for population, inputs in (
        (filled(Mlp((4, 7, 6, 5), pinned=("input",))), torch.randn(9, 4).double()),
        (filled(EmbeddingMlp((3, 7, 5), tokens=4, folds=2)), torch.randint(0, 4, (9, 2))),
    ):
        given = {"loss": "mse", "inputs": inputs, "targets": torch.randn(5, 9).double()}
        expected, _ = differ(Autograd, population, **given)
        found, _ = differ(PerceptronGradient, population, between=between, **given)
        torch.testing.assert_close(found, expected)


ARCHITECTURES = [
    Mlp((4, 7, 5, 3), activation="tanh"),
    Mlp((4, 7, 3), activation="relu", pinned=("input", "output")),
    Mlp((4, 7, 3), pinned=("input",)),
    EmbeddingMlp((3, 7, 5, 4), tokens=6, folds=2),
    EmbeddingMlp((3, 7, 5), tokens=6, folds=1, activation="relu", pinned=("output",)),
]


def moved(architecture):
    """A population whose neurons stand at other places than they began."""
    population = filled(architecture)
    size = max(group.size for group in architecture.wiring.groups)
    relocate(population, top_k=[size] * 3, reduce="sum")
    return population


def some_inputs(architecture):
    if isinstance(architecture, EmbeddingMlp):
        folds = architecture.wiring.connections[0].source_folds
        return torch.randint(0, 6, (9, folds))
    return torch.randn(9, 4, dtype=torch.float64)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_member_as_a_module_computes_the_same(architecture):
    population = moved(architecture)
    inputs = some_inputs(architecture)
    outputs = population.outputs(inputs)
    for index in range(population.size):
        module = population.member(index)
        assert isinstance(module, nn.Module)
        torch.testing.assert_close(module(inputs), outputs[index])
        count = sum(parameter.numel() for parameter in module.parameters())
        assert count == sum(torch.Size(shape).numel() for shape in architecture.shapes.values())
    before = population.flat.clone()
    module(inputs).sum().backward()
    with torch.no_grad():
        for parameter in module.parameters():
            assert parameter.grad is not None
            parameter.zero_()
    assert torch.equal(population.flat, before)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_members_that_are_kept_are_what_they_were(architecture):
    geometries = [named("line"), named("ring"), named("line"), named("ring")]
    population = Population(architecture, geometries)
    population.start("test/task", [0, 1, 2, 3])
    relocate(population, top_k=[3] * 4, reduce="sum")
    rows, inputs = [3, 1], some_inputs(architecture)
    inputs = inputs.float() if inputs.is_floating_point() else inputs
    kept = population.keep(rows)
    assert kept.size == 2
    assert torch.equal(kept.flat, population.flat[rows])
    torch.testing.assert_close(kept.outputs(inputs), population.outputs(inputs)[rows])
    for name, place in population.coordinates.items():
        assert torch.equal(kept.coordinates[name], place[rows])
    for connection in architecture.wiring.connections:
        expected = population.distances(connection)[rows]
        assert torch.equal(kept.distances(connection), expected)
    before = population.flat.clone()
    kept.flat.add_(1.0)
    for name in kept.labels:
        kept.relabel(name, kept.labels[name].argsort(dim=1).flip(1))
    assert torch.equal(population.flat, before)
    population.put(rows, kept)
    assert torch.equal(population.flat[rows], kept.flat)
    assert torch.equal(population.flat[[0, 2]], before[[0, 2]])
    torch.testing.assert_close(population.outputs(inputs)[rows], kept.outputs(inputs))


def test_start_is_torchs_default_and_depends_on_the_seed_alone():
    population = filled(Mlp((4, 400, 3)), size=2)
    weight = population.parameters["layers.0.weight"]
    assert weight.abs().max() <= 0.5
    assert weight.std().item() == pytest.approx(0.5 / 3**0.5, rel=0.05)
    again = Population(Mlp((4, 400, 3)), [named("ring")], dtype=torch.float64)
    again.start("test/task", [1])
    assert torch.equal(again.flat[0], population.flat[1])
    assert not torch.equal(population.flat[0], population.flat[1])


def test_rows_are_padded_to_whole_registers():
    population = filled(Mlp((4, 5, 3)))
    assert population.flat.shape[1] % 64 == 0
    assert population.parameters["layers.1.bias"].data_ptr() > population.flat.data_ptr()


@pytest.mark.parametrize("task", catalog.tasks(), ids=lambda t: t.name)
def test_every_task_has_a_model_of_its_own_size(task):
    if task.data.kind == "mnist":
        pytest.skip("the digits cover the same model without 55 MB of data")
    loaded = data.load(task.data)
    architecture = build(task, loaded)
    assert architecture.wiring.group("output").size == len(loaded.output_names)
    population = Population(architecture, [task.geometry])
    population.start(task.name, [0])
    inputs = loaded.train_inputs[:2]
    if inputs.dtype != torch.int64:
        inputs = inputs.float()
    steps = loaded.train_targets.shape[1:2] if loaded.has_steps else ()
    assert population.outputs(inputs).shape == (1, 2, *steps, len(loaded.output_names))
    assert torch.isfinite(population.flat).all()


def blank_in_part(samples=9, features=300, used=100):
    """Inputs of which two thirds of the features are zero in every sample."""
    inputs = torch.zeros(samples, features, dtype=torch.float64)
    inputs[:, torch.randperm(features)[:used]] = torch.randn(samples, used, dtype=torch.float64)
    return inputs


@BETWEEN
@pytest.mark.parametrize("pinned", [("input",), ()], ids=["pinned", "movable"])
@pytest.mark.parametrize("loss", ["mse", "cross_entropy", "mean_absolute_error"])
def test_blank_features_are_left_out_without_a_difference(loss, pinned, between):
    population = filled(Mlp((300, 7, 5), pinned=pinned))
    relocate(population, top_k=[3] * 3, reduce="sum")
    targets = torch.randint(0, 5, (9,)) if loss == "cross_entropy" else torch.randn(5, 9).double()
    tables = [torch.ones_like(population.flat) for _ in range(2)]
    expected = Autograd(population, tables[0], loss=TaskLoss.of(loss))
    way = PerceptronGradient(population, tables[1], loss=TaskLoss.of(loss), between=between)
    for used in (100, 40, 299):  # kept buffers must not remember; the last is taken as it is
        inputs = blank_in_part(used=used)
        batch = population.architecture.prepare(inputs)
        assert isinstance(batch, ColumnBatch) == (used < 299)
        expected.gradient(batch, targets, slice(0, 3))
        way.gradient(batch, targets, slice(0, 3))
        torch.testing.assert_close(way.outputs(slice(0, 3), 9).mT, population.outputs(inputs))
        torch.testing.assert_close(tables[1], tables[0])


@BETWEEN
@pytest.mark.parametrize("value", [0.0, float("nan")])
def test_inputs_that_are_all_blank_or_undefined_pass(value, between):
    population = filled(Mlp((300, 7, 5), pinned=("input",)), dtype=torch.float32)
    given = {"inputs": torch.full((4, 300), value), "targets": torch.zeros(5, 4), "loss": "mse"}
    table, outputs = differ(PerceptronGradient, population, between=between, **given)
    torch.testing.assert_close(outputs, population.outputs(given["inputs"]), equal_nan=True)
    assert torch.isfinite(table).all() == (value == 0.0)


@BETWEEN
@pytest.mark.parametrize("kind", ["mlp", "blank", "tokens"])
def test_rounded_products_are_near_the_full_ones_and_not_the_same(kind, between):
    if kind == "tokens":
        population = filled(EmbeddingMlp((16, 32, 32, 5), tokens=4, folds=2), dtype=torch.float32)
        inputs = torch.cartesian_prod(torch.arange(4), torch.arange(4))
    else:
        population = filled(Mlp((300, 32, 32, 5), pinned=("input",)), dtype=torch.float32)
        inputs = blank_in_part(16, used=100 if kind == "blank" else 299).float()
    given = {"loss": "cross_entropy", "inputs": inputs, "targets": torch.randint(0, 5, (16,))}
    full, _ = differ(Autograd, population, **given)
    ways = {Autograd: {}, PerceptronGradient: {"between": between}}
    for way, more in ways.items():
        rounded, _ = differ(way, population, precision="bfloat16", **more, **given)
        assert rounded.dtype == torch.float32
        assert 1e-4 < (rounded - full).norm() / full.norm() < 3e-2
