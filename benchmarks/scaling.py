"""The cost model: what a training step takes against members, width and batch.

Times steps of packs of up to 1024 members and of networks up to 1024 neurons wide, fits the
constants of the model and draws both. Run: python -m benchmarks.scaling [--out DIR]
"""

import argparse
import math
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import torch
from scipy.optimize import nnls

from benchmarks.speed.products import operations_of_step
from bimt_bench import data, recipes
from bimt_bench.engine import members_at_a_time, tiles
from bimt_bench.network import build
from bimt_bench.spec import Configuration, TaskSpec, catalog
from bimt_bench.tuning import pace

matplotlib.use("Agg")
from matplotlib import pyplot as plt

TERMS = {
    "run": "microseconds for a run of members worked through together",
    "operation": "microseconds for a million operations of matrix products",
    "parameter": "microseconds for a thousand parameters",
    "activation": "microseconds for a thousand activations",
}
WIDTHS = (16, 32, 64, 128, 256, 512, 1024)
MEMBERS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
BATCHES = (10, 100, 1000, 4000)


def variant(width: int, batch: int) -> TaskSpec:
    """Symbolic independence with two hidden groups of `width` on `batch` points."""
    task = catalog.task("symbolic/independence")
    return task.model_copy(
        update={
            "model": task.model.model_copy(update={"hidden": (width, width)}),
            "data": task.data.model_copy(update={"train": batch}),
        }
    )


def timed(members: int, width: int, batch: int, *, repeats: int) -> dict[str, float]:
    """A point: best time of a member's step in microseconds, and what the model reads."""
    task = variant(width, batch)
    loaded = data.load(task.data)
    pack = [recipes.resolve(task, Configuration(), seed) for seed in range(members)]
    seconds = min(pace.member_step_seconds(task, loaded, pack) for _ in range(repeats))
    architecture = build(task, loaded)
    at_a_time = members_at_a_time(architecture, batch, dtype=torch.float32, device="cpu")
    neurons = sum(g.size for g in architecture.wiring.groups if g.role != "input")
    return {
        "members": members,
        "width": width,
        "batch": batch,
        "microseconds": seconds * 1e6,
        "run": len(tiles(members, at_a_time)) / members,
        "operation": operations_of_step(architecture, batch) / 1e6,
        "parameter": sum(math.prod(s) for s in architecture.shapes.values()) / 1e3,
        "activation": neurons * batch / 1e3,
    }


def measure(repeats: int) -> pd.DataFrame:
    """All points: members at width 20, widths in packs of 1, 4 and 16, batches at two widths."""
    points = [(members, 20, 100) for members in MEMBERS]
    points += [(members, width, 100) for width in WIDTHS for members in (1, 4, 16)]
    points += [(16, width, batch) for width in (20, 256) for batch in BATCHES]
    return pd.DataFrame([timed(*point, repeats=repeats) for point in dict.fromkeys(points)])


def fit(points: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Constants of the model (least squares of relative errors, none negative), predictions."""
    terms = points[list(TERMS)]
    weights = 1.0 / points["microseconds"]
    constants, _ = nnls(terms.mul(weights, axis=0).to_numpy(), np.ones(len(points)))
    found = pd.Series(constants, index=list(TERMS))
    return found, terms @ found


def draw(points: pd.DataFrame, out: Path) -> Path:
    """Measured points and the model's lines, against members and against width."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    _panel(left, points[(points["width"] == 20) & (points["batch"] == 100)], "members")
    for members, style in ((1, "C0"), (4, "C1"), (16, "C2")):
        fits = (points["members"] == members) & (points["batch"] == 100)
        chosen = points[fits & (points["width"] != 20)]
        _panel(right, chosen, "width", style, f"pack of {members}")
    left.set(xlabel="members in a pack", title="4-20-20-2, 100 points", ylabel="µs a member-step")
    right.set(xlabel="width w of 4-w-w-2", title="100 points")
    right.legend(frameon=False)
    file = out / "scaling.png"
    out.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=200)
    return file


def _panel(
    axes: plt.Axes, points: pd.DataFrame, x: str, colour: str = "C0", label: str = ""
) -> None:
    rows = points.sort_values(x)
    axes.plot(rows[x], rows["microseconds"], "o", ms=4, color=colour, label=label or None)
    axes.plot(rows[x], rows["model"], "-", lw=1, color=colour)
    axes.set(xscale="log", yscale="log")
    axes.set_xticks(rows[x], [str(v) for v in rows[x]], rotation=45, fontsize=8)
    ticks = [v for d in (10, 100, 1000, 10_000) for v in (d, 2 * d, 5 * d)]
    low, high = axes.get_ylim()
    axes.set_yticks([v for v in ticks if low < v < high], minor=False)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.minorticks_off()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("docs/figures"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    points = measure(given.repeats)
    constants, points["model"] = fit(points)
    errors = (points["model"] / points["microseconds"] - 1).abs()
    for name, meaning in TERMS.items():
        print(f"{constants[name]:8.3f} {meaning}")
    print(f"relative error: median {errors.median():.0%}, largest {errors.max():.0%}")
    print(
        points[["members", "width", "batch", "microseconds", "model"]]
        .round(1)
        .to_string(index=False)
    )
    print(draw(points, given.out))


if __name__ == "__main__":
    main()
