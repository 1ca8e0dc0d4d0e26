"""The baseline and the oracle: one network at a time, as the published examples train it.

A plain torch module, autograd through the cost, torch.optim.AdamW, test evaluation as often as
the published examples evaluate, and relocation that recomputes the whole cost for each trial
swap. It shares no code with the engine beyond the specs; tests compare the engine against it and
benchmarks time it. Trial swaps are made in movable groups only.
"""

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from bimt_bench.data import TaskData
from bimt_bench.ground import InputError
from bimt_bench.network import Perceptron, Shapes
from bimt_bench.spec import MODELS, Member, TaskSpec

ACTIVATIONS = {"silu": nn.SiLU(), "relu": nn.ReLU(), "tanh": nn.Tanh()}


def charged(member: Member, name: str) -> float:
    """A member's setting; 0 if its recipe has none of that name."""
    return member.settings.get(name, 0)


def place(kind: str, size: int, rows: int | None, radius: float) -> torch.Tensor:
    """Coordinates [size, 2] of a group."""
    centres = lambda n: [(k + 0.5) / n for k in range(n)]  # noqa: E731
    if kind == "line":
        points = [(x, 0.5) for x in centres(size)]
    elif kind == "grid":
        rows = rows or math.isqrt(size)
        points = [(x, y) for y in centres(rows) for x in centres(size // rows)]
    else:
        angles = [2 * math.pi * t for t in centres(size)]
        points = [(0.5 + radius * math.cos(a), 0.5 + radius * math.sin(a)) for a in angles]
    return torch.tensor(points, dtype=torch.float64)


class PlainNetwork(nn.Module):
    """One network with coordinates; layers 0 .. depth of neurons, weights between them."""

    def __init__(self, task: TaskSpec, data: TaskData, member: Member) -> None:
        super().__init__()
        made = MODELS.get_kind(task.model.kind)().module(task.model, Shapes.of(data))
        if not isinstance(made, Perceptron):
            raise InputError(f"{task.name}: only perceptrons are timed, not {task.model.kind}")
        self.folds, sizes = made.folds, list(made.sizes)
        width = sizes[0]
        self.embedding = None
        if made.tokens is not None:
            self.embedding = nn.Parameter(torch.randn(made.tokens, width))
        self.sizes = sizes
        self.linears = [
            nn.Linear(a * (self.folds if i == 0 else 1), b)
            for i, (a, b) in enumerate(pairwise(sizes))
        ]
        self.layers = nn.ModuleList(self.linears)
        self.in_perm = torch.arange(width)
        self.out_perm = torch.arange(sizes[-1])
        self.activation = ACTIVATIONS[made.activation]
        self.task = task
        self.member = member
        self.spacing = member.settings.get("spacing", task.penalty.spacing)
        names = ["input", *(f"hidden{i}" for i in range(1, len(sizes) - 1)), "output"]
        self.movable = [name not in task.pinned for name in names]
        self.free = [name in task.penalty.no_locality_into for name in names]
        self.dtype: torch.dtype = getattr(torch, task.training.dtype)
        self.to(self.dtype)
        geometry = member.geometry
        placements = [geometry.input, *[geometry.hidden] * (len(sizes) - 2), geometry.output]
        places = [
            place(p.kind, n, p.rows, p.radius) for p, n in zip(placements, sizes, strict=True)
        ]
        self.distances = []
        for layer in range(len(self.linears)):
            offset = places[layer + 1][:, None, :] - places[layer][None, :, :]
            norm = 1 if geometry.distance.kind == "l1" else 2
            distance = offset.norm(p=norm, dim=2).to(self.dtype)
            self.distances.append(distance.repeat(1, self.folds if layer == 0 else 1))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Outputs [B, outputs] in the task's order."""
        if self.embedding is not None:
            x = torch.cat([self.embedding[inputs[:, f]] for f in range(self.folds)], dim=1)
        else:
            x = inputs
        if self.movable[0]:
            x = x.view(len(x), self.folds, -1)[:, :, self.in_perm].flatten(1)
        for linear in self.linears[:-1]:
            x = self.activation(linear(x))
        x = self.linears[-1](x)
        inverse = torch.empty_like(self.out_perm)
        inverse[self.out_perm] = torch.arange(len(inverse))
        return x[:, inverse]

    def cost(self, locality: float, *, biases: bool = True, free: bool = True) -> torch.Tensor:
        """The connection cost (arXiv 2305.08746, equation 2)."""
        reduce = torch.sum if self.task.penalty.reduce == "sum" else torch.mean
        spacing = charged(self.member, "spacing")
        total = torch.zeros(())
        for layer, linear in enumerate(self.linears):
            local = 0.0 if free and self.free[layer + 1] else locality
            price = local * self.distances[layer] + spacing
            total = total + reduce(linear.weight.abs() * price)
            if biases:
                total = total + reduce(linear.bias.abs() * spacing)
        if self.embedding is not None:
            total = total + reduce(self.embedding.abs() * spacing)
        return total

    def swap(self, layer: int, j: int, k: int) -> None:
        """Exchanges neurons j and k of a layer; the function computed stays."""
        if layer > 0:
            linear = self.linears[layer - 1]
            _exchange(linear.weight, j, k)
            _exchange(linear.bias, j, k)
        if layer < len(self.linears):
            size = self.sizes[layer]
            for fold in range(self.folds if layer == 0 else 1):
                _exchange(self.linears[layer].weight.T, j + fold * size, k + fold * size)
        if layer == 0:
            _exchange(self.in_perm, j, k)
        if layer == len(self.linears):
            _exchange(self.out_perm, j, k)

    def strength(self, layer: int) -> torch.Tensor:
        """Sum of the magnitudes of a layer's incoming and outgoing weights, a neuron each."""
        total = torch.zeros(self.sizes[layer], dtype=self.dtype)
        if layer > 0:
            total = total + self.linears[layer - 1].weight.abs().sum(1)
        if layer < len(self.linears):
            columns = self.linears[layer].weight.abs().sum(0)
            total = total + columns.view(-1, self.sizes[layer]).sum(0)
        return total

    @torch.no_grad()
    def relocate(self) -> None:
        """Tries every swap of the strongest neurons of each group; keeps the best for each."""
        locality = self.task.penalty.locality or 1.0
        for layer, movable in enumerate(self.movable):
            if not movable:
                continue
            for j in self.strength(layer).argsort().flip(0)[: self.member["top_k"]].tolist():
                costs = []
                for k in range(self.sizes[layer]):
                    self.swap(layer, j, k)
                    costs.append(self.cost(locality, free=False))
                    self.swap(layer, j, k)
                self.swap(layer, j, int(torch.stack(costs).argmin()))


@torch.no_grad()
def _exchange(values: torch.Tensor, j: int, k: int) -> None:
    kept = values[j].clone()
    values[j] = values[k].clone()
    values[k] = kept


def loss_of(task: TaskSpec, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The task's mean loss of outputs [B, outputs]."""
    if task.loss.kind == "cross_entropy":
        return nn.functional.cross_entropy(outputs, targets)
    if targets.dim() == 1:
        targets = torch.eye(outputs.shape[1], dtype=outputs.dtype)[targets]
    return nn.functional.mse_loss(outputs, targets.to(outputs.dtype))


def sample_loss(
    network: PlainNetwork, task: TaskSpec, data: TaskData, split: str, generator: torch.Generator
) -> float:
    """Loss on 2,000 images in batches of 50, as the published MNIST example evaluates."""
    inputs = data.train_inputs if split == "train" else data.test_inputs
    targets = data.train_targets if split == "train" else data.test_targets
    total = 0.0
    with torch.no_grad():
        for chosen in torch.randperm(len(inputs), generator=generator)[:2000].split(50):
            outputs = network(inputs[chosen].to(network.dtype) * data.scale)
            total += loss_of(task, outputs, targets[chosen]).item() * len(chosen)
    return total / 2000


def train_plain(
    task: TaskSpec,
    data: TaskData,
    member: Member,
    *,
    steps: int,
    network: PlainNetwork | None = None,
    batches: list[torch.Tensor] | None = None,
) -> tuple[PlainNetwork, list[dict[str, float]]]:
    """Trains one network for the first `steps` steps of the task's schedule.

    Full-batch tasks evaluate the test data at every step and minibatch tasks every 200 steps, as
    the published examples do. `batches` overrides the order of minibatches (indices a step).
    """
    torch.manual_seed(member.seed)
    network = network or PlainNetwork(task, data, member)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=member["learning_rate"], weight_decay=0.0
    )
    generator = torch.Generator().manual_seed(member.seed)
    published = task.training.steps
    strength, swap_every = member.lam, charged(member, "swap_every")
    phases = {int(phase.start * published): phase.factor for phase in task.penalty.phases}
    feed = _feed(task, data, network.dtype, batches, generator)
    history = []
    for step in range(steps):
        strength = member.lam * phases[step] if step in phases else strength
        optimizer.zero_grad()
        inputs, targets = next(feed)
        outputs = network(inputs)
        loss = loss_of(task, outputs, targets)
        record = _evaluation(task, data, network, (outputs, targets), step, generator)
        biases = step >= int(task.penalty.bias_from * published)
        cost = strength * network.cost(charged(member, "locality"), biases=biases)
        (loss + cost).backward()
        optimizer.step()
        history.append({"train_loss": loss, "charged_cost": cost, **record})
        if swap_every and (step + 1) % swap_every == 0:
            network.relocate()
    numbers = [{k: float(torch.as_tensor(v).detach()) for k, v in row.items()} for row in history]
    return network, numbers


def ready(inputs: torch.Tensor, dtype: torch.dtype, scale: float) -> torch.Tensor:
    """Tokens as they are, numbers scaled and in the network's type."""
    return inputs if inputs.dtype == torch.int64 else inputs.to(dtype) * scale


def _feed(
    task: TaskSpec,
    data: TaskData,
    dtype: torch.dtype,
    batches: list[torch.Tensor] | None,
    generator: torch.Generator,
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Inputs and targets, step after step."""
    size, count = task.training.batch_size, len(data.train_inputs)
    while size is None:
        yield ready(data.train_inputs, dtype, data.scale), data.train_targets
    while True:
        order = batches or torch.randperm(count, generator=generator).split(size)
        for chosen in order:
            inputs = ready(data.train_inputs[chosen], dtype, data.scale)
            yield inputs, data.train_targets[chosen]


def _evaluation(
    task: TaskSpec,
    data: TaskData,
    network: PlainNetwork,
    trained: tuple[torch.Tensor, torch.Tensor],
    step: int,
    generator: torch.Generator,
) -> dict[str, torch.Tensor | float]:
    """What the published examples look at in a step."""
    outputs, targets = trained
    if task.training.batch_size is not None:
        if step % 200:
            return {}
        splits = ("train", "test", "train", "test")
        return {f"sampled_{s}_loss": sample_loss(network, task, data, s, generator) for s in splits}
    test = network(ready(data.test_inputs, outputs.dtype, data.scale))
    found: dict[str, torch.Tensor | float] = {"test_loss": loss_of(task, test, data.test_targets)}
    if task.performance.kind == "accuracy":
        found["train_accuracy"] = (outputs.argmax(1) == targets).double().mean()
        found["performance"] = (test.argmax(1) == data.test_targets).double().mean()
    return found


def copy_from(network: PlainNetwork, arrays: Mapping[str, np.ndarray | torch.Tensor]) -> None:
    """Gives the network the parameters of a population's member (`layers.0.weight`, ...)."""
    with torch.no_grad():
        for name, value in arrays.items():
            tensor = torch.as_tensor(value)
            if name == "embedding.weight" and network.embedding is not None:
                network.embedding.copy_(tensor)
            elif name.startswith("layers."):
                _, layer, kind = name.split(".")
                getattr(network.linears[int(layer)], kind).copy_(tensor)
