"""Whether a module and the wiring that is declared of it fit each other, asked before any start."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd

from bimt_bench.ground import InputError, closest, located, torch_generator
from bimt_bench.network.adapter import ModuleArchitecture
from bimt_bench.network.architecture import in_folds, take
from bimt_bench.network.model import ModelKind
from bimt_bench.network.wiring import Axis, Group

_SAMPLES = 2  # of a trial
_OF_ANOTHER_SORT = ("double", "dtype", "inplace")  # in what torch says of a tensor made by itself
_LONGEST = 300  # characters of what a module raised
_ROUNDING = 1e-6  # relative to the largest output: float64, after a sum in another order


def check_fit(architecture: ModuleArchitecture) -> None:
    """InputError that lists in one line, naming the model, all that does not fit.

    First what can be read, then a trial: outputs must have their shape, activations come out where
    the wiring says, and the function must stay when the neurons of any movable group change places.
    """
    found = [
        *_parts_that_remember(architecture.module),
        *_start(architecture),
        *_parameters(architecture),
        *_groups(architecture),
    ]
    if not found:
        found = list(_trial(architecture))
    if found:
        raise InputError(f"model '{architecture.kind.name}': {'; '.join(found)}")


# ------------------------------------------------------------------------- what can be read


def _parts_that_remember(module: nn.Module) -> Iterator[str]:
    """Parts that do not do the same at every call."""
    for name, part in module.named_modules():
        if isinstance(part, _NormBase) and part.track_running_stats:
            yield f"part '{name}' keeps running statistics; use LayerNorm or GroupNorm"
        rate = part.p if isinstance(part, _DropoutNd) else getattr(part, "dropout", 0.0)
        if isinstance(rate, float) and rate > 0.0:
            yield f"part '{name}' drops at random; recipe 'dropout' does that for any model"


def _start(architecture: ModuleArchitecture) -> Iterator[str]:
    """Parameters that do not start from the seed, which torch's generator is given."""
    one, again = (architecture.initial("trial", 0) for _ in range(2))
    for name, value in one.items():
        if not torch.equal(value, again[name]):
            yield f"parameter '{name}' starts otherwise from the same seed; draw it by torch"


def _parameters(architecture: ModuleArchitecture) -> Iterator[str]:
    shapes, wiring = architecture.shapes, architecture.wiring
    if not wiring.connections:
        yield "wiring: there is no connection; name the parameters that join two groups"
    for name, parameter in architecture.module.named_parameters():
        if not parameter.requires_grad:
            yield f"parameter '{name}' is not to be trained; make it a buffer"
    named = [c.parameter for c in wiring.connections] + [a.parameter for a in wiring.attachments]
    for name in dict.fromkeys(named):
        if name not in shapes:
            yield (
                f"wiring: there is no parameter '{name}'{closest(name, shapes)} "
                f"(it has: {', '.join(shapes)})"
            )
        if named.count(name) > 1:
            yield f"wiring: parameter '{name}' is named {named.count(name)} times"
    for group in wiring.groups:
        for one in wiring.axes(group.name):
            shape = shapes.get(one.parameter)
            if shape is not None:
                yield from _axis(one, shape, group)


def _axis(one: Axis, shape: tuple[int, ...], group: Group) -> Iterator[str]:
    if not 1 <= one.axis <= len(shape):  # 0 is the member axis
        yield f"wiring: parameter '{one.parameter}' {shape} has no axis {one.axis}"
    elif shape[one.axis - 1] != one.folds * group.size:
        folds = f"{one.folds} x " if one.folds > 1 else ""
        yield (
            f"wiring: parameter '{one.parameter}' {shape} has {shape[one.axis - 1]} entries on "
            f"axis {one.axis}, but group '{group.name}' has {folds}{group.size} neurons"
        )


def _groups(architecture: ModuleArchitecture) -> Iterator[str]:
    wiring, given = architecture.wiring, architecture.given
    for role in ("input", "output"):
        count = sum(group.role == role for group in wiring.groups)
        if count != 1:
            yield f"wiring: there must be one group of role '{role}', but there are {count}"
    parts = dict(architecture.module.named_modules())
    taken: dict[str, str] = {}
    for group in wiring.groups:
        if group.role == "output" and group.size != given.outputs:
            yield f"group '{group.name}' has {group.size} neurons for {given.outputs} outputs"
        if group.role == "input" and group.relabelled and group.size != given.sample[-1]:
            yield f"group '{group.name}' has {group.size} neurons for {given.sample[-1]} features"
        if group.role != "hidden":
            continue
        if group.axis == 0:
            yield f"group '{group.name}': axis 0 is the batch; neurons lie on another"
        if group.module not in parts or not group.module:
            yield (
                f"group '{group.name}': module: the model has no part "
                f"'{group.module}'{closest(group.module, parts)}"
            )
        elif group.module in taken:
            yield f"groups '{taken[group.module]}' and '{group.name}' have the same module"
        taken[group.module] = group.name


# ------------------------------------------------------------------------------------ a trial


@torch.no_grad()
def _trial(architecture: ModuleArchitecture) -> Iterator[str]:
    """Runs a network beside those in which the neurons of one movable group have changed places."""
    given = architecture.given
    movable = [group for group in architecture.wiring.groups if group.movable and group.size > 1]
    parameters, positions = _turned(architecture, [group.name for group in movable])
    example = architecture.example(_SAMPLES)
    batch = architecture.prepare(example)
    seen: dict[str, Tensor] = {}
    steps = given.sample[:1] if given.steps else ()
    wanted = (_SAMPLES, *steps, given.outputs)
    returned: list[object] = []
    hook = architecture.module.register_forward_hook(lambda _m, _in, out: returned.append(out))
    try:
        outputs = architecture.forward(parameters, batch, positions, seen=seen)
    except Exception as error:  # whatever a stranger's module raises
        told = _not_outputs(returned, wanted)
        if told is None:
            told = f"its module cannot be run: {_why(error, architecture.kind)}"
        raise InputError(f"model '{architecture.kind.name}': {told}") from error
    finally:
        hook.remove()
    found = (*outputs.shape[2:], *outputs.shape[1:2])
    if found != wanted:
        yield f"its module returns {found} for {_SAMPLES} samples; should be {wanted}"
        return
    yield from _activations(architecture, seen)
    if not torch.equal(outputs, architecture.forward(parameters, batch, positions)):
        yield "its module does not do the same at every call"
        return
    limit = _ROUNDING * outputs[0].abs().max()
    alone = architecture.forward(parameters, architecture.prepare(example[:1]), positions)
    if (outputs[:, :, :1] - alone).abs().max() > limit:
        yield "outputs of a sample change with the others of its batch (BatchNorm does that)"
        return
    for row, group in enumerate(movable, start=1):
        if (outputs[row] - outputs[0]).abs().max() > limit:
            yield (
                f"group '{group.name}': outputs change when its neurons change places; something "
                "that belongs to them is not in the wiring (or pin it: movable=False)"
            )


def _why(error: Exception, kind: ModelKind) -> str:
    """What a module raised, with its place and what helps."""
    told, said = located(error, kind), str(error).strip().partition("\n")[0].lower()
    if len(told) > _LONGEST:
        told = f"{told[:_LONGEST]}..."
    if any(word in said for word in _OF_ANOTHER_SORT):
        return f"{told} (make tensors by inputs.new_zeros(...), not by torch.zeros(...))"
    return told


def _not_outputs(returned: Sequence[object], wanted: tuple[int, ...]) -> str | None:
    """What the module returned, if it cannot be outputs of several samples; else None."""
    found = returned[0] if returned else None
    if not returned or (isinstance(found, Tensor) and found.ndim):
        return None
    given = "a single number" if isinstance(found, Tensor) else type(found).__name__
    axes = "[B, time, outputs]" if len(wanted) == 3 else "[B, outputs]"
    return f"its module returns {given}; must return a tensor {axes}, {wanted} for B = {wanted[0]}"


def _activations(architecture: ModuleArchitecture, seen: Mapping[str, Tensor]) -> Iterator[str]:
    """Whether hidden groups were seen, group name -> [P, size, samples], and are as wired."""
    for group in architecture.wiring.groups:
        if group.role != "hidden":
            continue
        if group.name not in seen:
            yield f"group '{group.name}': its part '{group.module}' is never called"
        elif seen[group.name].shape[1] != group.size:
            yield (
                f"group '{group.name}' has {group.size} neurons, but its part "
                f"'{group.module}' returns {seen[group.name].shape[1]} on axis {group.axis}"
            )


def _turned(
    architecture: ModuleArchitecture, movable: list[str]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Parameters [1 + groups, ...] of one network, in row i with group i - 1 turned by one place.

    And positions of relabelled groups. Starts at zero (biases, gains) are moved away from it.
    """
    generator, count = torch_generator("trial", architecture.kind.name, "start"), len(movable) + 1
    parameters = {}
    for name, start in architecture.initial("trial", 0).items():
        moved = start + 0.1 * torch.randn(start.shape, generator=generator, dtype=start.dtype)
        parameters[name] = moved.expand(count, *moved.shape).clone()
    positions = {}
    for group in architecture.wiring.groups:
        orders = torch.arange(group.size).repeat(count, 1)
        if group.name in movable:
            row = movable.index(group.name) + 1
            orders[row] = orders[row].roll(1)
        if group.relabelled:
            positions[group.name] = orders.argsort(dim=1)
        for one in architecture.wiring.axes(group.name):
            index = in_folds(orders, one.folds)
            parameters[one.parameter] = take(parameters[one.parameter], one.axis, index)
    return parameters, positions
