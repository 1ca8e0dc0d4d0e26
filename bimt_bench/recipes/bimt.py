"""Brain-Inspired Modular Training: long wires cost more, and neurons swap to shorten them."""

from collections.abc import Iterable

from jaxtyping import Float
from torch import Tensor

from bimt_bench.engine import RECIPES, Every, Members, Recipe
from bimt_bench.network import Wiring
from bimt_bench.recipes.connection import (
    LocalWireSettings,
    RelocationSettings,
    bias_edges,
    check_groups,
    swaps,
    wire_prices,
)


@RECIPES.register
class Bimt(Recipe):
    """The connection cost and relocation (Liu, Gan and Tegmark)."""

    name = "bimt"
    title = "BIMT"
    equation = (
        "loss + strength lambda sum_layers reduce((A d + l0) |w|) + reduce(l0 |b|); "
        "relocation every n steps"
    )
    source = "arXiv 2305.08746, equation 2, sections 2 and 4"
    dial = "strength"

    class Settings(LocalWireSettings, RelocationSettings):
        """What a connection costs for the way it runs, and how neurons swap."""

    def check(self, settings: Settings, wiring: Wiring) -> None:
        """Every group that is named must be there."""
        check_groups(settings, wiring)

    def prices(self, m: Members) -> Float[Tensor, "n N"]:
        """A d + l0 for every connection."""
        return wire_prices(m, m["locality"])

    def edges(self, m: Members) -> Iterable[int]:
        """Where biases begin to count."""
        return bias_edges(m)

    def events(self, m: Members) -> Iterable[Every]:
        """Relocation."""
        return swaps(m)
