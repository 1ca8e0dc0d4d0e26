"""Recipes: how modularity is encouraged, one file each, and what a configuration means on a task.

Importing this package registers the recipes that ship.
"""

from bimt_bench.engine import RECIPES

# in the order of tables
from bimt_bench.recipes import vanilla  # isort: skip
from bimt_bench.recipes import l1  # isort: skip
from bimt_bench.recipes import l1_local  # isort: skip
from bimt_bench.recipes import l1_swap  # isort: skip
from bimt_bench.recipes import bimt  # isort: skip
from bimt_bench.recipes import l2  # isort: skip
from bimt_bench.recipes import l1_prox  # isort: skip
from bimt_bench.recipes import group_lasso  # isort: skip
from bimt_bench.recipes import pruning  # isort: skip
from bimt_bench.recipes import dropout  # isort: skip
from bimt_bench.recipes import ncut_penalty  # isort: skip
from bimt_bench.recipes.resolving import check_fit, resolve, settings_for, sources_of
from bimt_bench.recipes.words import differing, said, short

__all__ = [
    "RECIPES",
    "bimt",
    "check_fit",
    "differing",
    "dropout",
    "group_lasso",
    "l1",
    "l1_local",
    "l1_prox",
    "l1_swap",
    "l2",
    "ncut_penalty",
    "pruning",
    "resolve",
    "said",
    "settings_for",
    "short",
    "sources_of",
    "vanilla",
]
