"""bimt_bench: what modular interpretability costs, measured on populations of networks.

import bimt_bench

frame = bimt_bench.train("symbolic/independence", seeds=range(5))
frame = bimt_bench.sweep("quick")
table = bimt_bench.tradeoff(frame)
"""

__version__ = "0.1.0"

# The packages `sweep` and `tradeoff` share their names with two calls. Loaded first, they no
# longer replace them when somebody imports from the packages later.
import bimt_bench.sweep
import bimt_bench.tradeoff  # noqa: F401
from bimt_bench.api import sweep, tradeoff, train

__all__ = ["__version__", "sweep", "tradeoff", "train"]
