"""A charge on every weight, wherever it runs."""

from collections.abc import Iterable

from jaxtyping import Float
from torch import Tensor

from bimt_bench.engine import RECIPES, Members, Recipe
from bimt_bench.recipes.connection import WireSettings, bias_edges, wire_prices


@RECIPES.register
class L1(Recipe):
    """The connection cost at A = 0."""

    name = "l1"
    title = "L1"
    equation = "loss + strength lambda sum_layers reduce(l0 |theta|)"
    source = "arXiv 2305.08746, sections 2 and 4"
    dial = "strength"

    class Settings(WireSettings):
        """What a connection costs wherever it runs."""

    def prices(self, m: Members) -> Float[Tensor, "n N"]:
        """l0 for every parameter."""
        return wire_prices(m)

    def edges(self, m: Members) -> Iterable[int]:
        """Where biases begin to count."""
        return bias_edges(m)
