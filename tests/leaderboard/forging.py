"""A forger: somebody who alters an entry's files and keeps them in agreement with each other."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from bimt_bench.engine import Population, train_population
from bimt_bench.leaderboard.doctoring import Subject
from bimt_bench.leaderboard.reading import Submission, read
from bimt_bench.leaderboard.rescoring import cells, rescore

Arrays = dict[str, np.ndarray]


@dataclass(eq=False)
class Forger:
    """An entry's files, taken apart; `write` puts them back, sums and sizes in agreement."""

    folder: Path
    tasks_dir: Path | None = None
    entry: dict[str, Any] = field(init=False)
    members: list[dict[str, Any]] = field(init=False)
    weights: dict[str, Arrays] = field(init=False)

    def __post_init__(self) -> None:
        self.entry = json.loads((self.folder / "entry.json").read_text())
        lines = (self.folder / "members.jsonl").read_text().splitlines()
        self.members = [json.loads(line) for line in lines]
        self.weights = {}
        for name, array in safetensors.numpy.load_file(self.folder / "weights.safetensors").items():
            member, _, own = name.partition("/")
            self.weights.setdefault(member, {})[own] = array.copy()

    def write(self) -> None:
        """The files as they are now."""
        flat = {f"{m}/{name}": one for m, own in self.weights.items() for name, one in own.items()}
        content = safetensors.numpy.save({k: np.ascontiguousarray(v) for k, v in flat.items()})
        self.entry["weights"] |= {
            "sha256": hashlib.sha256(content).hexdigest(),
            "size": len(content),
        }
        (self.folder / "weights.safetensors").write_bytes(content)
        (self.folder / "entry.json").write_text(json.dumps(self.entry))
        lines = [json.dumps(one) for one in self.members]
        (self.folder / "members.jsonl").write_text("\n".join(lines) + "\n")

    def submission(self) -> Submission:
        """The entry as it is now."""
        self.write()
        return read(self.folder, tasks_dir=self.tasks_dir)

    def claim_what_is_measured(self) -> None:
        """Claims the metrics that the weights have as they are now."""
        submission = self.submission()
        found = rescore(submission, list(self.entry["metrics"]))
        for one in self.members:
            if one["status"] == "ok":
                one["metrics"] = cells(found.cards[one["member"]])

    def doctor(self, change: Callable[[Subject], None], *, one_in: int = 5) -> None:
        """Changes all networks together."""
        submission = self.submission()
        members = [one for one in submission.members if one.status == "ok"]
        arrays = [submission.arrays(one.member) for one in members]
        places = [submission.geometry(one) for one in members]
        population = Population.of(submission.architecture, arrays, places)
        change(Subject.of(population, submission.data, one_in=one_in))
        for row, one in enumerate(members):
            held = population.arrays(row)
            self.weights[one.member] = {name: held[name] for name in self.weights[one.member]}

    def train_otherwise(self, *, data: Any = None, curves: bool = True, **settings: Any) -> None:
        """Trains all members anew on other data or with other settings than they say."""
        submission = self.submission()
        members = [submission.resolved(one) for one in submission.members]
        members = [
            type(one)(**{**vars(one), "settings": {**one.settings, **settings}}) for one in members
        ]
        found = train_population(submission.trained, data or submission.data, members)
        for row, one in enumerate(self.members):
            held = found.population.arrays(row)
            self.weights[one["member"]] = {n: held[n] for n in self.weights[one["member"]]}
            own = found.curves[found.curves["member"] == one["member"]].set_index("step")
            for point in one["curve"] if curves else ():
                for name in ("train_loss", "test_loss", "performance", "cost"):
                    point[name] = float(own.loc[point["step"], name])

    def parameters(self) -> Iterator[np.ndarray]:
        """Every parameter of every member, to be changed in place."""
        for own in self.weights.values():
            yield from (one for name, one in own.items() if not name.startswith("labels."))

    def labels(self) -> Iterator[np.ndarray]:
        """The labels of every member."""
        for own in self.weights.values():
            yield from (one for name, one in own.items() if name.startswith("labels."))
