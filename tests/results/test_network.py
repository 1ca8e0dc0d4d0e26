"""A network: runs, predicts, measures, draws, prunes, compares, is exported and comes back."""

import json
import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.collections import LineCollection

import bimt_bench
from bimt_bench import plugins
from bimt_bench.ground import InputError
from bimt_bench.metrics import METRICS, circuits
from bimt_bench.network import GEOMETRIES
from bimt_bench.results import Network, network
from bimt_bench.spec import MEASURES, MODELS
from tests import networks


@pytest.fixture(autouse=True)
def of_strangers():
    with networks.registered():
        yield


@pytest.fixture(scope="module")
def results():
    return bimt_bench.train(
        "symbolic/independence", strength=3.0, seeds=(0, 1), steps=50, device="cpu", shuffles=3
    )


@pytest.fixture(scope="module")
def net(results) -> Network:
    return results.network(results.members[1])


@pytest.fixture(params=networks.CASES)
def any_net(request) -> Network:
    return networks.network(request.param)


def scaled(net: Network) -> torch.Tensor:
    inputs = net.data.test_inputs
    return inputs if net.data.tokens is not None else inputs.float() * net.data.scale


def as_population(net: Network) -> torch.Tensor:
    return net.population.outputs(scaled(net))[0]


# --------------------------------------------------------------------------- runs


def test_it_computes_what_the_population_does(any_net):
    inputs, wanted = any_net.data.test_inputs, as_population(any_net)
    found = any_net(inputs)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    for same in (inputs.numpy(), inputs.tolist()):
        of_array = any_net(same)
        assert isinstance(of_array, np.ndarray) and of_array.dtype == np.float32
        np.testing.assert_array_equal(of_array, found.numpy())
    assert any_net(inputs[:0]).shape == (0, *wanted.shape[1:])


def test_a_module_is_a_copy_that_computes_the_same(any_net):
    inputs, before = scaled(any_net), any_net(any_net.data.test_inputs)
    module = any_net.module()
    torch.testing.assert_close(module(inputs), before)
    assert all(parameter.requires_grad for parameter in module.parameters())
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    assert torch.equal(any_net(any_net.data.test_inputs), before)


@pytest.mark.parametrize("name", ["mlp", "wide mlp", "transformer"])
def test_gradients_flow_to_a_tensor(name):
    net = networks.network(name)
    inputs = net.data.test_inputs.clone().requires_grad_()
    net(inputs).sum().backward()
    assert inputs.grad is not None and inputs.grad.abs().sum() > 0


def test_classes_are_numbers_and_quantities_are_themselves():
    net = networks.network("rnn of tokens at every step")
    inputs = net.data.test_inputs
    found = net.predict(inputs.numpy())
    assert found.shape == (24, 3) and found.dtype == np.int64
    np.testing.assert_array_equal(found, net(inputs).argmax(-1))
    assert torch.equal(net.predict(inputs), torch.from_numpy(found))
    net = networks.network("mlp")
    inputs = net.data.test_inputs
    assert torch.equal(net.predict(inputs), net(inputs))


def test_a_data_frame_is_taken_by_the_names_of_its_columns():
    net = networks.network("mlp")
    inputs = net.data.test_inputs.numpy()
    frame = pd.DataFrame(inputs, columns=list(net.data.input_names)).assign(other="text")
    wanted = net(inputs)
    np.testing.assert_array_equal(net(frame[["x2", "x0", "other", "x3", "x1"]]), wanted)
    np.testing.assert_array_equal(net(pd.DataFrame(inputs)), wanted)


HALF = [[0.5, np.inf, 0.5, np.nan]]


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("mlp", [[1.0, 2.0]], r"inputs: shape (1, 2) given; should be (samples, 4)"),
        ("mlp", np.zeros(4), "inputs: shape (4,) given; should be (samples, 4); that is one sa"),
        ("mlp", torch.zeros(()), "inputs: shape () given"),
        ("rnn", np.zeros((2, 5)), "inputs: shape (2, 5) given; should be (samples, 5, 2)"),
        ("mlp", HALF, "inputs: 2 of 4 numbers are not finite, the first at [0, 1]"),
        ("mlp", torch.tensor(HALF), "inputs: 2 of 4 numbers are not finite"),
        ("mlp", torch.zeros(1, 4, dtype=torch.complex64), "inputs: complex numbers given"),
        ("mlp", np.zeros((1, 4), dtype=complex), "inputs: ndarray given; should be an array of"),
        ("mlp", [[1.0], [1.0, 2.0]], "inputs: list given"),
        ("mlp", [["a", "b", "c", "d"]], "inputs: list given"),
        ("mlp", None, "inputs: NoneType given"),
        ("embedding mlp", [[0, 5]], "inputs: token 5 given; tokens are 0 to 4"),
        ("embedding mlp", [[-1, 2]], "inputs: token -1 given"),
        ("embedding mlp", [[0.0, 1.0]], "are tokens, whole numbers from 0 to 4"),
        ("embedding mlp", [[True, False]], "are tokens, whole numbers"),
        ("mlp", pd.DataFrame({"x0": [1.0], "x1": 1.0, "x2": 1.0, "X3": 1.0}), "no column 'x3'"),
        ("rnn", pd.DataFrame(np.zeros((2, 5))), "inputs: a DataFrame given"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_refused_in_one_line(name, given, told):
    net = networks.network(name)
    for call in (net, net.predict):
        with pytest.raises(InputError, match=re.escape(told)) as error:
            call(given)
        assert "\n" not in str(error.value)


# --------------------------------------------------------------------------- measures


def test_metrics_are_those_of_the_frame(net, results):
    found = net.metrics()
    row = results.frame.iloc[1]
    assert list(found.index) == list(METRICS)
    found = found[[name for name in found.index if name in row]]
    pd.testing.assert_series_equal(
        found, row[found.index].astype("float64"), check_names=False, rtol=1e-5
    )
    assert net.performance() == pytest.approx(row["performance"])
    assert len(found) > 20 and found.name == net.name == "BIMT, strength 3, seed 1"


def test_metrics_are_had_by_name_and_by_family(net):
    found = net.metrics("modularity_q", "sparsity", "circuit_size", "performance")
    family = [one.name for one in METRICS.values() if one.family == "sparsity"]
    assert list(found.index) == ["modularity_q", *family, "performance"]


def test_what_is_missing_says_why(net, monkeypatch):
    monkeypatch.setitem(net.row, "status", "ok")
    missing = net.metrics("accuracy", "performance").attrs["missing"]
    assert missing == {"accuracy": "task 'symbolic/independence' has no classes"}
    lost = Network(net.task, net.population.arrays(0), {**net.row, "status": "diverged"})
    assert lost.metrics("performance").attrs["missing"] == {"performance": "the member diverged"}
    assert np.isnan(lost.performance())


def test_metrics_of_wires_need_a_geometry(net):
    arrays = net.population.arrays(0)
    assert Network(net.task, arrays, {}).geometry == net.task.geometry
    moved = {n: a + 0.01 * n.startswith("coordinates.") for n, a in arrays.items()}
    lost = Network(net.task, moved, {})
    assert lost.geometry is None
    found = lost.metrics("mean_wire_length", "effective_connections")
    assert "without their geometry" in found.attrs["missing"]["mean_wire_length"]
    assert found["effective_connections"] == net.metrics("effective_connections").iloc[0]


@pytest.mark.parametrize("name", ["ring", "random", "line_squared", "cube"])
def test_a_named_geometry_is_known_by_the_places_of_neurons(name):
    found = bimt_bench.train(
        "symbolic/independence", steps=2, geometry=name, device="cpu", shuffles=1
    )
    row, arrays = found.frame.iloc[0], found.network().population.arrays(0)
    again = Network(found.network().task, arrays, row)
    assert again.geometry == GEOMETRIES[name]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["modularity_k"], "unknown metric 'modularity_k'; did you mean 'modularity_"),
        (["sparsety"], "did you mean 'sparsity'?"),
        ([3], "metrics: 3 given; give names one after another"),
        ([["sparsity"]], r"metrics: \['sparsity'\] given; give names one after another"),
    ],
)
def test_an_unknown_metric_is_named_with_its_nearest(net, names, told):
    with pytest.raises(InputError, match=told):
        net.metrics(*names)


# --------------------------------------------------------------------------- prunes, compares


@pytest.mark.parametrize("name", ["mlp", "cnn", "transformer of tokens", "odd"])
def test_a_pruned_network_is_one_of_the_pruning_curve(name):
    net = networks.network(name)
    curve = circuits.prune(net._scored)
    measure, sign = (
        ("accuracy", 1.0) if MEASURES[net.task.performance.kind].shares else ("test_loss", -1.0)
    )
    for kept, quality in list(zip(curve.kept, curve.quality[:, 0], strict=True))[::5]:
        pruned = net.pruned(kept / curve.total)
        assert pruned.metrics(measure).iloc[0] == pytest.approx(sign * float(quality), rel=1e-5)
        assert pruned.row["performance"] == pruned.performance()
        left = sum(int((w != 0).sum()) for w in pruned._scored.strengths.values())
        assert left == kept
    assert pruned.member is None and pruned.row["pruned_from"] == net.member
    assert net.pruned(1).performance() == net.performance()


def test_what_a_pruned_network_is_called(net):
    pruned = net.pruned(np.float32(0.25)).pruned(0.1)
    assert pruned.name == "BIMT, strength 3, seed 1, strongest 10%"
    assert pruned.title.splitlines() == [
        f"symbolic/independence: {pruned.name}", "steps 50", f"r2 {pruned.performance():.4g}",
    ]  # fmt: skip
    assert repr(pruned).startswith(
        f"Network('{pruned.name}': symbolic/independence, 20-20 silu, r2 "
    )
    assert "modularity_q" in net.row and "modularity_q" not in pruned.row


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan"), True, "0.1", None])
def test_a_share_is_a_number_from_0_to_1(net, share):
    with pytest.raises(
        InputError, match=rf"share: {share!r} given; should be a number from 0 to 1"
    ):
        net.pruned(share)


def test_two_networks_side_by_side(net, results):
    other = results.network(results.members[0])
    found = net.compare(other, "performance", "modularity_q")
    assert list(found.index) == ["outputs", "performance", "modularity_q"]
    apart = (other(net.data.test_inputs) - net(net.data.test_inputs)).square().mean().sqrt()
    assert found.loc["outputs", "difference"] == pytest.approx(float(apart), rel=1e-4)
    for name in ("performance", "modularity_q"):
        this, that, difference = found.loc[name]
        assert this == net.metrics(name).iloc[0] and that == other.metrics(name).iloc[0]
        assert difference == that - this
    assert net.compare(net, "r2")["difference"].tolist() == [0.0, 0.0]


def test_classes_agree_or_do_not():
    net = networks.network("embedding mlp")
    found = net.compare(net.pruned(0.0), "accuracy")
    same = net.predict(net.data.test_inputs) == net.pruned(0.0).predict(net.data.test_inputs)
    assert found.loc["answers", "difference"] == pytest.approx(float(same.double().mean()))


def test_networks_of_other_data_are_not_compared(net):
    with pytest.raises(InputError, match="whose data are not those of 'symbolic/independence'"):
        net.compare(networks.network("mlp"))
    with pytest.raises(InputError, match="other: str given; should be a Network"):
        net.compare("net")  # pyright: ignore[reportArgumentType]


# --------------------------------------------------------------------------- draws


def wires(axes):
    found = [c.get_segments() for c in axes.collections if isinstance(c, LineCollection)]
    return np.concatenate(found)


def test_it_is_drawn_on_given_axes_or_on_a_figure_that_notebooks_show(net):
    before = plt.get_fignums()
    _, (left, right) = plt.subplots(1, 2, figsize=(7, 3))
    assert net.draw(left) is left
    assert net.pruned(0.1).draw(right, title="a tenth").get_title(loc="left") == "a tenth"
    assert left.get_title(loc="left").splitlines()[0] == net.name
    axes = net.draw()
    np.testing.assert_array_equal(wires(axes), wires(left))
    assert len(wires(right)) == 52 < len(wires(left))
    assert axes.figure.get_suptitle() == net.title
    assert len(plt.get_fignums()) == len(before) + 2
    plt.close("all")


def test_words_on_axes_are_broken_for_their_width(net):
    _, panels = plt.subplots(1, 4, figsize=(7, 3))
    narrow = net.draw(panels[0], title="a title that is much too long for axes so narrow")
    assert narrow.get_title(loc="left").count("\n") >= 2
    plt.close("all")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"ax": np.empty(2)}, "ax: ndarray given; should be the Axes of one subplot"),
        ({"most": 0}, "most: 0 given; should be a whole number from 1"),
        ({"most": 2.5}, "most: 2.5 given"),
        ({"faintest": 2}, "faintest: 2 given; should be a number from 0 to 1"),
    ],
)
def test_what_cannot_be_drawn_is_refused(net, asked, told):
    with pytest.raises(InputError, match=told):
        net.draw(**asked)


# --------------------------------------------------------------------------- goes and comes back


def test_it_comes_back_from_its_files(any_net, tmp_path):
    any_net.save(tmp_path / "deep" / "folder")
    again = bimt_bench.load_network(tmp_path / "deep" / "folder")
    assert torch.equal(again.population.flat, any_net.population.flat)
    inputs = any_net.data.test_inputs
    assert torch.equal(again(inputs), any_net(inputs))
    assert (again.task, again.geometry) == (any_net.task, any_net.geometry)
    assert (again.name, again.member) == (any_net.name, any_net.member)


def test_a_trained_and_a_pruned_network_come_back_with_all_that_is_known(net, tmp_path):
    for number, one in enumerate((net, net.pruned(0.1))):
        one.save(tmp_path / str(number))
        again = bimt_bench.load_network(str(tmp_path / str(number)))
        assert again.title == one.title and again.member == one.member
        pd.testing.assert_series_equal(again.metrics(), one.metrics())


def change(folder, key, value):
    file = folder / "network.json"
    facts = json.loads(file.read_text())
    *path, last = key.split(".")
    place = facts
    for part in path:
        place = place[part]
    place[last] = value
    file.write_text(json.dumps(facts))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda f: (f / "network.json").unlink(), "network.json' cannot be read (No such file"),
        (lambda f: (f / "network.safetensors").unlink(), "network.safetensors' cannot be read"),
        (lambda f: (f / "network.json").write_text("{"), "network.json' is not valid JSON"),
        (lambda f: (f / "network.json").write_text("[1]"), "is no export of a network"),
        (lambda f: (f / "network.safetensors").write_bytes(b"abc"), "are damaged"),
        (lambda f: (f / "network.safetensors").write_bytes(b"\2" + bytes(7)), "are damaged"),
        (lambda f: change(f, "version", 9), "has format 9, but this version of bimt_bench reads"),
        (lambda f: change(f, "version", 1), "is of an earlier version, which does not hold the"),
        (lambda f: change(f, "task", {}), "is of an earlier version"),
        (lambda f: change(f, "task", 3), "is of an earlier version"),
        (lambda f: change(f, "groups", None), "are damaged"),
        (lambda f: change(f, "task.spec.title", 5), "cannot be used: title: 5 given"),
        (lambda f: change(f, "geometry.distance", "l3"), "'l3' given; allowed are"),
        (lambda f: change(f, "model.kind", "nlp"), "unknown model 'nlp'; did you mean 'mlp'?"),
        (lambda f: change(f, "task.spec.model.hidden", [7]), "weights: "),
    ],
)  # fmt: skip
def test_files_that_are_damaged_are_refused_in_one_line(net, damage, told, tmp_path):
    net.save(tmp_path)
    damage(tmp_path)
    with pytest.raises(InputError, match=re.escape(told)) as error:
        bimt_bench.load_network(tmp_path)
    assert "\n" not in str(error.value)


def test_where_nothing_can_be_written_is_told(net, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="export: nothing can be written into '.*file'"):
        net.save(tmp_path / "file")


# --------------------------------------------------------------------------- strangers


def test_a_strangers_model_needs_its_plugin(tmp_path):
    net = networks.network("gated")
    net.save(tmp_path)
    arrays = net.population.arrays(0)
    source = MODELS.source_of("gated")
    MODELS.drop(source)
    with pytest.raises(
        InputError, match="model 'gated' comes from plug-in 'gated', which is not lo"
    ):
        bimt_bench.load_network(tmp_path)
    with pytest.raises(InputError, match="unknown model 'gated'.*comes with --plugin FILE"):
        Network(net.task, arrays, net.row)
    again = bimt_bench.load_network(tmp_path, plugins=[networks.GATED])
    assert again.member == net.member


def test_a_model_whose_code_has_changed_is_not_run(tmp_path):
    net = networks.network("gated")
    net.save(tmp_path)
    plugins_before = MODELS.source_of("gated")
    MODELS.drop(plugins_before)
    changed = tmp_path / "gated.py"
    changed.write_text(networks.GATED.read_text() + "\nCHANGED = True\n")
    loaded = plugins.load(changed)
    try:
        with pytest.raises(InputError, match=rf"digest {plugins_before.digest}, but here it is"):
            bimt_bench.load_network(tmp_path)
        with pytest.raises(InputError, match="is not the one that was trained"):
            Network(net.task, net.population.arrays(0), net.row)
    finally:
        MODELS.drop(loaded.source)


def test_a_device_that_is_not_here_is_refused(net):
    with pytest.raises(InputError, match="device: 'tpu9' is not on this machine; use cpu"):
        Network(net.task, net.population.arrays(0), net.row, device="tpu9")


def test_arrays_that_do_not_fit_are_refused(net):
    arrays = net.population.arrays(0)
    with pytest.raises(InputError, match="weights: the member has no layers.0.weight"):
        Network(net.task, {n: a for n, a in arrays.items() if n != "layers.0.weight"}, {})


def test_a_network_of_ones_own_has_a_name():
    net = networks.network("mlp")
    own = Network(net.task, net.population.arrays(0), {})
    assert (own.name, own.member, own.title) == ("network", None, "models/mlp: network")
    assert own.draw().figure.get_suptitle() == "models/mlp: network"
    plt.close("all")
    assert repr(own) == "Network('network': models/mlp, 6-5 silu)"
    assert network.Network is Network
