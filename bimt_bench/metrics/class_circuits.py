"""Circuits of single outputs or classes: how few connections compute one of them.

Connections are ranked by the path strength that runs through them to the output: that of their
source's paths from inputs, times |w|, times that of their target's paths to the output. A member
whose outputs share nothing needs only a part of its whole circuit for each.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from bimt_bench.metrics import needs
from bimt_bench.metrics.base import PerMember, Questions, Scored, per_member
from bimt_bench.metrics.circuits import fewest, places, pruned
from bimt_bench.metrics.contract import metric
from bimt_bench.metrics.goodness import functionless, goodness, slack, without_function
from bimt_bench.metrics.paths import path_strengths

_ROWS = 500
_GRID = 8  # kept shares, evenly spaced on a logarithmic scale
_OUTPUTS = 5  # at most: evenly spaced among all


@dataclass(frozen=True, eq=False)
class _Exam:
    """What a circuit of one output is asked: `full` are the outputs of the whole network."""

    questions: Questions
    full: Tensor
    targets: Tensor

    def quality(self, outputs: Tensor) -> Float64[Tensor, " member"]:
        """Accuracy or minus the loss."""
        return goodness(self.questions.scored, outputs, self.targets) / len(self.targets)

    def suffices(
        self,
        output: int,
        ranks: dict[str, Int64[Tensor, "member _ _"]],
        kept: Int64[Tensor, " member"],
    ) -> Bool[Tensor, " member"]:
        """Whether the connections first in `ranks` compute an output; others are the full ones."""
        scored, grafted = self.questions.scored, self.full.clone()
        found, _ = self.questions.answered(pruned(scored, ranks, kept))
        grafted[..., output] = found[..., output]
        best = self.quality(self.full)
        share = slack(scored, best) / self.full.shape[-1]
        return self.quality(grafted) >= best - share


@metric(
    title="Circuit size per class or output",
    family="sparsity",
    direction="lower",
    low=0.0,
    high=1.0,
    unit="share of all connections",
    cost="pruning",
    source=(
        "after Golechha et al., arXiv 2502.02470: mean over outputs c of min m / n whose "
        "output c loses at most 1 / C of what a circuit may, by path strength to c"
    ),
    untrained="none where a constant is as good, else up to 0.16: it has no function",
    need=needs.OUTPUT_NEURONS,
    undefined=without_function,
)
@torch.no_grad()
def circuit_size_per_class(scored: Scored) -> PerMember:
    """Mean over outputs c of the smallest share of connections that computes output c.

    Output c of the pruned network takes the place of the full network's, whose other outputs
    stay. It may lose 1 / C of what a whole circuit may (5 % of the loss, or 1 point of accuracy),
    so that under a squared error the circuits of all C outputs together lose no more than that.
    At most 5 outputs, evenly spaced, on at most 500 fixed test rows. NaN where an output of the
    full network is not finite, and for a member without a function, for which a constant answer
    is good enough.
    """
    questions = scored.probe(_ROWS)
    exam = _Exam(questions, *questions.answered())
    total = sum(w[0].numel() for w in scored.strengths.values())
    grid = torch.logspace(0, 1, _GRID, base=total, dtype=torch.float64).round().long()
    grid = torch.cat([torch.zeros(1, dtype=torch.int64), grid]).unique()
    count = exam.full.shape[-1]
    chosen = torch.linspace(0, count - 1, min(count, _OUTPUTS)).round().long().tolist()
    sizes = torch.zeros(scored.size, dtype=torch.float64)
    for output, ranks in zip(chosen, _rankings(scored, chosen), strict=True):

        def suffice(m: Tensor, output: int = output, ranks: dict[str, Tensor] = ranks) -> Tensor:
            return exam.suffices(output, ranks, m)

        found = torch.stack([suffice(m.expand(scored.size)) for m in grid])
        sizes += fewest(grid, found, suffice).double() / total
    works = exam.full.isfinite().flatten(1).all(dim=1) & ~functionless(scored)
    return per_member(torch.where(works, sizes / len(chosen), torch.nan))


def _rankings(
    scored: Scored, outputs: list[int]
) -> Iterator[dict[str, Int64[Tensor, "member _ _"]]]:
    """For each output, the place of every connection in the order of path strength through it."""
    wiring = scored.wiring
    reach = path_strengths(wiring, scored.strengths, "output")
    taken = {n: s.sum(dim=2) for n, s in path_strengths(wiring, scored.strengths, "input").items()}
    positions = scored.ends("output")
    for output in outputs:
        at = positions[:, None, output, None]
        sizes = {}
        for c in wiring.connections:
            weight = scored.strengths[c.parameter].cpu().double()
            weight = weight / weight.amax(dim=(1, 2), keepdim=True).clamp(min=1e-300)
            given = reach[c.target].gather(2, at.expand(-1, reach[c.target].shape[1], 1))
            before = taken[c.source].repeat(1, c.source_folds)[:, None, :]
            sizes[c.parameter] = given.repeat(1, c.target_folds, 1) * weight * before
        yield places(sizes)
