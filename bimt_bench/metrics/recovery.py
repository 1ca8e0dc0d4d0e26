"""Structure: do a member's hidden neurons form the modules that the task's formulas have?"""

import math

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from bimt_bench.data import GroundTruth
from bimt_bench.metrics import needs
from bimt_bench.metrics.agreement import adjusted_mutual_information
from bimt_bench.metrics.base import PerMember, Questions, Scored, once
from bimt_bench.metrics.contract import metric
from bimt_bench.metrics.graph import NEGLIGIBLE
from bimt_bench.metrics.paths import path_strengths
from bimt_bench.network import Role

_SERVES = 0.1  # of the path strength that the strongest neuron of the group has to an output
_ROWS = 2000


@metric(
    title="Module recovery",
    family="structure",
    direction="higher",
    low=-1.0,
    high=1.0,
    unit="adjusted mutual information",
    source=(
        "AMI of the component each hidden neuron serves and the one it reads, by the "
        "greatest sum over paths of prod |W|"
    ),
    untrained="near 0: -0.02 to 0.17",
    need=needs.COMPONENT_NEURONS,
)
def module_recovery(scored: Scored) -> PerMember:
    """AMI of what living hidden neurons serve and what they read, by formula component.

    A neuron serves (reads) the component of the output (input) to which it has the greatest path
    strength, the sum over paths of prod |W|. Adjusted mutual information (Vinh et al., JMLR 11,
    2010) is 1 if both labels agree, 0 if they agree as by chance. 0 if only one component is
    served or read at all: nothing is told apart. NaN without a living hidden neuron.
    """
    components = _truth(scored).components
    serves, reads = _best(scored, "output"), _best(scored, "input")
    alive = _alive(scored)
    values = np.full(scored.size, math.nan)
    for member in np.flatnonzero(alive.any(dim=1).numpy()):
        living = alive[member]
        served = components.outputs[serves[member][living].numpy()]
        read = components.inputs[reads[member][living].numpy()]
        apart = min(len(np.unique(served)), len(np.unique(read))) > 1
        values[member] = adjusted_mutual_information(read, served) if apart else 0.0
    return np.clip(values, -1.0, 1.0)


@metric(
    title="Sharing recovery",
    family="structure",
    direction="higher",
    low=0.0,
    high=1.0,
    unit="absolute correlation",
    source=(
        "mean over shared sub-expressions e of max |corr(activation, e)| over neurons that "
        "serve all outputs that contain e"
    ),
    untrained="0.16 to 0.30 on feature sharing",
    need=needs.SHARED_NEURONS,
)
def sharing_recovery(scored: Scored) -> PerMember:
    """Mean over shared sub-expressions of the best |correlation| with a neuron that serves them.

    A sub-expression e that the formulas of several outputs contain should be computed once: among
    the hidden neurons with a path strength of at least a tenth of their group's largest to every
    one of those outputs, the greatest |corr(activation, e)| over the test data; 0 if there are
    none. NaN where a path strength or an activation is not finite, and where hidden neurons are not
    active once for every point of the data.
    """
    truth = _truth(scored)
    raw, targets = scored.data.test_inputs[:_ROWS], scored.data.test_targets[:_ROWS]
    points = raw.double().cpu().numpy().reshape(-1, raw.shape[-1])
    hidden = _activations(scored.ask(raw, targets), len(points))
    if hidden is None:
        return np.full(scored.size, math.nan)
    serves = _serves(scored)
    best = []
    for part in truth.shared:
        match = _correlations(hidden, truth.values(part.expression, points))
        serving = serves[:, :, list(part.outputs)].all(dim=2)
        best.append(torch.where(serving, match, 0.0).amax(dim=1))
    values = torch.stack(best).mean(dim=0)
    read = (hidden, _strengths(scored, "output"))
    finite = torch.stack([r.isfinite().flatten(1).all(dim=1) for r in read]).all(dim=0)
    return torch.where(finite, values, torch.nan).numpy()


def _truth(scored: Scored) -> GroundTruth:
    if scored.data.truth is None:
        raise ValueError(f"structure: task '{scored.task.name}' has no ground truth")
    return scored.data.truth


def _hidden(scored: Scored) -> list[str]:
    return [group.name for group in scored.wiring.groups if group.role == "hidden"]


def _strengths(scored: Scored, role: Role) -> Float64[Tensor, "member hidden end"]:
    """Path strengths between hidden neurons and inputs or outputs, in the task's order."""
    return _both_strengths(scored)[role]


@once
def _both_strengths(scored: Scored) -> dict[Role, Tensor]:
    found: dict[Role, Tensor] = {}
    roles: tuple[Role, Role] = ("input", "output")
    for role in roles:
        reach = path_strengths(scored.wiring, scored.strengths, role)
        by_position = torch.cat([reach[name] for name in _hidden(scored)], dim=1)
        index = scored.ends(role)[:, None, :].expand_as(by_position)
        found[role] = by_position.gather(2, index)
    return found


def _best(scored: Scored, role: Role) -> Int64[Tensor, "member hidden"]:
    return _strengths(scored, role).argmax(dim=2)


def _alive(scored: Scored) -> Bool[Tensor, "member hidden"]:
    """Hidden neurons whose paths from inputs to outputs are not negligible beside the strongest."""
    through = _strengths(scored, "input").sum(dim=2) * _strengths(scored, "output").sum(dim=2)
    return through > NEGLIGIBLE * through.amax(dim=1, keepdim=True)


def _serves(scored: Scored) -> Bool[Tensor, "member hidden output"]:
    """Whether a neuron's path strength to an output is a tenth of its group's largest."""
    sizes = [scored.wiring.group(name).size for name in _hidden(scored)]
    parts = _strengths(scored, "output").split(sizes, dim=1)
    return torch.cat([(p > 0) & (p >= _SERVES * p.amax(dim=1, keepdim=True)) for p in parts], dim=1)


def _activations(
    questions: Questions, points: int
) -> Float64[Tensor, "member point hidden"] | None:
    """What hidden neurons send on; None if that is not once for every point."""
    seen = questions.activations()
    hidden = [seen[name].double() for name in _hidden(questions.scored)]
    return torch.cat(hidden, dim=2) if all(h.shape[1] == points for h in hidden) else None


def _correlations(
    hidden: Float64[Tensor, "member row hidden"], values: Float64[np.ndarray, " row"]
) -> Float64[Tensor, "member hidden"]:
    """|Pearson correlation| of every neuron with the values; 0 where either is constant."""
    wanted = torch.from_numpy(values - values.mean())
    found = []
    for (
        own
    ) in hidden:  # one by one: a sum over the rows of all rounds by how many members there are
        centred = own - own.mean(dim=0, keepdim=True)
        scale = centred.square().sum(dim=0).sqrt() * wanted.square().sum().sqrt()
        joint = (wanted @ centred).abs()
        found.append(torch.where(scale > 1e-12, joint / scale, 0.0).clamp(max=1.0))
    return torch.stack(found)
