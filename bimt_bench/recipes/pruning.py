"""Small weights are cut off for good while the network trains, until a given share is left."""

from collections.abc import Iterable

import torch
from pydantic import model_validator

from bimt_bench.engine import RECIPES, Every, Members, Recipe, RecipeSettings, Table
from bimt_bench.spec import Fraction, Member, Positive, setting


class PruningSettings(RecipeSettings):
    """How much is pruned, and when."""

    kept: float = setting(
        0.1, "share of the weights of connections that is left", log=True, gt=0.0, le=1.0
    )
    begin: Fraction = setting(0.25, "pruning begins at this share of the steps")
    end: Fraction = setting(0.75, "from this share of the steps on no more is pruned")
    prune_every: Positive = setting(100, "steps between prunings", unit="steps")

    @model_validator(mode="after")
    def _in_order(self) -> "PruningSettings":
        if self.begin > self.end:
            raise ValueError(f"begin: {self.begin:g} given; must be at most end ({self.end:g})")
        return self


@RECIPES.register
class Pruning(Recipe):
    """The smallest weights of all connections together become zero, and stay it.

    From step t0 to t1 the share that is left falls as s + (1 - s) (1 - (t - t0) / (t1 - t0))^3;
    of C weights round(share C) are left, and always one. Biases and embeddings are not pruned.
    """

    name = "pruning"
    title = "Pruning"
    equation = (
        "loss; the smallest |w| become 0 until the share s + (1 - s)(1 - (t - t0)/(t1 - t0))^3 "
        "is left, s = kept"
    )
    source = "Zhu and Gupta, arXiv 1710.01878; as a rival in Filan et al., arXiv 2103.03386"
    dial = "kept"
    tables = (Table("mask", per="parameter", start=1.0),)

    class Settings(PruningSettings):
        """How much is pruned, and when."""

    def events(self, m: Members) -> Iterable[Every]:
        """Every so many steps, and when the last share is due."""
        every = m.settings.prune_every
        ends = {_span(member, m.steps)[1] for member in m.members}
        yield Every(every, prune, end=max(ends))
        for end in sorted(ends):
            if end % every:
                yield Every(end, prune, begin=end, end=end)

    def project(self, m: Members) -> None:
        """What was cut off stays zero, wherever its moments would take it."""
        m.flat.mul_(m.tables["mask"])


def prune(m: Members) -> None:
    """Cuts off the smallest weights of those members that are due now."""
    places = m.connections.nonzero()[:, 0]
    mask = m.tables["mask"][:, places]
    left = {
        row: _left(member, m.step, m.steps, len(places))
        for row, member in enumerate(m.members)
        if _due(member, m.step, m.steps)
    }
    rows = [row for row, count in left.items() if count < mask[row].sum()]
    if not rows:
        return
    # what was cut off before is last; sorting is stable, so equal weights go by their place
    sizes = m.flat[rows][:, places].abs().masked_fill(mask[rows] == 0.0, -1.0)
    order = sizes.argsort(dim=1, descending=True, stable=True)
    ranks = order.argsort(dim=1)
    counts = torch.tensor([left[row] for row in rows], device=ranks.device)
    mask[rows] = (ranks < counts[:, None]).to(mask)
    m.tables["mask"][:, places] = mask


def _span(member: Member, steps: int) -> tuple[int, int]:
    """The steps t0 and t1; pruning is an event, and the first follows the first step."""
    return int(member["begin"] * steps), max(1, int(member["end"] * steps))


def _due(member: Member, step: int, steps: int) -> bool:
    """Whether a member is pruned at a step: it must not depend on the ends of pack mates."""
    return step % member["prune_every"] == 0 or step == _span(member, steps)[1]


def _left(member: Member, step: int, steps: int, weights: int) -> int:
    """How many weights are left."""
    begin, end = _span(member, steps)
    gone = min(max((step - begin) / max(end - begin, 1), 0.0), 1.0) if step < end else 1.0
    kept = member["kept"]
    return max(1, round((kept + (1.0 - kept) * (1.0 - gone) ** 3) * weights))
