"""How much what every neuron sends on varies over the data: what its wires carry.

Of an input neuron that is what it is given, times and pixels as samples of their row; of the
dimension of an embedding, the numbers that stand for the tokens of the data. Where a connection
reads each token of a sample through a fold of its own, each fold has the tokens of its place.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

from bimt_bench.metrics.base import Questions, Scored, once
from bimt_bench.metrics.twins import Twins, twins_among
from bimt_bench.network import Group

_ROWS = 500

# Of the root of the mean square: what varies less is a constant, but for float32's rounding.
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class Sent:
    """What neurons send, on at most 500 fixed test rows.

    spreads: connection parameter -> [P, source_folds * source], its standard deviation, folds end
    to end; 0 for a constant, 1 for inputs of which the data do not say what they are given. twins:
    hidden group -> its neurons that send the same.
    """

    spreads: dict[str, Float64[Tensor, "member sources"]]
    twins: dict[str, list[Twins]]


@once
@torch.no_grad()
def sent_in(scored: Scored) -> Sent:
    """What the sources of each connection send."""
    questions = scored.probe(_ROWS)
    active = _activations(questions)
    hidden = {name: _spread(seen) for name, seen in active.items()}
    twins = {name: twins_among(seen, hidden[name]) for name, seen in active.items()}
    found = {}
    for connection in scored.wiring.connections:
        group = scored.wiring.group(connection.source)
        if group.role == "input":
            sent = _of_inputs(questions, group, connection.source_folds)
        else:
            sent = hidden[group.name].repeat(1, connection.source_folds)
        found[connection.parameter] = sent
    return Sent(found, twins)


def _activations(questions: Questions) -> dict[str, Float64[Tensor, "member sample neuron"]]:
    """What hidden neurons send on, computed in float64.

    So it hangs on the weights and not on how products of float32 round, in a pack or alone:
    what is drawn later turns on the last bits.
    """
    population = questions.scored.population
    architecture = population.architecture
    parameters = {name: one.detach().double() for name, one in population.parameters.items()}
    found: dict[str, list[Tensor]] = {}
    for inputs in questions.inputs.split(questions.scored.rows):
        given = inputs.double() if inputs.is_floating_point() else inputs
        seen: dict[str, Tensor] = {}
        batch = architecture.prepare(given)
        architecture.forward(parameters, batch, population.positions, seen=seen)
        for name, active in seen.items():
            found.setdefault(name, []).append(active.mT.cpu())
    return {name: torch.cat(parts, dim=1) for name, parts in found.items()}


def _spread(values: Float64[Tensor, "... sample neuron"]) -> Float64[Tensor, "... neuron"]:
    spread = values.std(dim=-2, correction=0)
    size = values.square().mean(dim=-2).sqrt()
    return torch.where(spread <= _ROUNDING * size, 0.0, spread)


def _of_inputs(questions: Questions, group: Group, folds: int) -> Float64[Tensor, "member sources"]:
    scored = questions.scored
    if scored.data.tokens is not None:
        return _of_tokens(questions, group, folds)
    given = _given(questions, group)
    if given is None:
        return torch.ones(scored.size, folds * group.size, dtype=torch.float64)
    spread = _spread(given).expand(scored.size, -1)
    labels = scored.population.labels.get(group.name)
    placed = spread if labels is None else spread.gather(1, labels.cpu())
    return placed.repeat(1, folds)


def _given(questions: Questions, group: Group) -> Float64[Tensor, "sample neuron"] | None:
    """What the neurons of an input group are given, by feature; None where nobody can say.

    Features lie on the last axis; where there are more of them than input neurons, as in
    images, every neuron has as many in a row.
    """
    before, neurons = 0, 0
    for one in questions.scored.wiring.groups:
        if one.role == "input":
            before = neurons if one.name == group.name else before
            neurons += one.size
    inputs = questions.inputs.cpu().double()
    features = inputs.shape[-1]
    if features % neurons:
        return None
    by_neuron = inputs.reshape(-1, neurons, features // neurons).mT.reshape(-1, neurons)
    return by_neuron[:, before : before + group.size]


def _of_tokens(questions: Questions, group: Group, folds: int) -> Float64[Tensor, "member sources"]:
    """The spread of each dimension of an input group's embedding, over the tokens of each fold."""
    scored, tokens = questions.scored, questions.inputs.cpu()
    table = torch.zeros(scored.size, scored.data.tokens or 0, group.size, dtype=torch.float64)
    found = False
    for one in scored.wiring.attached_to(group.name):
        values = scored.population.parameters[one.parameter].detach().cpu().double()
        if one.kind == "embedding" and values.dim() == 3:
            values = values.movedim(one.axis, 2)
            if values.shape == table.shape:
                table, found = table + values, True
    if not found:
        return torch.ones(scored.size, folds * group.size, dtype=torch.float64)
    apart = tokens.shape[1:] == (folds,)
    places = tokens.unbind(1) if apart else [tokens.flatten()] * folds
    return torch.cat([_spread(table[:, place]) for place in places], dim=1)
