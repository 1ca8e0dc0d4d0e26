"""What of a sweep's time is not training: with and without tracking, the first member, the end.

A sweep of one task is run by the command line, in a folder of its own, by turns in each way. A
machine that does other work too lengthens the times, and hardly the processor time beside them.
Run: python -m benchmarks.sweep_time [--strengths 256] [--seeds 4] [--steps 2000] [--times 1]
[--baseline FOLDER_OF_ANOTHER_CHECKOUT]
"""

import argparse
import ctypes
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
import yaml

HERE = Path(__file__).parents[1]
_TICK = 0.05  # seconds between two looks at the results and at the processes
_SET_CHILD_SUBREAPER = 36  # prctl(2): what a child leaves behind becomes ours, and is counted


@dataclass(frozen=True)
class Timed:
    """Seconds from the command on: first member, last member, end; and processor seconds."""

    first: float
    last: float
    whole: float
    processor: float

    @property
    def tail(self) -> float:
        """Seconds from the last member to the end of the command."""
        return self.whole - self.last


def specification(*, strengths: int, seeds: int, steps: int) -> str:
    """A sweep of BIMT on independence over so many strengths, as YAML."""
    return yaml.safe_dump(
        {
            "name": "timing",
            "title": "Timing",
            "tasks": [{"task": "symbolic/independence", "steps": steps}],
            "space": {
                "recipe": ["bimt"],
                "strength": [round(0.01 * 1.04**i, 8) for i in range(strengths)],
            },
            "seeds": list(range(seeds)),
            "search": {"kind": "grid"},
        }
    )


def timed(spec: str, *options: str, source: Path = HERE) -> Timed:
    """Runs a sweep with the code of a checkout; RuntimeError with its words if it fails."""
    with tempfile.TemporaryDirectory(prefix="bimt-bench-timing-") as folder:
        place = Path(folder)
        (place / "spec.yaml").write_text(spec)
        command = [sys.executable, "-m", "bimt_bench", "sweep", "spec.yaml", *options]
        environment = {**os.environ, "PYTHONPATH": str(source)}
        with (place / "words.txt").open("w+") as words:
            began = time.monotonic()
            started = time.time()
            process = subprocess.Popen(
                command, cwd=place, env=environment, stdout=words, stderr=subprocess.STDOUT
            )
            spent = _watched(process)
            whole = time.monotonic() - began
            words.seek(0)
            if process.returncode != 0:
                raise RuntimeError(words.read())
        kept = sorted(file.stat().st_mtime for file in place.glob("runs/*/packs/*.json"))
        return Timed(kept[0] - started, kept[-1] - started, whole, spent)


def _watched(process: subprocess.Popen[bytes]) -> float:
    """Waits for a process; processor seconds of it and of all that it started."""
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    spent: dict[tuple[int, float], float] = {}
    while process.poll() is None:
        for one in psutil.Process().children(recursive=True):
            try:
                times = one.cpu_times()
                spent[one.pid, one.create_time()] = times.user + times.system
            except psutil.Error:
                continue
        time.sleep(_TICK)
    return sum(spent.values())


def ways(baseline: Path | None) -> Iterator[tuple[str, tuple[str, ...], Path]]:
    """What is compared: a name, options of the command, and whose code."""
    for name, source in (("this", HERE), ("baseline", baseline)):
        if source is not None:
            yield f"{name}, tracked", (), source
            yield f"{name}, untracked", ("--no-track",), source


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strengths", type=int, default=256)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--baseline", type=Path)
    given = parser.parse_args()
    spec = specification(strengths=given.strengths, seeds=given.seeds, steps=given.steps)
    found: dict[str, list[Timed]] = {}
    for _ in range(given.times):
        for name, options, source in ways(given.baseline):
            found.setdefault(name, []).append(timed(spec, *options, source=source))
    print("| sweep | whole, s | first member, s | after the last, s | processor, s |")
    print("| --- | --- | --- | --- | --- |")
    for name, times in found.items():
        cells = [
            median(getattr(one, part) for one in times)
            for part in ("whole", "first", "tail", "processor")
        ]
        print(f"| {name} | " + " | ".join(f"{cell:.1f}" for cell in cells) + " |")
    for name in [name for name, *_ in ways(given.baseline) if name.endswith(", tracked")]:
        pairs = zip(found[name], found[name.replace(", tracked", ", untracked")], strict=True)
        ratio = median(one.whole / other.whole for one, other in pairs)
        print(f"{name}: {ratio:.2f} times the time without tracking")


if __name__ == "__main__":
    main()
