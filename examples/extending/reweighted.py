"""A recipe with state of its own: each connection pays by what it was, so that small ones go."""

from collections.abc import Iterable

from torch import Tensor

from bimt_bench.engine import RECIPES, Every, Members, PenaltySettings, Recipe, Table
from bimt_bench.spec import Positive, setting


@RECIPES.register
class Reweighted(Recipe):
    """L1 with a price for each connection, the lower the larger it has been of late."""

    name = "reweighted"
    title = "Reweighted L1"
    equation = "loss + strength lambda sum_w |w| softness / (mean |w| of late + softness)"
    source = "Candes, Wakin and Boyd 2008, J. Fourier Anal. Appl. 14"
    dial = "strength"
    tables = (Table("recent", per="parameter"),)  # travels with neurons that change places

    class Settings(PenaltySettings):
        softness: float = setting(0.1, "magnitude at which a weight pays half", log=True, gt=0.0)
        look_every: Positive = setting(50, "steps between looks at the weights", unit="steps")

    def start(self, m: Members) -> None:
        m.tables["recent"].copy_(m.flat.abs())

    def events(self, m: Members) -> Iterable[Every]:
        return [Every(m.settings.look_every, self._look)]

    def prices(self, m: Members) -> Tensor:
        soft = m["softness"][:, None]
        return m.at_strength(m.connections * soft / (m.tables["recent"] + soft))

    def _look(self, m: Members) -> None:
        m.tables["recent"].lerp_(m.flat.abs(), 0.5)
