"""Is this checkout as fast as another one? Both train the same packs, in turn, beside a control.

A pack holds l1 and bimt members in equal parts, at the settings of their task. Three processes
take turns on one thread each: the other checkout twice, and this one. The unit is processor time,
because machines are shared; the other checkout against itself says how far to trust a ratio.
Run: python -m benchmarks.old_and_new OTHER_CHECKOUT [--only PART] [--pairs N] [--json FILE]
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parents[1]
AIM = 0.97
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
_SERVE = "--serve"


@dataclass(frozen=True)
class Spread:
    """Ratios of pairs of runs: their median, quartiles, and ends."""

    median: float
    low: float
    high: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, over: Sequence[float], under: Sequence[float]) -> "Spread":
        """The spread of over / under, pair by pair."""
        ratios = np.asarray(over) / np.asarray(under)
        lowest, low, median, high, highest = np.quantile(ratios, [0, 0.25, 0.5, 0.75, 1]).tolist()
        return cls(median, low, high, lowest, highest)

    def __str__(self) -> str:
        middle = f"{self.median:.3f} ({self.low:.3f} to {self.high:.3f}"
        return f"{middle}, all {self.lowest:.3f} to {self.highest:.3f})"


@dataclass(frozen=True)
class Outcome:
    """One case: microseconds of a member's step, medians, and how the sides compare.

    `ratio` is other / this, so above 1 this checkout is the faster one; `band` is the other
    checkout against itself.
    """

    case: str
    members: int
    steps: int
    pairs: int
    other_us: float
    this_us: float
    ratio: Spread
    band: Spread


class Side:
    """A process that trains the pack of one case with one checkout, whenever it is asked."""

    def __init__(self, checkout: Path, case: str, steps: int | None, data_dir: Path | None) -> None:
        job = json.dumps({"case": case, "steps": steps, "data": data_dir and str(data_dir)})
        self._process = subprocess.Popen(
            # -P: the folder of this script is not searched for modules
            [sys.executable, "-P", __file__, _SERVE, job],
            env={**os.environ, **_ONE_THREAD, "PYTHONPATH": str(checkout)},
            cwd=checkout,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._asked, self._told = self._process.stdin, self._process.stdout
        ready = self._answer()
        if not Path(ready["package"]).is_relative_to(checkout):
            raise RuntimeError(f"{checkout}: not loaded from there, but from {ready['package']}")
        self.members, self.steps = int(ready["members"]), int(ready["steps"])

    def __enter__(self) -> "Side":
        return self

    def __exit__(self, *_: object) -> None:
        self._asked.close()
        self._process.wait()

    def seconds(self) -> float:
        """Trains the pack once; the processor time that it took."""
        self._asked.write("go\n")
        self._asked.flush()
        return float(self._answer()["seconds"])

    def _answer(self) -> dict[str, Any]:
        line = self._told.readline()
        if not line:
            raise RuntimeError(f"a side ended with exit code {self._process.wait()}; see above")
        return json.loads(line)


def compare(
    case: str,
    other: Path,
    *,
    pairs: int,
    steps: int | None = None,
    data_dir: Path | None = None,
    this: Path = HERE,
) -> Outcome:
    """Times one case on both sides and the control, `pairs` times in turn."""
    with ExitStack() as stack:
        sides = [
            stack.enter_context(Side(checkout.resolve(), case, steps, data_dir))
            for checkout in (other, this, other)
        ]
        spent: list[list[float]] = [[], [], []]
        for turn in range(pairs):
            for place in range(3):  # another one begins each time
                which = (turn + place) % 3
                spent[which].append(sides[which].seconds())
        members, steps = sides[0].members, sides[0].steps
    old, new, again = spent
    return Outcome(
        case=case,
        members=members,
        steps=steps,
        pairs=pairs,
        other_us=float(np.median(old)) / steps / members * 1e6,
        this_us=float(np.median(new)) / steps / members * 1e6,
        ratio=Spread.of(old, new),
        band=Spread.of(old, again),
    )


# ------------------------------------------------------------------------------ in each process


def serve(job: dict[str, Any]) -> None:
    """Answers every line of input with the processor time of one training."""
    train, members, steps = _training(job["case"], job["steps"], job["data"])
    train()  # loops are compiled once
    package = importlib.import_module("bimt_bench").__file__
    _say({"package": package, "members": members, "steps": steps})
    for _ in sys.stdin:
        began = time.process_time()
        train()
        _say({"seconds": time.process_time() - began})


def _training(
    case: str, steps: int | None, data_dir: str | None
) -> tuple[Callable[[], object], int, int]:
    """What trains the case's pack with the package that is found, its members and its steps."""
    # names that another version keeps elsewhere
    cases = _first("benchmarks.speed.cases", "bimt_bench.speed.cases")
    training = _first("bimt_bench.engine.loop", "bimt_bench.training")
    spec = _first("bimt_bench.spec", "bimt_bench.specs")
    data, recipes = _first("bimt_bench.data"), _first("bimt_bench.recipes")
    importlib.import_module("torch").set_num_threads(1)
    (chosen,) = cases.chosen([case])
    count = int(steps or chosen.pack_steps)
    task = cases.shortened(cases.task_of(chosen), count)
    loaded = data.load(task.data, data_dir=None if data_dir is None else Path(data_dir))
    seeds = range(chosen.pack // 2)
    pack = [
        recipes.resolve(task, spec.Configuration(recipe=recipe), seed)
        for recipe in ("l1", "bimt")
        for seed in seeds
    ]
    return lambda: training.train_population(task, loaded, pack), len(pack), count


def _first(*names: str) -> Any:
    """The first module of these that there is."""
    for name in names[:-1]:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError:
            continue
    return importlib.import_module(names[-1])


def _say(answer: dict[str, object]) -> None:
    print(json.dumps(answer), flush=True)


# ------------------------------------------------------------------------------ the command


def main() -> None:
    from benchmarks.speed import CASES

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path, help="the other checkout")
    parser.add_argument("--only", help="a part of the case's name")
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--steps", type=int, help="of a training; each case's own if absent")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    outcomes = []
    for case in CASES:
        if given.only and given.only not in case.task:
            continue
        found = compare(
            case.task,
            given.other,
            pairs=given.pairs,
            steps=given.steps,
            data_dir=given.data_dir and given.data_dir.resolve(),
        )
        outcomes.append(asdict(found))
        print(f"{found.case} (P = {found.members}, {found.pairs} pairs of {found.steps} steps)")
        print(f"    us a member's step   other {found.other_us:.2f}, this {found.this_us:.2f}")
        print(f"    other / this         {found.ratio}; aim: a median of {AIM} or more")
        print(f"    other / itself       {found.band}", flush=True)
    if given.json:
        given.json.write_text(json.dumps(outcomes, indent=2) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == [_SERVE]:
        serve(json.loads(sys.argv[2]))
    else:
        main()
