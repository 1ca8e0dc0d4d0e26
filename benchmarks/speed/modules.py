"""The baseline and the oracle of any model kind: its own module, trained alone by a plain loop.

torch's autograd, torch.optim.AdamW, and the connection cost as a penalty on each parameter. Only
the wiring that the kind declares is read; no code of the engine is used.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from benchmarks.speed.plain import charged, loss_of, place, ready
from bimt_bench.data import TaskData
from bimt_bench.network import Shapes, Wiring
from bimt_bench.spec import MODELS, Member, TaskSpec


class PlainModule:
    """One network of any kind, and what each entry of its parameters costs."""

    def __init__(self, task: TaskSpec, data: TaskData, member: Member) -> None:
        kind, shapes = MODELS.get_kind(task.model.kind)(), Shapes.of(data)
        torch.manual_seed(member.seed)
        self.module: nn.Module = kind.module(task.model, shapes)
        self.module.to(getattr(torch, task.training.dtype))
        wiring = kind.wiring(task.model, shapes)
        self.prices = _prices(task, member, wiring, dict(self.module.named_parameters()))

    def cost(self) -> Tensor:
        """The connection cost (arXiv 2305.08746, equation 2)."""
        parameters = dict(self.module.named_parameters())
        costs = [(parameters[name].abs() * price).sum() for name, price in self.prices.items()]
        return torch.stack(costs).sum()


def _prices(
    task: TaskSpec, member: Member, wiring: Wiring, parameters: dict[str, nn.Parameter]
) -> dict[str, Tensor]:
    locality, spacing = charged(member, "locality"), charged(member, "spacing")
    geometry, found = member.geometry, {}
    places = {}
    for group in wiring.groups:
        spec = getattr(geometry, group.role)
        places[group.name] = place(spec.kind, group.size, spec.rows, spec.radius)
    norm = 1 if geometry.distance.kind == "l1" else 2
    for c in wiring.connections:
        offset = places[c.target][:, None, :] - places[c.source][None, :, :]
        distance = offset.norm(p=norm, dim=2).repeat(c.target_folds, c.source_folds)
        weight = parameters[c.parameter]
        price = (locality * distance + spacing).to(weight.dtype)
        price = price.view(*price.shape, *[1] * (weight.dim() - 2)).expand_as(weight)
        found[c.parameter] = price / (weight.numel() if task.penalty.reduce == "mean" else 1)
    for a in wiring.attachments:
        held = parameters[a.parameter]
        price = torch.full_like(held, spacing)
        found[a.parameter] = price / (held.numel() if task.penalty.reduce == "mean" else 1)
    return found


def train_module(
    task: TaskSpec,
    data: TaskData,
    member: Member,
    *,
    steps: int,
    network: PlainModule | None = None,
    start: dict[str, Tensor] | None = None,
) -> tuple[nn.Module, list[float]]:
    """Trains one network on all training data; the loss before each update, and the module.

    `start` overrides the parameters it begins with. Test data are looked at every `log_every`.
    """
    network = network or PlainModule(task, data, member)
    module = network.module
    if start is not None:
        module.load_state_dict(start, strict=False)
    optimizer = torch.optim.AdamW(
        module.parameters(), lr=member["learning_rate"], weight_decay=member["weight_decay"]
    )
    dtype = next(module.parameters()).dtype
    inputs = ready(data.train_inputs, dtype, data.scale)
    test = ready(data.test_inputs, dtype, data.scale)
    losses = []
    for step in range(steps):
        optimizer.zero_grad()
        loss = loss_of(task, module(inputs), data.train_targets)
        strength = _strength(task, member, step)
        (loss + strength * network.cost() if strength else loss).backward()
        if step % task.training.log_every == 0:
            with torch.no_grad():
                loss_of(task, module(test), data.test_targets)
        optimizer.step()
        losses.append(loss.detach())
    return module, torch.stack(losses).tolist()


def _strength(task: TaskSpec, member: Member, step: int) -> float:
    """lambda at a step."""
    if "strength" not in member.settings:
        return 0.0
    begun: Sequence[float] = [
        phase.factor
        for phase in task.penalty.phases
        if math.floor(phase.start * task.training.steps) <= step
    ]
    return member.lam * begun[-1]
