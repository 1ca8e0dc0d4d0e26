"""What a run records on its way: the figures of every member at every logged step."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from bimt_bench.spec import Member

FIGURES = ("train_loss", "test_loss", "performance", "cost", "charged_cost")


class History:
    """Figures [5, P] of the logged steps, on the CPU; members that left have NaN from there on."""

    def __init__(self, members: int) -> None:
        self.members = members
        self.steps: list[int] = []
        self.lengths = [0] * members
        """How many of the logged steps each member has figures of: always the first ones."""
        self._tables: list[Tensor] = []

    def add(self, step: int, rows: Sequence[int], found: Float[Tensor, "figure member"]) -> None:
        """Records the figures of the members `rows` at a step."""
        table = torch.full((len(FIGURES), self.members), torch.nan, dtype=torch.float64)
        table[:, list(rows)] = found.to("cpu", torch.float64)
        self.steps.append(step)
        self._tables.append(table)
        for row in rows:
            self.lengths[row] = len(self.steps)

    def first_loss(self, rows: Sequence[int]) -> Float[Tensor, " member"]:
        """The first training loss of some members."""
        return self._tables[0][0, list(rows)]

    def table(self) -> Float[Tensor, "record figure member"]:
        """All figures, in the order of `steps`."""
        if not self._tables:
            return torch.empty(0, len(FIGURES), self.members, dtype=torch.float64)
        return torch.stack(self._tables)

    def restore(
        self,
        steps: Sequence[int],
        lengths: Sequence[int],
        table: Float[Tensor, "record figure member"],
    ) -> None:
        """Takes up a history that was stored."""
        self.steps, self.lengths = list(steps), list(lengths)
        self._tables = list(table.unbind())

    def frame(self, members: Sequence[Member]) -> pd.DataFrame:
        """The learning curves as a tidy frame, a row a member and logged step it took part in."""
        values = self.table().numpy()
        steps = np.array(self.steps, dtype=np.int64)
        frames = []
        for index, member in enumerate(members):
            length = self.lengths[index]
            frame = pd.DataFrame(values[:length, :, index], columns=list(FIGURES))
            frame.insert(0, "step", steps[:length])
            frame.insert(0, "member", member.digest)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)
