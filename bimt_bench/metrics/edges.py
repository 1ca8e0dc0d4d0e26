"""Edges as igraph takes them."""

import igraph
import numpy as np
from jaxtyping import Int64


def graph_of_edges(nodes: int, edges: Int64[np.ndarray, "edge 2"]) -> igraph.GraphBase:
    """The graph of some edges, without attributes, in their order.

    GraphBase, for the methods of Graph wrap each result in an object that takes half as long
    again; and pairs one at a time, for it reads arrays slowly, and thousands of lists wake the
    collector of garbage: a third to a tenth of the time.
    """
    return igraph.GraphBase(nodes, zip(*edges.T.tolist(), strict=True))
