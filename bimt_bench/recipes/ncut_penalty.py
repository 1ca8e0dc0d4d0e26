"""A charge on the eigenvalues that say how well the network as a graph falls into parts.

A node is a neuron, the weight of an edge the magnitude of the connection (folds and both
directions added up, a weight of a neuron onto itself left out, as in the metrics). Neurons in
components that hold no input or no output are removed: what they do reaches nobody, and every
such component would add an eigenvalue 0.
"""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from bimt_bench.engine import RECIPES, Members, PenaltySettings, Recipe, RecipeSettings
from bimt_bench.ground import InputError
from bimt_bench.network import Wiring
from bimt_bench.spec import Positive, setting

# Tables have a multiple of so many rows, so that each member's begin at a cache line: what LAPACK
# gives a member must not depend, to the bit, on its place in the pack.
_ALIGNMENT = 16
_REMOVED = 3.0  # the eigenvalue of a removed neuron, above all others, which are at most 2
_TABLES = 10

Square = Float[Tensor, "n size size"]


class NcutPenaltySettings(PenaltySettings):
    """The strength and its phases, and how many parts are asked for."""

    eigenvalues: Positive = setting(
        3, "m, how many eigenvalues are charged: the second smallest and those after it"
    )


@RECIPES.register
class NcutPenalty(Recipe):
    """The mean of eigenvalues 2 to m + 1 of the normalised Laplacian; 0 for m + 1 parts."""

    name = "ncut_penalty"
    title = "N-cut penalty"
    equation = (
        "loss + strength lambda / m sum of eigenvalues 2 to m + 1 of I - D^-1/2 A D^-1/2, A = |w| "
        "of the whole network as an undirected graph, D its degrees"
    )
    source = "Filan et al., arXiv 2103.03386, and dfilan/clusterability_in_neural_networks"
    dial = "strength"

    class Settings(NcutPenaltySettings):
        """The strength and its phases, and how many parts are asked for."""

    def check(self, settings: RecipeSettings, wiring: Wiring) -> None:
        """InputError if there are not more neurons than eigenvalues."""
        assert isinstance(settings, NcutPenaltySettings)
        wanted, neurons = settings.eigenvalues, sum(group.size for group in wiring.groups)
        if wanted >= neurons:
            raise InputError(f"eigenvalues: {wanted} given; must be below {neurons}, the neurons")

    def penalty(self, m: Members, theta: Mapping[str, Tensor]) -> Float[Tensor, " n"]:
        """Strength times the mean of the eigenvalues."""
        wanted = m.settings.eigenvalues
        directed = adjacency(m.wiring, theta)
        reached = connected(m.wiring, directed.detach())
        total: Tensor = SmallEigenvalues.apply(directed, reached, wanted)  # pyright: ignore
        return m.strength * (total / wanted)

    def working_bytes(self, settings: RecipeSettings, wiring: Wiring) -> int:
        """Square tables of all neurons."""
        return _TABLES * 8 * _padded(sum(group.size for group in wiring.groups)) ** 2


def adjacency(wiring: Wiring, theta: Mapping[str, Tensor]) -> Square:
    """|w| from each neuron (column) to each (row), folds and windows added up, no loops; padded."""
    offsets, stop = {}, 0
    for group in wiring.groups:
        offsets[group.name], stop = slice(stop, stop + group.size), stop + group.size
    size, one = _padded(stop), next(iter(theta.values()))
    found = one.new_zeros(one.shape[0], size, size)
    for connection in wiring.connections:
        folds = (connection.target_folds, connection.source_folds)
        weight = theta[connection.parameter].abs()
        weight = weight if weight.dim() == 3 else weight.flatten(3).sum(dim=3)
        weight = weight.unflatten(2, (folds[1], -1)).unflatten(1, (folds[0], -1)).sum(dim=(1, 3))
        if connection.source == connection.target:
            weight = weight * (1.0 - torch.eye(weight.shape[1]).to(weight))
        rows, columns = offsets[connection.target], offsets[connection.source]
        found[:, rows, columns] = found[:, rows, columns] + weight
    return found


@torch.no_grad()
def connected(wiring: Wiring, directed: Square) -> Bool[Tensor, "n size"]:
    """Which neurons are in a component that holds an input and an output."""
    roles = [group.role for group in wiring.groups for _ in range(group.size)]
    joined = ((directed + directed.mT) > 0.0).to(directed)
    ends = []
    for role in ("input", "output"):
        reached = torch.zeros_like(directed[:, :, 0])
        reached[:, [place for place, other in enumerate(roles) if other == role]] = 1.0
        while True:
            # sums of zeros and ones tell who has a neighbour, in whatever order they are added
            more = ((joined * reached[:, None]).amax(dim=2) + reached).clamp_max(1.0)
            if torch.equal(more, reached):
                break
            reached = more
        ends.append((reached > 0.0) & (joined.amax(dim=2) > 0.0))
    return ends[0] & ends[1]


class SmallEigenvalues(Function):
    """The sum of eigenvalues 2 to m + 1 of the normalised Laplacian of |w| [n], and its gradient.

    With a unit eigenvector v of the value mu and u = D^-1/2 v,
    d mu / d A_ij = (1 - mu) (u_i^2 + u_j^2) - 2 u_i u_j, which does not depend on the gaps between
    eigenvalues: of equal values only the sum has a gradient, and the sum of theirs it is, however
    LAPACK turns the vectors. Who is removed is constant: a neuron comes off when its last edge
    does, and there the gradient is one-sided, as that of |w| is. Where there are fewer
    eigenvalues than m + 1, the missing ones count 0.
    """

    @staticmethod
    def forward(ctx: Any, directed: Tensor, reached: Tensor, wanted: int) -> Tensor:
        """`directed` [n, size, size], of those `reached` [n, size]; -> [n]."""
        weights = directed + directed.mT
        weights = weights * (reached[:, :, None] & reached[:, None])
        degrees = weights.sum(dim=2)
        roots = torch.where(reached, degrees, 1.0).rsqrt() * reached
        laplacian = -(weights * roots[:, :, None] * roots[:, None])
        laplacian.diagonal(dim1=1, dim2=2).add_(torch.where(reached, 1.0, _REMOVED).to(roots))
        values, vectors = _decomposed(laplacian)
        values, vectors = values[:, 1 : wanted + 1], vectors[:, :, 1 : wanted + 1]
        counts = reached.sum(dim=1, keepdim=True) - 1
        there = torch.arange(wanted, device=values.device) < counts
        ctx.save_for_backward(values, vectors * roots[:, :, None], there)
        return (values * there).sum(dim=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """The formula, added up over the values."""
        values, turned, there = ctx.saved_tensors
        total = torch.zeros_like(turned[:, :, :1] * turned[:, None, :, 0])
        for k in range(values.shape[1]):
            u = turned[:, :, k] * there[:, k, None]
            own = (1.0 - values[:, k, None]) * u.square()
            total += own[:, :, None] + own[:, None] - 2.0 * u[:, :, None] * u[:, None]
        return total * gradients[0][:, None, None], None, None


def _decomposed(laplacian: Square) -> tuple[Tensor, Tensor]:
    """Eigenvalues, rising, and vectors; NaN for members whose table has something that is none."""
    sound = torch.isfinite(laplacian).flatten(1).all(dim=1)
    identity = torch.eye(laplacian.shape[1]).to(laplacian)
    values, vectors = torch.linalg.eigh(torch.where(sound[:, None, None], laplacian, identity))
    return values.masked_fill(~sound[:, None], torch.nan), vectors


def _padded(neurons: int) -> int:
    return -(-neurons // _ALIGNMENT) * _ALIGNMENT
