"""bimt_bench: what modular interpretability costs, measured on populations of networks.

import bimt_bench

results = bimt_bench.train("symbolic/independence", seeds=range(5))
results = bimt_bench.load("runs/quick-...")        # or bimt_bench.sweep("quick")
results.frame; results.curves.plot(); results.tradeoff("symbolic/independence").plot()
net = results.best("symbolic/independence"); net.draw(); net.metrics()
"""

from typing import TYPE_CHECKING

from bimt_bench.ground import __version__

if TYPE_CHECKING:
    from bimt_bench.api import load, load_network, sweep, sync, tradeoff, train

__all__ = ["__version__", "load", "load_network", "sweep", "sync", "tradeoff", "train"]


def __getattr__(name: str) -> object:
    """The calls, loaded when first used: torch takes seconds, and workers need none of them."""
    if name in __all__:
        from bimt_bench import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
