"""What training took, counted from model, data and steps: the same for everybody who asks.

    operations = 3 x forward x samples of a step x steps x members

`forward` are the floating-point operations of the products (matrix products and convolutions) for
one sample, counted while the module runs; a backward pass takes twice as many. Element-wise work,
the update, the penalty and relocation are left out: they are small beside products, and differ by
how a recipe is written. A member that was lost counts like any other.
"""

import torch
from torch.utils.flop_counter import FlopCounterMode

from bimt_bench.data import TaskData
from bimt_bench.engine import Population
from bimt_bench.network import Architecture
from bimt_bench.spec import TaskSpec

_PASSES = 3  # forward, and backward, which takes two
_SAMPLES = 2


def operations(
    task: TaskSpec, data: TaskData, architecture: Architecture, *, members: int
) -> float:
    """Of training so many members; `task` as they were trained on it."""
    samples = len(data.train_inputs)
    if task.training.batch_size is not None:
        samples = min(samples, task.training.batch_size)
    return float(_PASSES * forward(data, architecture) * samples * task.training.steps * members)


def forward(data: TaskData, architecture: Architecture) -> float:
    """Operations of the products of one network for one sample."""
    population = Population(architecture, [None])
    population.start("operations", [0])
    inputs = data.train_inputs[:_SAMPLES]
    if not inputs.is_floating_point() and data.tokens is None:
        inputs = inputs.float() * data.scale
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        population.member(0)(inputs)
    return counter.get_total_flops() / len(inputs)
