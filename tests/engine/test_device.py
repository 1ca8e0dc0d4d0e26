"""A step on an accelerator: shown on torch's meta device, which has no values to read back."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bimt_bench import data, recipes
from bimt_bench.engine import loop as training
from bimt_bench.spec import Configuration


class OnDevice(TorchDispatchMode):
    """Collects operators that give a tensor on the CPU."""

    def __init__(self):
        super().__init__()
        self.calls, self.strays = 0, []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        self.calls += 1
        tensors = [leaf for leaf in tree_leaves(out) if isinstance(leaf, torch.Tensor)]
        self.strays += [str(func) for tensor in tensors if tensor.device.type == "cpu"]
        return out


@pytest.fixture(params=["symbolic/independence", "vision/digits", "modular/addition_59"])
def run(request, shortened):
    task = shortened(request.param, steps=1000, log_every=1000)
    loaded = data.load(task.data)
    members = [
        recipes.resolve(task, Configuration(learning_rate=rate), seed)
        for seed, rate in enumerate([1e-3, 1e-3, 2e-3])
    ]
    population = training.start(task, loaded, members, device="meta")
    return training.Run(task, loaded, tuple(members), population)


def test_a_step_waits_for_nothing_and_leaves_nothing_on_the_host(run):
    batches = run.feed.batches(0)
    run._advance(*next(batches), logged=False)  # makes what is kept between steps
    batch = next(batches)
    with OnDevice() as seen:
        run._advance(*batch, logged=False)
    assert seen.calls > 10
    assert seen.strays == []


def test_relocation_and_evaluation_wait_for_nothing(run):
    run.stage.step = done = run.members[0]["swap_every"]
    run.cohorts.happen(done)
    figures = run._advance(*next(run.feed.batches(0)), logged=True)
    assert figures.shape == (5, 3)
    assert figures.device.type == "meta"


def test_reading_a_value_back_would_be_seen(run):
    with pytest.raises(RuntimeError, match="meta"):
        run.population.flat.sum().item()
    with OnDevice() as seen:
        torch.zeros(2)
    assert seen.strays
