"""The task loss alone: what every other recipe is compared with."""

from bimt_bench.engine import RECIPES, Recipe


@RECIPES.register
class Vanilla(Recipe):
    """No penalty and no relocation."""

    name = "vanilla"
    title = "Vanilla"
    equation = "loss"
    source = "arXiv 2305.08746, section 2"
    baseline = True
