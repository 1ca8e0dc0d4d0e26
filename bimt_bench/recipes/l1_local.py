"""A charge on every weight that grows with its length."""

from collections.abc import Iterable

from jaxtyping import Float
from torch import Tensor

from bimt_bench.engine import RECIPES, Members, Recipe
from bimt_bench.network import Wiring
from bimt_bench.recipes.connection import LocalWireSettings, bias_edges, check_groups, wire_prices


@RECIPES.register
class L1Local(Recipe):
    """The connection cost, without relocation."""

    name = "l1_local"
    title = "L1 + locality"
    equation = "loss + strength lambda sum_layers reduce((A d + l0) |w|) + reduce(l0 |b|)"
    source = "arXiv 2305.08746, equation 2, sections 2 and 4"
    dial = "strength"

    class Settings(LocalWireSettings):
        """What a connection costs for the way it runs."""

    def check(self, settings: Settings, wiring: Wiring) -> None:
        """Every group that is named must be there."""
        check_groups(settings, wiring)

    def prices(self, m: Members) -> Float[Tensor, "n N"]:
        """A d + l0 for every connection."""
        return wire_prices(m, m["locality"])

    def edges(self, m: Members) -> Iterable[int]:
        """Where biases begin to count."""
        return bias_edges(m)
