"""Adjusted mutual information of two clusterings, as scikit-learn has it but for its checks.

Those of its arguments take longer than the figure of some hundred neurons.
"""

import math

import numpy as np
from jaxtyping import Int, Int64
from sklearn.metrics.cluster import expected_mutual_information

_EPSILON = float(np.finfo(np.float64).eps)


def adjusted_mutual_information(
    one: Int[np.ndarray, " item"], other: Int[np.ndarray, " item"]
) -> float:
    """(MI - E MI) / ((H(one) + H(other)) / 2 - E MI), after Vinh, Epps and Bailey (JMLR 11, 2837).

    The bits of `sklearn.metrics.adjusted_mutual_info_score`: its sums run in this order.
    """
    first, second = (np.unique(of, return_inverse=True)[1] for of in (one, other))
    rows, columns = (int(of.max(initial=-1)) + 1 for of in (first, second))
    if rows == columns and rows < 2:
        return 1.0
    if rows == 1 or columns == 1:
        return 0.0
    cells = np.bincount(first * columns + second, minlength=rows * columns)
    counts = cells.reshape(rows, columns).astype(np.int64)
    expected = expected_mutual_information(counts, len(first))
    mean = np.mean([_entropy(counts.sum(axis=axis)) for axis in (1, 0)])
    return float(_away(_mutual(counts) - expected) / _away(mean - expected))


def _mutual(counts: Int64[np.ndarray, "row column"]) -> float:
    row, column = np.nonzero(counts)
    there, total = counts[row, column], counts.sum()
    rows, columns = counts.sum(axis=1), counts.sum(axis=0)
    share, log = there / total, math.log(total)
    outer = -np.log(rows[row] * columns[column]) + log + log
    found = share * (np.log(there) - log) + share * outer
    return float(np.clip(np.where(np.abs(found) < _EPSILON, 0.0, found).sum(), 0.0, None))


def _entropy(counts: Int64[np.ndarray, " cluster"]) -> float:
    total = np.sum(counts)
    return float(-np.sum((counts / total) * (np.log(counts) - math.log(total))))


def _away(value: float) -> float:
    """Not nearer to 0 than rounding: a perfect match is 1, not 0 / 0."""
    return min(value, -_EPSILON) if value < 0 else max(value, _EPSILON)
