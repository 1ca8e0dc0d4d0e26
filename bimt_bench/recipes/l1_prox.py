"""The connection cost by proximal steps: true zeros where its gradient leaves small weights.

Prices and settings are those of the recipes that charge by the gradient. After each update of the
loss alone, theta = sign(theta) max(|theta| - learning rate * price, 0).
"""

from bimt_bench.engine import RECIPES
from bimt_bench.recipes.bimt import Bimt
from bimt_bench.recipes.l1 import L1
from bimt_bench.recipes.l1_local import L1Local

_STEP = "theta = sign(theta) max(|theta| - learning_rate strength lambda"
_SOURCE = "Parikh and Boyd 2014, Proximal Algorithms, section 6.5.2; prices of arXiv 2305.08746"


@RECIPES.register
class L1Prox(L1):
    """The connection cost at A = 0."""

    name = "l1_prox"
    title = "L1 (proximal)"
    equation = f"loss; after each update {_STEP} l0, 0)"
    source = _SOURCE
    charge = "shrink"


@RECIPES.register
class L1ProxLocal(L1Local):
    """The connection cost, without relocation."""

    name = "l1_prox_local"
    title = "L1 + locality (proximal)"
    equation = f"loss; after each update {_STEP} (A d + l0), 0)"
    source = _SOURCE
    charge = "shrink"


@RECIPES.register
class L1ProxBimt(Bimt):
    """The connection cost, and relocation."""

    name = "l1_prox_bimt"
    title = "BIMT (proximal)"
    equation = f"loss; after each update {_STEP} (A d + l0), 0); relocation every n steps"
    source = _SOURCE
    charge = "shrink"
