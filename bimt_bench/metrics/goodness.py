"""How good answers are, how much worse a circuit's may be, and what a constant answer is worth.

Quality is the share of right answers where the task is measured by one (accuracy), else minus the
test loss. A member that answers no better than a constant has no function: a circuit of no
connections would do, and what its lesions cost says nothing.
"""

import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from bimt_bench.engine import TaskMeasure
from bimt_bench.metrics.base import Scored, once
from bimt_bench.metrics.losses import row_losses

ROWS = 2000
_LOSS_SLACK = 0.05
_ACCURACY_SLACK = 0.01


def by_share(scored: Scored) -> bool:
    """Whether quality is the share of right answers; it is minus the loss otherwise."""
    return TaskMeasure.of(scored.task.performance).kind.shares


def goodness(scored: Scored, outputs: Tensor, wanted: Tensor) -> Float64[Tensor, " member"]:
    """The number of right answers, or minus the sum of the losses, of outputs [P, B, outputs]."""
    if by_share(scored):
        right = TaskMeasure.of(scored.task.performance).rows(outputs.movedim(-1, 1), wanted)
        finite = outputs.isfinite().flatten(2).all(dim=2)
        return torch.where(finite, right, torch.nan).sum(dim=1)
    return -row_losses(scored.task, outputs, wanted).sum(dim=1)


def slack(scored: Scored, full: Float64[Tensor, " member"]) -> Float64[Tensor, " member"]:
    """How much worse than the full network a circuit may be."""
    if by_share(scored):
        return torch.full_like(full, _ACCURACY_SLACK + 1e-12)
    return _LOSS_SLACK * full.abs()


@once
@torch.no_grad()
def functionless(scored: Scored) -> Bool[Tensor, " member"]:
    """Whether a constant answer is good enough in the place of a member.

    Good enough for a circuit of it, on the rows that circuits are tried on: at most 5 % more
    loss, or 1 point of accuracy less. False where an output is not finite.
    """
    total, count = torch.zeros(scored.size, dtype=torch.float64), 0
    for outputs, wanted in scored.probe(ROWS).chunks():
        total += goodness(scored, outputs, wanted)
        count += len(wanted)
    full = total / count
    return full - slack(scored, full) <= best_constant(scored)


@once
@torch.no_grad()
def state(scored: Scored) -> tuple[str | None, ...]:
    """What is odd about each member, in words, that leaves metrics undefined; None if nothing."""
    weights = [one.cpu().flatten(1) for one in scored.strengths.values()]
    empty = torch.stack([(one == 0).all(dim=1) for one in weights]).all(dim=0)
    finite = torch.stack([one.isfinite().all(dim=1) for one in weights]).all(dim=0)
    answers = scored.probe(ROWS).answered()[0].flatten(1, -2)
    whole = answers.isfinite().flatten(1).all(dim=1)
    same = (answers == answers[:, :1]).flatten(1).all(dim=1)
    return tuple(
        next((text for text, holds in zip(_ODD, each, strict=True) if holds), None)
        for each in zip(~finite, ~whole, empty, same, strict=True)
    )


_ODD = (
    "a weight is not finite",
    "an output is not finite",
    "it is empty: all its weights are 0",
    "it has collapsed: its outputs never vary",
)


def without_function(scored: Scored) -> tuple[str | None, ...]:
    """Why a member has no function, in words; None for one that has."""
    no_better = functionless(scored).tolist()
    return tuple(
        odd or ("it has no function: a constant answer is as good" if idle else None)
        for odd, idle in zip(state(scored), no_better, strict=True)
    )


def best_constant(scored: Scored) -> float:
    """The quality of the best constant answer to those rows.

    Of numbers the mean and the median are tried, of classes the most frequent and the frequencies
    of all, as they are and as their logarithms.
    """
    wanted = scored.probe(ROWS).targets
    outputs = torch.stack(
        [
            one.expand(*wanted.shape[: 2 if scored.data.has_steps else 1], -1)
            for one in _constants(wanted, len(scored.data.output_names))
        ]
    )
    found = goodness(scored, outputs, wanted) / len(wanted)
    return float(found.nan_to_num(nan=-torch.inf).max())


def _constants(wanted: Tensor, outputs: int) -> tuple[Float64[Tensor, " output"], ...]:
    if wanted.is_floating_point():
        rows = wanted.double().flatten(0, -2)
        return rows.nanmean(dim=0), rows.nanmedian(dim=0).values
    counts = wanted[wanted >= 0].bincount(minlength=outputs)[:outputs].double()
    shares = counts / counts.sum()
    most = torch.nn.functional.one_hot(counts.argmax(), outputs).double()
    return most, shares, shares.clamp(min=1e-12).log()
