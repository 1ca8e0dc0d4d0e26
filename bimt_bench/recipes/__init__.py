"""Recipes: how modularity is encouraged, and what a configuration means on a task."""

from bimt_bench.recipes.resolving import RECIPES, Recipe, recipe, resolve

__all__ = ["RECIPES", "Recipe", "recipe", "resolve"]
