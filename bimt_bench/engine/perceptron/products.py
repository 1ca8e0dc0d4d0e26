"""Matrix products of a step: in the parameters' own type, or rounded to bfloat16.

Under bfloat16 the factors of a product are rounded to eight significant bits and its terms are
added up in float32; parameters, moments, penalty and evaluation keep their type.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from bimt_bench.spec import Precision


@runtime_checkable
class Products(Protocol):
    """Products of T members at once."""

    def times(self, left: Tensor, right: Tensor, *, out: Tensor) -> Tensor:
        """left @ right: [T, a, b], [T, b, c] -> [T, a, c]."""
        ...

    def affine(self, bias: Tensor, weight: Tensor, below: Tensor, *, out: Tensor) -> Tensor:
        """weight @ below + bias: [T, a, b], [T, b, c], [T, a, 1] -> [T, a, c]."""
        ...


@dataclass(frozen=True)
class Full:
    """Products in the type of their factors."""

    def times(self, left: Tensor, right: Tensor, *, out: Tensor) -> Tensor:
        """left @ right."""
        return torch.bmm(left, right, out=out)

    def affine(self, bias: Tensor, weight: Tensor, below: Tensor, *, out: Tensor) -> Tensor:
        """weight @ below + bias."""
        return torch.baddbmm(bias, weight, below, out=out)


@dataclass(frozen=True)
class Rounded:
    """Products of factors rounded to bfloat16, handed on in the type of `out`."""

    def times(self, left: Tensor, right: Tensor, *, out: Tensor) -> Tensor:
        """left @ right."""
        return out.copy_(_rounded(left, right))

    def affine(self, bias: Tensor, weight: Tensor, below: Tensor, *, out: Tensor) -> Tensor:
        """weight @ below + bias."""
        return torch.add(_rounded(weight, below), bias, out=out)


def _rounded(left: Tensor, right: Tensor) -> Tensor:
    return torch.bmm(left.to(torch.bfloat16), right.to(torch.bfloat16))


def products_in(precision: Precision) -> Products:
    """The products of a precision."""
    return Rounded() if precision == "bfloat16" else Full()
