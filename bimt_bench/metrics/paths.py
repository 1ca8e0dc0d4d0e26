"""Paths through a wiring: how strongly neurons are joined to inputs and outputs, and whether.

A path's strength is the product of |W| along it. Paths have at most as many connections as the
wiring has groups less one, which is all of them in a layered wiring; where connections run in a
circle, they are walked through that often and no further. Whether there is a path at all is asked
of paths of any length.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from bimt_bench.network import Connection, Role, Wiring

Reach = dict[str, Tensor]


def path_strengths(
    wiring: Wiring, weights: Mapping[str, Tensor], role: Role
) -> dict[str, Float64[Tensor, "member neuron end"]]:
    """Sum over paths of prod |W| between every neuron and each input or output, by position.

    weights: connection parameter -> [P, targets, sources]. Gives group name -> [P, n, ends]: paths
    from the ends downwards for inputs, up to them for outputs. Strengths are relative: each
    connection's are divided by the member's largest there.
    """
    joined = {c.parameter: _scaled(wiring, c, weights[c.parameter]) for c in wiring.connections}
    return _walks(wiring, joined, _ends(wiring, len(next(iter(joined.values()))), role), role)


def on_a_path(
    wiring: Wiring, alive: Mapping[str, Tensor]
) -> dict[str, Bool[Tensor, "member neuron"]]:
    """Whether a neuron lies on a path of living connections from an input to an output.

    alive: connection parameter -> bool [P, targets, sources]. Gives group name -> [P, n].
    """
    joined = {c.parameter: _scaled(wiring, c, alive[c.parameter]) for c in wiring.connections}
    members = len(next(iter(joined.values())))
    forth, back = (_reached(wiring, joined, members, role) for role in ("input", "output"))
    return {name: (one & back[name]).squeeze(2) for name, one in forth.items()}


def _reached(
    wiring: Wiring, joined: Mapping[str, Tensor], members: int, role: Role
) -> dict[str, Bool[Tensor, "member neuron 1"]]:
    """Whether any path, however long, joins a neuron to one of a role."""
    found = {g.name: torch.full((members, g.size, 1), g.role == role) for g in wiring.groups}
    while True:
        step = _step(wiring, joined, {name: one.double() for name, one in found.items()}, role)
        grown = {name: one | (step[name] > 0) for name, one in found.items()}
        if all(torch.equal(one, grown[name]) for name, one in found.items()):
            return found
        found = grown


def _walks(wiring: Wiring, joined: Mapping[str, Tensor], front: Reach, role: Role) -> Reach:
    """Sums over walks of every length from where `front` begins."""
    total = dict(front)
    for _ in range(len(wiring.groups) - 1):
        front = _step(wiring, joined, front, role)
        total = {name: value + front[name] for name, value in total.items()}
    return total


def _ends(wiring: Wiring, members: int, role: Role) -> dict[str, Float64[Tensor, "member _ end"]]:
    """1 where a neuron is itself the input or output, group name -> [P, n, ends]."""
    begins, count = {}, 0
    for group in wiring.groups:
        if group.role == role:
            begins[group.name] = count
            count += group.size
    found = {}
    for group in wiring.groups:
        found[group.name] = torch.zeros(members, group.size, count, dtype=torch.float64)
        if group.name in begins:
            own = torch.arange(group.size)
            found[group.name][:, own, begins[group.name] + own] = 1.0
    return found


def _step(wiring: Wiring, joined: Mapping[str, Tensor], front: Reach, role: Role) -> Reach:
    """One connection further: down from inputs, or back from outputs."""
    following = {name: torch.zeros_like(value) for name, value in front.items()}
    for connection in wiring.connections:
        matrix = joined[connection.parameter]
        if role == "input":
            following[connection.target] += matrix @ front[connection.source]
        else:
            following[connection.source] += matrix.mT @ front[connection.target]
    return following


def _scaled(
    wiring: Wiring, connection: Connection, weight: Tensor
) -> Float64[Tensor, "member target source"]:
    """|W| of neurons, folds added, over the member's largest; 0 where all are 0."""
    target, source = (wiring.group(n).size for n in (connection.target, connection.source))
    shape = (len(weight), connection.target_folds, target, connection.source_folds, source)
    summed = weight.detach().cpu().double().abs().reshape(shape).sum(dim=(1, 3))
    largest = summed.amax(dim=(1, 2), keepdim=True)
    return summed / torch.where(largest == 0, 1.0, largest)
