"""What bfloat16 products in training change: the final networks, and the time of a step.

Trains the same seeds with float32 and with bfloat16 products and compares them seed by seed;
evaluation and metrics are in float32 on both sides. Run: python -m benchmarks.precision
"""

import time

import numpy as np
import pandas as pd
import torch

import bimt_bench
from benchmarks.relocation_study import interval

# task, steps (published if None), seeds
CASES = (
    ("symbolic/independence", None, 20),
    ("modular/addition_59", 2000, 10),
    ("vision/mnist", 4000, 10),
)
RATIOS = ("test_loss", "connection_cost_configured")
DIFFERENCES = ("performance", "modularity_q")


def train(task: str, steps: int | None, seeds: int, products: str) -> tuple[pd.DataFrame, float]:
    """One row a seed, and the microseconds of a member's step on one core."""
    began = time.process_time()
    frame = bimt_bench.train(
        task, seeds=range(seeds), steps=steps, products=products, device="cpu", shuffles=1
    ).frame
    spent = (time.process_time() - began) / seeds / frame["steps"].iloc[0]
    return frame.set_index("seed"), spent * 1e6


def line(task: str, steps: int | None, seeds: int) -> str:
    """A row of the table in docs/performance.md."""
    (full, slow), (rounded, fast) = (
        train(task, steps, seeds, products) for products in ("float32", "bfloat16")
    )
    cells = [f"`{task}`", f"{full['steps'].iloc[0]:,}", str(seeds), f"{fast / slow:.2f}"]
    for metric in RATIOS:
        logs = np.log(rounded[metric].to_numpy() / full[metric].to_numpy())
        cells.append("×{:.3f} ({:.3f} to {:.3f})".format(*np.exp(interval(logs))))
    for metric in DIFFERENCES:
        change = (rounded[metric] - full[metric]).to_numpy()
        cells.append("{:+.4f} ({:+.4f} to {:+.4f})".format(*interval(change)))
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    torch.set_num_threads(1)
    print("| task | steps | seeds | time | test loss | cost | performance | modularity Q |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for case in CASES:
        print(line(*case), flush=True)


if __name__ == "__main__":
    main()
