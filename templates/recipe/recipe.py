"""Template name: how modularity is encouraged. See docs/extending.md, 'A recipe'."""

from bimt_bench.engine import RECIPES, Members, PenaltySettings, Recipe
from bimt_bench.spec import setting


@RECIPES.register
class TemplateName(Recipe):
    """A charge that saturates: small weights pay by their square, large ones all pay the same."""

    name = "template_name"  # what commands and files call it
    title = "Template name"  # what tables and legends print
    equation = "loss + strength lambda sum_w w^2 / (w^2 + width^2)"
    source = "Geman and McClure 1987"
    dial = "strength"  # the setting that moves along its trade-off curve

    class Settings(PenaltySettings):  # has `strength` and its `phases`
        width: float = setting(0.1, "magnitude of a weight that pays half", log=True, gt=0.0)

    def penalty(self, m: Members, theta):
        squares = [theta[c.parameter].flatten(1).square() for c in m.wiring.connections]
        half = m["width"][:, None].square()
        return m.strength * sum((square / (square + half)).sum(dim=1) for square in squares)
