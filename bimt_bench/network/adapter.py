"""Any module as an architecture: torch.func runs its own code for all members at once.

Members share the module's code and differ in parameters. Inputs are repeated for each member, so
that every product is one member's: mapped over shared inputs, torch would join the members'
weights into one large product, whose rounding depends on how many they are. Members of large
networks are run one by one, unless what their neurons send is looked at.

A member's bits do not depend on its pack mates, with two exceptions, which round differently:
float32 convolutions, of which oneDNN makes one with groups, and products whose result (a weight's
gradient, or a single output) has a number of entries that is no multiple of 16, as MKL's product
rounds by where in a cache line its result begins.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.func import functional_call, vmap

from bimt_bench.ground import derive, torch_generator
from bimt_bench.network.architecture import Architecture, Parameters, Scale, in_folds, take
from bimt_bench.network.lines import in_whole_lines
from bimt_bench.network.model import ModelKind, Shapes
from bimt_bench.network.wiring import Group
from bimt_bench.spec import ModelSettings

_LARGE = 1 << 17  # entries of what a part returns, from which a member goes alone


@dataclass(frozen=True)
class PaddedBatch:
    """Inputs of which the first `samples` count; `padded` repeats the last to 16, 32, ..."""

    padded: Tensor
    samples: int

    @classmethod
    def of(cls, inputs: Tensor) -> "PaddedBatch":
        """Inputs [B, *sample] as such a batch."""
        return cls(in_whole_lines(inputs, lines=1), len(inputs))


class ModuleArchitecture(Architecture):
    """The module of a model kind, and the wiring that the kind declares of it.

    Parameters that the wiring does not name are trained, cost nothing and never move. Buffers are
    constants. `bimt_bench.network.fitting` says whether module and wiring fit each other.
    """

    def __init__(
        self,
        kind: ModelKind,
        settings: ModelSettings,
        shapes: Shapes,
        *,
        pinned: tuple[str, ...] = (),
    ) -> None:
        self.kind, self.settings, self.given = kind, settings, shapes
        self.wiring = kind.wiring(settings, shapes).pin(pinned)
        self.module = self._started(0)
        self.shapes = {name: tuple(p.shape) for name, p in self.module.named_parameters()}
        self._moving = [g for g in self.wiring.groups if g.movable and g.relabelled and g.size > 1]
        self._hidden = [g for g in self.wiring.groups if g.role == "hidden"]
        self._constants: dict[tuple[torch.dtype, torch.device], dict[str, Tensor]] = {}

    def initial(self, task: str, seed: int) -> dict[str, Tensor]:
        """The start that the module draws, its generator seeded from the task and the seed."""
        module = self._started(derive("init", task, self.kind.name, seed))
        return {name: value.detach() for name, value in module.named_parameters()}

    @cached_property
    def widest(self) -> int:
        """Entries that one part's output has for one sample; pixels, and steps at a time, count."""
        start = {name: value.unsqueeze(0) for name, value in self.initial("example", 0).items()}
        inputs = self.prepare(self.example(1)).padded
        with torch.no_grad(), self._watched(None, together=True) as looks:
            self._together(start, inputs)
        sizes = [active.numel() // len(inputs) for calls in looks.values() for active in calls]
        return max([*sizes, self.given.outputs])

    def goes_alone(self, samples: int) -> bool:
        """Members of large networks gain nothing from each other; a convolution of several loses.

        Then the module is called as it is. The answer depends on no pack, so neither do bits.
        """
        return self.widest * samples >= _LARGE

    def example(self, samples: int) -> Tensor:
        """Inputs [samples, *sample] as data might have them, float64 or tokens; always the same."""
        generator, shape = torch_generator("example"), (samples, *self.given.sample)
        if self.given.tokens is not None:
            return torch.randint(self.given.tokens, shape, generator=generator)
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    def prepare(self, inputs: Tensor) -> "PaddedBatch":
        """The inputs [B, *sample], made up to whole cache lines."""
        return PaddedBatch.of(inputs)

    def forward(
        self,
        parameters: Parameters,
        batch: Any,
        positions: Parameters,
        *,
        seen: MutableMapping[str, Tensor] | None = None,
        scale: Scale | None = None,
    ) -> Tensor:
        """Outputs [P, outputs, B], or [P, outputs, B, time], of inputs [B, *sample]."""
        placed = self._in_task_order(parameters, positions)
        samples, members = batch.samples, len(next(iter(placed.values())))
        watched = seen is not None or scale is not None
        alone = (members == 1 or not watched) and self.goes_alone(samples)
        run = self._alone if alone else self._together
        if not watched:
            outputs = run(placed, batch.padded)
        else:
            with self._watched(scale, together=run == self._together) as looks:
                outputs = run(placed, batch.padded)
            if seen is not None:
                seen.update({name: _as_samples(found, samples) for name, found in looks.items()})
        return outputs[:, :samples].movedim(-1, 1)

    def network(self, parameters: Parameters, positions: Parameters) -> nn.Module:
        """A new module of the kind, with the member's parameters in the task's order."""
        placed = self._in_task_order(
            {name: value.unsqueeze(0) for name, value in parameters.items()},
            {name: value.unsqueeze(0) for name, value in positions.items()},
        )
        one = next(iter(placed.values()))
        module = self._started(0).to(dtype=one.dtype, device=one.device)
        with torch.no_grad():
            for name, parameter in module.named_parameters():
                parameter.copy_(placed[name][0])
        return module

    def _together(self, placed: dict[str, Tensor], inputs: Tensor) -> Tensor:
        """Outputs [P, B, ...] of all members."""
        members = len(next(iter(placed.values())))
        return vmap(self._run)(placed, inputs.expand(members, *inputs.shape))

    def _alone(self, placed: dict[str, Tensor], inputs: Tensor) -> Tensor:
        """Outputs [P, B, ...] of the members, one after the other."""
        if len(next(iter(placed.values()))) == 1:  # no views of a part to differentiate
            mine = {name: value.squeeze(0) for name, value in placed.items()}
            return self._run(mine, inputs).unsqueeze(0)
        each = zip(*(value.unbind() for value in placed.values()), strict=True)
        return torch.stack([self._run(dict(zip(placed, one, strict=True)), inputs) for one in each])

    def _run(self, mine: dict[str, Tensor], inputs: Tensor) -> Tensor:
        """Outputs of the module with one member's parameters."""
        one = next(iter(mine.values()))
        return functional_call(self.module, (mine, self._constants_like(one)), (inputs,))

    def _started(self, seed: int) -> nn.Module:
        """A new module in float64 on the CPU; nobody else's random numbers change."""
        usual = torch.get_default_dtype()
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            try:
                torch.set_default_dtype(torch.float64)
                return self.kind.module(self.settings, self.given)
            finally:
                torch.set_default_dtype(usual)

    def _constants_like(self, one: Tensor) -> dict[str, Tensor]:
        """The module's buffers, numbers in the parameters' type, on their device."""
        key = (one.dtype, one.device)
        if key not in self._constants:
            self._constants[key] = {
                name: buffer.to(one) if buffer.is_floating_point() else buffer.to(one.device)
                for name, buffer in self.module.named_buffers()
            }
        return self._constants[key]

    def _in_task_order(self, parameters: Parameters, positions: Parameters) -> dict[str, Tensor]:
        """Parameters with the neurons of relabelled groups where the task's data have them."""
        placed = dict(parameters)
        for group in self._moving:
            for one in self.wiring.axes(group.name):
                index = in_folds(positions[group.name], one.folds)
                placed[one.parameter] = take(placed[one.parameter], one.axis, index)
        return placed

    @contextmanager
    def _watched(self, scale: Scale | None, *, together: bool) -> Iterator[dict[str, list[Tensor]]]:
        """Collects the activations [P, size, B, ...] of hidden groups, and scales them."""
        looks: dict[str, list[Tensor]] = defaultdict(list)
        with ExitStack() as hooks:
            for group in self._hidden:
                part = self.module.get_submodule(group.module)
                hook = _hook(group, looks, scale, together=together)
                hooks.enter_context(part.register_forward_hook(hook))
            yield looks


def _hook(
    group: Group, looks: Mapping[str, list[Tensor]], scale: Scale | None, *, together: bool
) -> Any:
    axis = group.axis if group.axis < 0 else group.axis + 1  # the member axis comes first

    def look(active: Tensor) -> Tensor:
        turned = active.movedim(axis, 1)
        if scale is not None:
            factor = scale(group.name, turned.detach().flatten(2))
            # copied, as a part that is called again may be given the same memory, written over
            turned = turned if factor is None else turned * factor.clone().reshape(turned.shape)
        looks[group.name].append(turned)
        return turned.movedim(1, axis)

    def called(_module: nn.Module, _given: Any, active: Tensor) -> Any:
        if together:
            return _Together.apply(active, look)
        return look(active.unsqueeze(0)).squeeze(0)

    return called


class _Together(Function):
    """Hands the activations of all members to a function, and goes on with what it returns.

    What `vmap` calls is run outside of torch.func's level, where ordinary autograd records it.
    """

    @staticmethod
    def forward(active: Tensor, look: Any) -> Tensor:
        """Of one member, where there is no vmap."""
        return look(active.unsqueeze(0)).squeeze(0)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Nothing is kept: there is no backward pass of its own."""

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, None], active: Tensor, look: Any) -> Any:
        """Of all members; what no parameter has touched is repeated for each."""
        if in_dims[0] is None:
            active = active.expand(info.batch_size, *active.shape)
        else:
            active = active.movedim(in_dims[0], 0)
        return look(active), 0


def _as_samples(looks: list[Tensor], samples: int) -> Tensor:
    """Activations of one or several calls of a part as [P, size, samples], calls innermost."""
    found = looks[0] if len(looks) == 1 else torch.stack(looks, dim=-1)
    return found[:, :, :samples].flatten(2)
