"""Recipes: how modularity is encouraged, one file each, and what a configuration means on a task.

Importing this package registers the recipes that ship.
"""

from bimt_bench.engine import RECIPES

from bimt_bench.recipes import vanilla, l1, l1_local, l1_swap, bimt  # isort: skip (the order of tables)
from bimt_bench.recipes.resolving import check_fit, resolve, settings_for

__all__ = [
    "RECIPES",
    "bimt",
    "check_fit",
    "l1",
    "l1_local",
    "l1_swap",
    "resolve",
    "settings_for",
    "vanilla",
]
