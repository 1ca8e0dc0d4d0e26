"""How much of a training step is matrix product, and how fast those products run."""

import os
import time
from dataclasses import dataclass, replace
from itertools import islice

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.speed.cases import shortened
from bimt_bench.data import TaskData
from bimt_bench.engine import train_population
from bimt_bench.engine.feed import Feed
from bimt_bench.network import Architecture, ColumnBatch, EmbeddingMlp, build
from bimt_bench.spec import Member, TaskSpec

PRODUCTS = ("aten::mm", "aten::bmm", "aten::addmm", "aten::addmm_", "aten::baddbmm")
_LEAST = 5  # steps
_LARGE = 2000
_REPEATS = 5
_BATCHES = 20


@dataclass(frozen=True)
class Products:
    """`share`: of a step's time that is matrix product. `rate`: of them, in GFLOP/s."""

    share: float
    rate: float


def products(task: TaskSpec, data: TaskData, members: list[Member], *, steps: int) -> Products:
    """Profiles `steps` training steps, without start, evaluation and relocation.

    Two runs of different length begin and end alike, so their difference is steps alone.
    """
    never = {"swap_every": task.training.steps + steps + _LEAST}
    alone = [replace(member, settings={**member.settings, **never}) for member in members]
    quiet = task.training.model_copy(update={"log_every": task.training.steps})
    task = task.model_copy(update={"training": quiet})
    short, long = (_seconds(shortened(task, n), data, alone) for n in (_LEAST, _LEAST + steps))
    step, seconds = (many - few for few, many in zip(short, long, strict=True))
    samples = min(task.training.batch_size or len(data.train_inputs), len(data.train_inputs))
    architecture = build(task, data)
    used = _used_features(task, data, architecture)
    operations = operations_of_step(architecture, samples, used=used) * steps * len(members)
    return Products(share=seconds / step, rate=operations / seconds / 1e9)


def _seconds(task: TaskSpec, data: TaskData, members: list[Member]) -> tuple[float, float]:
    """Seconds of training, and those spent in products when training again under the profiler."""
    began = time.process_time()
    train_population(task, data, members)
    spent = time.process_time() - began
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # it tells of every start and stop otherwise
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        train_population(task, data, members)
    averages = profiled.key_averages()
    return spent, sum(e.self_cpu_time_total for e in averages if e.key in PRODUCTS) / 1e6


def _used_features(task: TaskSpec, data: TaskData, architecture: Architecture) -> float:
    """The mean share of the inputs that the first layer of a training step is multiplied by."""
    feed = Feed(task, data, architecture, torch.empty(0, dtype=getattr(torch, task.training.dtype)))
    shares = [
        len(batch.used) / len(batch.columns) if isinstance(batch, ColumnBatch) else 1.0
        for batch, _ in islice(feed.batches(), _BATCHES)
    ]
    return sum(shares) / len(shares)


def operations_of_step(architecture: Architecture, samples: int, *, used: float = 1.0) -> float:
    """Floating-point operations of one member's matrix products in one step on so many samples.

    `used`: the share of the inputs that are not blank and left out.

    A layer has three products of 2 x out x in x B: forward, weight gradient, and the gradient
    handed down, which the first layer has not. Tokens pass the first layer once each.
    """
    shapes = architecture.shapes
    weights = [shape for name, shape in shapes.items() if name.endswith("weight")]
    layers = weights[1:] if isinstance(architecture, EmbeddingMlp) else weights
    total = sum(6 * rows * columns * samples for rows, columns in layers[1:])
    rows, columns = layers[0]
    if isinstance(architecture, EmbeddingMlp):
        vocabulary = shapes["embedding.weight"][0]
        return total + 6 * rows * columns * vocabulary
    return total + 4 * rows * columns * used * samples


def machine_rate(dtype: torch.dtype) -> float:
    """GFLOP/s of one large matrix product on one thread: the best of a few."""
    left = torch.rand(_LARGE, _LARGE, dtype=dtype)
    out = torch.empty_like(left)
    best = float("inf")
    for _ in range(_REPEATS):
        began = time.process_time()
        torch.mm(left, left, out=out)
        best = min(best, time.process_time() - began)
    return 2 * _LARGE**3 / best / 1e9
