"""L1, and neurons swap places."""

from collections.abc import Iterable

from jaxtyping import Float
from torch import Tensor

from bimt_bench.engine import RECIPES, Every, Members, Recipe
from bimt_bench.recipes.connection import (
    RelocationSettings,
    WireSettings,
    bias_edges,
    swaps,
    wire_prices,
)


@RECIPES.register
class L1Swap(Recipe):
    """The connection cost at A = 0 in the loss, and relocation by distance."""

    name = "l1_swap"
    title = "L1 + swap"
    equation = "loss + strength lambda sum_layers reduce(l0 |theta|); relocation every n steps"
    source = "arXiv 2305.08746, sections 2 and 4"
    dial = "strength"

    class Settings(WireSettings, RelocationSettings):
        """What a connection costs wherever it runs, and how neurons swap."""

    def prices(self, m: Members) -> Float[Tensor, "n N"]:
        """l0 for every parameter."""
        return wire_prices(m)

    def edges(self, m: Members) -> Iterable[int]:
        """Where biases begin to count."""
        return bias_edges(m)

    def events(self, m: Members) -> Iterable[Every]:
        """Relocation."""
        return swaps(m)
