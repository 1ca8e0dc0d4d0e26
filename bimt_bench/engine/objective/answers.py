"""Answers that a task asks for, some of which may be missing: means over those that are there.

Numbers are [outputs, B] or [outputs, B, T], NaN where there is no answer; classes [B] or [B, T],
below 0 where there is none.
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def columns(targets: Tensor, dtype: torch.dtype) -> Tensor:
    """A task's targets with the samples last: numbers [B(, T), outputs] -> [outputs, B(, T)]."""
    return targets.movedim(-1, 0).to(dtype) if targets.is_floating_point() else targets


def answered(targets: Tensor) -> Bool[Tensor, "*shape"]:
    """Where there is an answer."""
    return ~torch.isnan(targets) if targets.is_floating_point() else targets >= 0


def all_answered(targets: Tensor) -> bool:
    """Whether all answers are seen to be there; never of an accelerator, which must not wait."""
    return targets.device.type == "cpu" and bool(answered(targets).all())


def of_answers(
    each: Callable[[Tensor], Tensor], targets: Tensor, *, partial: bool | None = None
) -> tuple[Tensor, Tensor | None]:
    """`each` of the targets, [P, ...], and where there is an answer, [...]; None: everywhere.

    What is no answer is filled in for `each` and zero afterwards. `partial` says whether there may
    be such; absent: see `all_answered`.
    """
    if not partial and (partial is False or all_answered(targets)):
        return each(targets), None
    known = answered(targets)
    found = each(_filled(targets, known))
    if known.dim() == found.dim():  # one value for all outputs together
        known = known.all(dim=0)
    return torch.where(known, found, torch.zeros_like(found)), known


def mean(each: Tensor, known: Tensor | None) -> Float[Tensor, " member"]:
    """The mean over all answers of each member, 0 if there are none."""
    axes = tuple(range(1, each.dim()))
    if known is None:
        return each.mean(dim=axes)
    return each.sum(dim=axes) / known.sum().clamp(min=1)


def row_means(each: Tensor, known: Tensor | None, *, time: bool) -> Float[Tensor, "member sample"]:
    """Each sample's part: the mean over samples is that over all answers."""
    batch = each.dim() - (2 if time else 1)
    rows = each.movedim(batch, 1).reshape(len(each), each.shape[batch], -1)
    if known is None:
        return rows.mean(dim=2)
    return rows.sum(dim=2) * rows.shape[1] / known.sum().clamp(min=1)


def _filled(targets: Tensor, known: Tensor) -> Tensor:
    """Class 0, or an output's mean, where there is no answer: `each` must stay finite there."""
    if not targets.is_floating_point():
        return targets.clamp(min=0)
    flat = targets.flatten(1)
    usual = flat.nanmean(dim=1).nan_to_num(nan=0.0)
    return torch.where(known, targets, usual.view(-1, *[1] * (targets.dim() - 1)))
