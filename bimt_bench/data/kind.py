"""The contract of a data kind: what it declares, and how its data are made or read."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Int

from bimt_bench.data.types import TaskData
from bimt_bench.spec import DataSettings


class DataKind:
    """One way of having data. Fill in the facts, the settings, and `load`.

    name: what a task file's `data: {kind: ...}` calls it. title: what tables print. source: where
    it comes from, if it is published.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    source: ClassVar[str] = ""

    class Settings(DataSettings):
        """No settings but the seed."""

    def memory(self, settings: Any) -> int:
        """Bytes that making the data takes; 0 where nothing but a file's size bounds it."""
        return 0

    def load(self, settings: Any, *, data_dir: Path | None = None) -> TaskData:
        """The data: the same tensors wherever and whenever it is called with the same settings.

        `data_dir` is a folder where files may lie already. Raises InputError, which names the
        field, for settings that cannot be met.
        """
        raise NotImplementedError

    def drawn_anew(
        self, settings: Any, *, seed: int, data_dir: Path | None = None
    ) -> TaskData | None:
        """The same task with points drawn from another seed, whose test part a search looks at.

        None where points are not drawn, or the task itself follows from the seed: a search then
        holds out training data. What was learnt on the training data must hold for these too.
        """
        return None

    def kept_together(
        self, settings: Any, *, data_dir: Path | None = None
    ) -> Int[np.ndarray, " n"] | None:
        """For each training sample a number: a search holds out all that have it, or none.

        None where each sample stands for itself.
        """
        return None
