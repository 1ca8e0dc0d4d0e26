"""Configurations of any recipe."""

from bimt_bench import recipes
from bimt_bench.spec import Configuration


def configuration(recipe: str, **settings: object) -> Configuration:
    """A recipe with those of the settings that it has."""
    known = recipes.settings_for(recipes.RECIPES[recipe])
    return Configuration(recipe=recipe, **{k: v for k, v in settings.items() if k in known})
