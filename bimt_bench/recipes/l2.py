"""A charge on the square of every weight: weights become small, but hardly one becomes zero."""

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor

from bimt_bench.engine import RECIPES, Members, PenaltySettings, Recipe


@RECIPES.register
class L2(Recipe):
    """The squares of all weights of connections, as a penalty and not as decoupled decay.

    Embeddings count: an embedding is the weight matrix of a layer that reads one-hot tokens, and
    were it free, the network could halve its weights and double its embedding at no charge. Biases
    do not, as in the source, which charges the kernels of layers only.
    """

    name = "l2"
    title = "L2"
    equation = "loss + strength lambda sum_layers sum W^2"
    source = "Filan et al., arXiv 2103.03386"
    dial = "strength"

    class Settings(PenaltySettings):
        """The strength and its phases."""

    def penalty(self, m: Members, theta: Mapping[str, Tensor]) -> Float[Tensor, " n"]:
        """Strength times the sum of squares."""
        charged = [c.parameter for c in m.wiring.connections]
        charged += [a.parameter for a in m.wiring.attachments if a.kind == "embedding"]
        squares = [_total(theta[name] * theta[name]) for name in charged]
        return m.strength * sum(squares[1:], start=squares[0])


def _total(values: Tensor) -> Float[Tensor, " n"]:
    return values.sum(dim=tuple(range(1, values.dim())))
