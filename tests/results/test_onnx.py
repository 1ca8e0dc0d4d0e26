"""Every kind of model as ONNX: what anybody computes from the file is what the network computes."""

import warnings
from typing import ClassVar

import onnx
import pytest
import torch
from onnx.reference import ReferenceEvaluator

from bimt_bench.ground import InputError
from bimt_bench.results import onnx_file
from tests import networks, odd_model


@pytest.fixture(autouse=True)
def of_strangers():
    with networks.registered():
        yield


def exported(net, folder):
    (*_, file) = net.export(folder, onnx=True)
    assert file.name == "network.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        onnx.checker.check_model(onnx.load(file), full_check=True)
    return file


def computed(file, inputs):
    return torch.from_numpy(ReferenceEvaluator(onnx.load(file)).run(None, {"inputs": inputs})[0])


# of variants that only data tell apart, one
KINDS = [name for name in networks.CASES if name not in ("mlp of pixels", "cnn in colours")]


@pytest.mark.parametrize("name", KINDS)
def test_what_anybody_computes_is_what_the_network_computes(name, tmp_path):
    net = networks.network(name)
    file = exported(net, tmp_path)
    for samples in (1, 5):
        raw = net.data.test_inputs[:samples]
        inputs = raw if net.data.tokens is not None else raw.float() * net.data.scale
        wanted = net.population.outputs(inputs)[0]
        torch.testing.assert_close(computed(file, inputs.numpy()), wanted, rtol=1e-4, atol=1e-5)


def test_in_float64_and_pruned(tmp_path):
    net = networks.network("transformer", dtype="float64").pruned(0.3)
    inputs = net.data.test_inputs.double()
    found = computed(exported(net, tmp_path), inputs.numpy())
    torch.testing.assert_close(found, net(inputs), rtol=1e-6, atol=1e-8)


class Choosy(odd_model.OddNetwork):
    """What it does follows from whether a sum is positive."""

    def forward(self, x):
        return super().forward(x) * (2.0 if bool(x.sum() > 0) else 1.0)


class Bessel(odd_model.OddNetwork):
    """It has an operator that ONNX has not."""

    def forward(self, x):
        return torch.special.bessel_j0(super().forward(x))


class Counting(odd_model.OddNetwork):
    """What it does follows from how often it was called, which the exporter takes for a number."""

    calls: ClassVar[list[None]] = []

    def forward(self, x):
        self.calls.append(None)
        return super().forward(x) * len(self.calls)


@pytest.mark.parametrize("kind", [Choosy, Bessel, Counting])
def test_what_onnx_cannot_express_is_one_line(kind, tmp_path, monkeypatch, capfd):
    net, module = networks.network("odd"), kind(6, 3)
    monkeypatch.setattr(type(net.population), "member", lambda *_: module)
    with pytest.raises(InputError) as error:
        net.export(tmp_path, onnx=True)
    assert str(error.value).startswith("export: model 'odd' cannot be written as ONNX: ")
    assert "\n" not in str(error.value) and not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")


def test_without_its_packages_it_is_refused_in_one_line(tmp_path, monkeypatch):
    net = networks.network("mlp")
    monkeypatch.setattr(onnx_file, "PACKAGES", ("onnx_that_nobody_has",))
    with pytest.raises(InputError, match=r"onnx_that_nobody_has; pip install 'bimt-bench\[onnx\]'"):
        net.export(tmp_path, onnx=True)
    assert not list(tmp_path.iterdir())
