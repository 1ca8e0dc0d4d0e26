"""The attribution graph: how much of what comes out runs over each wire.

The flow over a wire is f_ij = |W_ij| sd(a_j), what its source sends varying over the data (see
`sending`); its share of all that flows into neuron i is share_ij = f_ij / sum_k f_ik. Shares are
carried back from the outputs: R_i = 1 / n at each of n outputs, edge_ij = share_ij R_i, and
R_j = sum_i edge_ij. So a wire that carries nothing, or that leads nowhere, weighs nothing, and
the scale of a layer does not count. Of neurons that send the same the flows count as what is left
of them together (see `twins`): two that cancel out give nothing; and where modules are looked for
they are one node, so that a neuron split in two is one neuron still. An output that varies by less
than 1e-3 of what is wanted of it is a constant: nothing is carried back from it.

Folds add up: the graph has one edge for all wires between two neurons of one connection. The
entries of a window add up to one wire, sd(a_j) being that over all pixels. Where several
connections run into a group, a neuron's share is one of all that flows into it through all of
them. Where connections run in a circle (a group connected to itself, a residual stream), shares
are carried round it: back over as many connections as the wiring has groups less one, and one
more for every further time step, as many as a path of the network unrolled over time has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from bimt_bench.metrics.base import Scored, once
from bimt_bench.metrics.sending import Sent, sent_in
from bimt_bench.metrics.twins import merged, net
from bimt_bench.network import Connection, Wiring

# Of a member's largest edge: what is lighter is left out. As for the graph of the weights, a
# penalty leaves dead weights jittering at the scale of the optimizer's step.
NEGLIGIBLE = 1e-4

_CONSTANT = 1e-3  # of the spread of the targets


@dataclass(frozen=True, eq=False)
class Wires:
    """The edges of one connection: the nodes that they join, by number, and their weights.

    within: whether they join neurons of one group, where none may be joined to itself.
    """

    sources: Int64[np.ndarray, " edge"]
    targets: Int64[np.ndarray, " edge"]
    weights: Float64[np.ndarray, " edge"]
    within: bool = False


@dataclass(frozen=True, eq=False)
class AttributionGraph:
    """One member's attribution graph, without neurons that have no edge.

    groups, positions: [nodes], which group of the wiring (its index) a node is in, and its place
    there. wires: the edges of each connection that has any, none from a neuron to itself.
    """

    groups: Int64[np.ndarray, " node"]
    positions: Int64[np.ndarray, " node"]
    wires: tuple[Wires, ...]

    @property
    def nodes(self) -> int:
        """The number of neurons that have an edge."""
        return len(self.groups)


@once
def attributions(scored: Scored) -> tuple[AttributionGraph | None, ...]:
    """The attribution graph of each member.

    None where there is none: nothing flows to an output, or something is not finite.
    """
    return _graphs(scored, _edges(scored))


@once
def merged_attributions(scored: Scored) -> tuple[AttributionGraph | None, ...]:
    """The attribution graph of each member, its twins (see `twins`) one node each."""
    return _graphs(scored, merged(scored.wiring, _edges(scored), sent_in(scored).twins))


def _graphs(
    scored: Scored, edges: Mapping[str, Float64[np.ndarray, "member target source"]]
) -> tuple[AttributionGraph | None, ...]:
    return tuple(
        attribution_graph(scored.wiring, {name: one[member] for name, one in edges.items()})
        for member in range(scored.size)
    )


@once
@torch.no_grad()
def _edges(scored: Scored) -> dict[str, Float64[np.ndarray, "member target source"]]:
    """The weight of every edge of each connection, by its parameter."""
    sent = sent_in(scored)
    flows = {
        c.parameter: _joined(scored.wiring, c, _flows(scored, c, sent))
        for c in scored.wiring.connections
    }
    steps = len(scored.wiring.groups) - 1 + scored.positions - 1
    carried = carried_back(scored.wiring, flows, _endings(scored), steps=steps)
    return {name: one.numpy() for name, one in carried.items()}


def carried_back(
    wiring: Wiring,
    flows: Mapping[str, Float64[Tensor, "member target source"]],
    endings: Mapping[str, Float64[Tensor, "member neuron 1"]],
    *,
    steps: int,
) -> dict[str, Float64[Tensor, "member target source"]]:
    """The weight of every edge, given the flows of each connection; by connection parameter.

    Of each group, `endings` has what begins at its neurons. Shares are carried back over at most
    `steps` connections. What is not finite stays so.
    """
    shares = _shares(wiring, flows)
    total = front = dict(endings)
    for _ in range(steps):
        following = {name: torch.zeros_like(one) for name, one in front.items()}
        for connection in wiring.connections:
            back = shares[connection.parameter].mT @ front[connection.target]
            following[connection.source] = following[connection.source] + back
        front = following
        total = {name: one + front[name] for name, one in total.items()}
        if not any(bool(one.any()) for one in front.values()):
            break
    return {c.parameter: shares[c.parameter] * total[c.target] for c in wiring.connections}


def attribution_graph(
    wiring: Wiring, edges: Mapping[str, Float64[np.ndarray, "target source"]]
) -> AttributionGraph | None:
    """The graph of one member, given the weight of every edge of each connection.

    Neurons are numbered by size within their group, so that the graph, and with it every seeded
    result, is the same wherever relocation has put them.
    """
    if not all(np.isfinite(one).all() for one in edges.values()):
        return None
    kept = {c.parameter: _without_loops(c, edges[c.parameter]) for c in wiring.connections}
    largest = max((float(one.max(initial=0.0)) for one in kept.values()), default=0.0)
    if largest <= 0.0:
        return None
    kept = {name: np.where(one > NEGLIGIBLE * largest, one, 0.0) for name, one in kept.items()}
    size = _sizes_of_neurons(wiring, kept)
    order = {name: np.argsort(-one, kind="stable") for name, one in size.items()}
    order = {name: order[name][: int((one > 0).sum())] for name, one in size.items()}
    sizes = [len(order[group.name]) for group in wiring.groups]
    begins = dict(zip(size, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))
    wires = (_wires(c, kept[c.parameter], order, begins) for c in wiring.connections)
    return AttributionGraph(
        groups=np.repeat(np.arange(len(sizes)), sizes),
        positions=np.concatenate([order[group.name] for group in wiring.groups]),
        wires=tuple(one for one in wires if len(one.weights)),
    )


def _flows(
    scored: Scored, connection: Connection, sent: Sent
) -> Float64[Tensor, "member targets sources"]:
    """|W| sd(a) of each wire, and of twins what is left of it."""
    name = connection.parameter
    spread = sent.spreads[name]
    flows = scored.strengths[name].cpu().double() * spread[:, None]
    return net(connection, flows, scored.weights[name], spread, sent.twins)


def _endings(scored: Scored) -> dict[str, Float64[Tensor, "member neuron 1"]]:
    """What begins at every neuron: 1 / n at each of n outputs that is no constant; by group."""
    sizes = {group.name: group.size for group in scored.wiring.groups}
    last = [group.name for group in scored.wiring.groups if group.role == "output"]
    found = {
        name: torch.zeros(scored.size, size, 1, dtype=torch.float64) for name, size in sizes.items()
    }
    count = sum(sizes[name] for name in last)
    varied = torch.ones(scored.size, count, 1, dtype=torch.float64)
    if count == len(scored.data.output_names):
        varied.scatter_(1, scored.ends("output")[..., None], _varied(scored)[..., None].double())
    parts = varied.split([sizes[name] for name in last], dim=1)
    return found | {name: part / count for name, part in zip(last, parts, strict=True)}


def _varied(scored: Scored) -> Bool[Tensor, "member output"]:
    """Which outputs vary over the test data, beside what is wanted of them."""
    outputs = scored.test_outputs.double().flatten(1, -2)
    return outputs.std(dim=1, correction=0) >= _CONSTANT * spread_of_targets(scored)


def spread_of_targets(scored: Scored) -> Float64[Tensor, " output"]:
    """The standard deviation of what is wanted of each output on the test data, classes as 0, 1."""
    targets, count = scored.data.test_targets.cpu(), len(scored.data.output_names)
    if targets.is_floating_point():
        wanted = targets.double().flatten(0, -2)
        known = ~wanted.isnan()
        wanted = wanted.nan_to_num()
    else:
        known = (targets >= 0).flatten()[:, None]
        wanted = torch.nn.functional.one_hot(targets.flatten().clamp(min=0), count).double()
    total = known.sum(dim=0).clamp(min=1)
    mean = (wanted * known).sum(dim=0) / total
    return ((wanted - mean).square() * known).sum(dim=0).div(total).sqrt()


def _joined(
    wiring: Wiring, connection: Connection, flows: Float64[Tensor, "member targets sources"]
) -> Float64[Tensor, "member target source"]:
    """Flows between neurons, folds added up."""
    target, source = (wiring.group(n).size for n in (connection.target, connection.source))
    shape = (len(flows), connection.target_folds, target, connection.source_folds, source)
    return flows.reshape(shape).sum(dim=(1, 3))


def _shares(
    wiring: Wiring, flows: Mapping[str, Float64[Tensor, "member target source"]]
) -> dict[str, Float64[Tensor, "member target source"]]:
    """What each source gives of all that flows into a neuron; 0 where nothing does."""
    found = {}
    for group in wiring.groups:
        into = wiring.into(group.name)
        if not into:
            continue
        total = sum_of([flows[c.parameter].sum(dim=2, keepdim=True) for c in into])
        for c in into:
            found[c.parameter] = torch.where(total == 0, 0.0, flows[c.parameter] / total)
    return found


def sum_of(parts: Sequence[Tensor]) -> Tensor:
    """The sum of tensors of one shape, in their order."""
    return torch.stack(tuple(parts)).sum(dim=0)


def _without_loops(
    connection: Connection, edges: Float64[np.ndarray, "target source"]
) -> Float64[np.ndarray, "target source"]:
    """Without the wires of neurons onto themselves, which no partition can cut."""
    if connection.source != connection.target:
        return edges
    return np.where(np.eye(len(edges), dtype=bool), 0.0, edges)


def _sizes_of_neurons(
    wiring: Wiring, edges: Mapping[str, Float64[np.ndarray, "target source"]]
) -> dict[str, Float64[np.ndarray, " neuron"]]:
    """The sum of the squares of every neuron's edges, group name -> [n], over sorted values.

    A neuron's sum is then the same bits at every place; edges themselves add up to the same at
    every output.
    """
    found = {}
    for group in wiring.groups:
        rows = [edges[c.parameter] for c in wiring.into(group.name)]
        rows += [edges[c.parameter].T for c in wiring.out_of(group.name)]
        values = np.concatenate([np.zeros((group.size, 1)), *rows], axis=1)
        found[group.name] = np.sort(np.square(values), axis=1).sum(axis=1)
    return found


def _wires(
    connection: Connection,
    edges: Float64[np.ndarray, "target source"],
    order: Mapping[str, Int64[np.ndarray, " _"]],
    begins: Mapping[str, int],
) -> Wires:
    """The edges between neurons in the given order, numbered from where their group begins."""
    living = edges[np.ix_(order[connection.target], order[connection.source])]
    targets, sources = np.nonzero(living)
    return Wires(
        sources=begins[connection.source] + sources,
        targets=begins[connection.target] + targets,
        weights=living[targets, sources],
        within=connection.source == connection.target,
    )
