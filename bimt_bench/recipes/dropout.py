"""Hidden activations are silent at random in training, so that no neuron can rely on another."""

from jaxtyping import Float
from torch import Tensor

from bimt_bench.engine import RECIPES, Members, Recipe, RecipeSettings
from bimt_bench.spec import setting


@RECIPES.register
class Dropout(Recipe):
    """An activation is 0 with probability `rate`, else divided by 1 - rate; in training only."""

    name = "dropout"
    title = "Dropout"
    equation = "loss with every hidden activation times mask / (1 - rate), P(mask = 0) = rate"
    source = "Srivastava et al. 2014; as a rival in Filan et al., arXiv 2103.03386"
    dial = "rate"

    class Settings(RecipeSettings):
        """How much is silent."""

        rate: float = setting(0.5, "share of hidden activations that are silent", ge=0.0, lt=1.0)

    def noise(
        self, m: Members, group: str, active: Float[Tensor, "n size batch"]
    ) -> Float[Tensor, "n size batch"]:
        """0 or 1 / (1 - rate)."""
        return m.mask(f"dropout {group}", active.shape[1:], m["rate"])
