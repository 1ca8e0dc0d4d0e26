"""Tells of tasks that end before their sweep does, so that their figures need not wait for it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pandas as pd

from bimt_bench.spec import TaskSpec
from bimt_bench.store import Store
from bimt_bench.tuning.agenda import Agenda
from bimt_bench.tuning.prepare import Checked

Gathered = Callable[[], tuple[pd.DataFrame, pd.DataFrame]]
OnTask = Callable[[TaskSpec, Path, Gathered], None]


@dataclass
class Early:
    """Tells `on_task` of each task of which all is in while others are under way.

    It is told the task, the results folder, and what reads the task's frame and curves there.
    """

    agenda: Agenda
    store: Store
    checked: Checked
    on_task: OnTask | None
    _told: set[str] = field(default_factory=set)

    def look(self) -> None:
        """Called now and then in the driver's main thread."""
        if self.on_task is None or self.agenda.finished:
            return
        specs = {task.spec.name: task.spec for task in self.checked.tasks}
        for name, (packs, members) in self.agenda.ended().items():
            if name in self._told:
                continue
            self._told.add(name)
            gathered = partial(
                self.store.gather,
                packs,
                members=members,
                tasks=[specs[name]],
                geometries=self.checked.geometries,
                marks=self.agenda.marks(),
            )
            self.on_task(specs[name], self.store.folder, gathered)
