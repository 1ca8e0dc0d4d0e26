"""R^2, the share of the targets' variance that a network explains."""

import torch
from torch import Tensor

from bimt_bench.engine.objective.answers import all_answered, answered
from bimt_bench.engine.objective.contract import Measure
from bimt_bench.spec import MEASURES, MeasureSettings


@MEASURES.register
class R2(Measure):
    """1 - SS_res / SS_tot, the mean over outputs; of a constant target 1 if it is met, else 0."""

    name = "r2"
    title = "R²"
    low = -float("inf")
    high = 1.0
    source = "scikit-learn r2_score: mean over outputs of 1 - SS_res / SS_tot"
    targets = ("numbers",)

    def of(self, settings: MeasureSettings, outputs: Tensor, targets: Tensor) -> Tensor:
        """R^2 of each member, over the answers that there are."""
        found, wanted = outputs.flatten(2), targets.flatten(1)
        if all_answered(wanted):
            centre = wanted.mean(dim=1, keepdim=True)
        else:
            known = answered(wanted)
            centre = wanted.nanmean(dim=1, keepdim=True)
            wanted = torch.where(known, wanted, centre)  # no part of the spread
            found = torch.where(known, found, centre)  # nor of what is left
        residual = (found - wanted).square().sum(dim=2)
        spread = (wanted - centre).square().sum(dim=1)
        share = torch.where(spread > 0, residual / spread, (residual != 0).to(residual))
        return (1.0 - share).mean(dim=1)
