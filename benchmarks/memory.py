"""Peak memory: a pack of 64 independence members, and a worker with MNIST loaded.

Each is measured in a process of its own. Run: python -m benchmarks.memory
"""

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path

CASES = {
    "pack of 64 independence members": ("symbolic/independence", 64, 400, 1024),
    "worker with MNIST and a pack of 16": ("vision/mnist", 16, 40, 2048),
}


def measure(task: str, members: int, steps: int, data_dir: Path | None) -> dict[str, float]:
    """Peak resident memory of this process in MiB: after the imports, and after a pack."""
    import torch

    from bimt_bench import packs, recipes
    from bimt_bench.spec import Configuration, catalog

    torch.set_num_threads(1)
    before = _peak()
    spec = catalog.task(task)
    configuration = Configuration.model_validate({"steps": steps})
    pack = [recipes.resolve(spec, configuration, seed) for seed in range(members)]
    packs.run_pack(spec, pack, data_dir=data_dir, shuffles=2)
    return {"imports": before, "peak": _peak()}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--case", choices=sorted(CASES), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.case:
        task, members, steps, _ = CASES[given.case]
        print(json.dumps(measure(task, members, steps, given.data_dir)))
        return
    print("| what | peak, MiB | of which imports | limit |")
    print("| --- | --- | --- | --- |")
    for name, (*_, limit) in CASES.items():
        command = [sys.executable, "-m", "benchmarks.memory", "--case", name]
        command += ["--data-dir", str(given.data_dir)] if given.data_dir else []
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        numbers = json.loads(found.splitlines()[-1])
        print(f"| {name} | {numbers['peak']:.0f} | {numbers['imports']:.0f} | {limit} |")


if __name__ == "__main__":
    main()
