"""Autograd that is recorded once: the operators of a step, forward and back, without its own work.

torch.func and autograd spend more on a small network's step than its arithmetic takes. What they
call is the same at every step, as a module must do the same at every call.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx

from bimt_bench.engine.differentiation import Autograd
from bimt_bench.network import PaddedBatch, Scale

_BLOCK = (32 << 20) - (1 << 13)  # bytes: the largest block from whose return glibc learns
_THE_SAME = (torch.ops.aten.detach.default, torch.ops.aten.alias.default)

Key = tuple[int, int, torch.Size, torch.Size]
Replay = Callable[..., Sequence[Tensor]]


class Recorded(Autograd):
    """Autograd of a module's population, replayed from its record: the same operators and bits.

    There is a record for each number of members and shape of a batch. Steps with noise are not
    recorded, as a recipe must be asked for it each time, nor are those that cannot be.
    """

    after: ClassVar[int] = 40
    """Steps of a shape before it is recorded, which takes as long as a hundred of them."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        keep_freed_memory()
        self._taken: Counter[Key] = Counter()
        self._records: dict[Key, Replay | None] = {}

    def _differentiate(
        self,
        parameters: Mapping[str, Tensor],
        batch: object,
        targets: Tensor,
        positions: Mapping[str, Tensor],
        scale: Scale | None,
    ) -> tuple[Tensor, Sequence[Tensor]]:
        """Outputs, and the gradient by each of the parameters."""
        assert isinstance(batch, PaddedBatch)
        key = (
            len(next(iter(parameters.values()))),
            batch.samples,
            batch.padded.shape,
            targets.shape,
        )
        self._taken[key] += 1
        if scale is not None or self._taken[key] <= self.after:
            return super()._differentiate(parameters, batch, targets, positions, scale)
        given = (*parameters.values(), *positions.values(), batch.padded, targets)
        if key not in self._records:
            names = (list(parameters), list(positions))
            self._records[key] = self._record(names, batch.samples, given)
        replay = self._records[key]
        if replay is None:
            return super()._differentiate(parameters, batch, targets, positions, scale)
        with torch.no_grad():
            outputs, *found = replay(*given)
        return outputs, found

    def _record(
        self, names: tuple[list[str], list[str]], samples: int, given: tuple[Tensor, ...]
    ) -> Replay | None:
        """What differentiating calls, as a function of its tensors; None if that cannot be had."""
        parameters, positions = names

        def step(*tensors: Tensor) -> list[Tensor]:
            *held, padded, targets = tensors
            outputs, found = super(Recorded, self)._differentiate(
                dict(zip(parameters, held[: len(parameters)], strict=True)),
                PaddedBatch(padded, samples),
                targets,
                dict(zip(positions, held[len(parameters) :], strict=True)),
                None,
            )
            return [outputs, *found]

        try:
            record = make_fx(step)(*given)
        except Exception:  # noqa: BLE001 - whatever a stranger's module does that only runs
            return None
        return _shortened(record).forward  # a call of the module would look for hooks


def _shortened(record: GraphModule) -> GraphModule:
    """The record without what changes nothing where autograd is off, and what nothing needs.

    Nothing needs the loss itself, as only its slope is asked.
    """
    for node in record.graph.nodes:
        if node.target in _THE_SAME:
            node.replace_all_uses_with(node.args[0])
    record.graph.eliminate_dead_code()
    record.recompile()
    return record


@cache
def keep_freed_memory() -> None:
    """Lets the process keep up to 64 MiB that it has freed, to use again.

    A step frees the activations of many members, and takes as much again in the next. glibc gives
    the end of the heap back to the system past twice the largest block that was ever mapped and
    freed; to fetch it again a page at a time takes a fifth of the time of a pack's step.
    """
    torch.empty(_BLOCK, dtype=torch.uint8)
