"""Our seeds beside the published figures: the table of docs/reproduction.md.

Run `bimt-bench sweep` on reproduction_symbolic, reproduction_networks, reproduction_classes and
reproduction_incontext, then python -m benchmarks.reproduction runs/reproduction_*
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bimt_bench.results import read_frame


@dataclass(frozen=True)
class Published:
    """A figure of the paper's notebooks, and what running them unchanged gave: low to high."""

    task: str
    metric: str
    title: str
    paper: float | None
    rerun: float
    high: float | None = None

    @property
    def wanted(self) -> tuple[float, float]:
        """The range that our seeds should reach into."""
        if self.paper is not None:
            return self.paper, self.paper
        return self.rerun, self.rerun if self.high is None else self.high

    @property
    def again(self) -> str:
        """The notebook run again, in words."""
        return f"{self.rerun:.3g}" + ("" if self.high is None else f" to {self.high:.3g}")


PUBLISHED = (
    Published("symbolic/independence", "test_loss", "test MSE", 7.4e-3, 7.37e-3),
    Published("symbolic/feature_sharing", "test_loss", "test MSE", 8.5e-5, 8.44e-5),
    Published("symbolic/compositionality", "test_loss", "test MSE", 1.3e-3, 1.46e-3),
    Published("classification/two_moons", "accuracy", "test accuracy", None, 0.990),
    Published("modular/addition_59", "accuracy", "test accuracy", None, 1.0),
    Published("groups/s4", "accuracy", "test accuracy", None, 1.0),
    Published("incontext/linear", "test_loss", "test MSE, last token", None, 5e-4, 1.5e-3),
    Published("vision/mnist", "accuracy", "test accuracy", None, 0.962),
    Published("vision/mnist", "test_loss", "test MSE", None, 1.08e-2),
)


def table(frame: pd.DataFrame) -> list[str]:
    """Lines of Markdown: the published figures and the range our seeds span."""
    lines = [
        "| task | figure | the paper's notebook says | the notebook run again | our median "
        "| our range | seeds | inside |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for known in PUBLISHED:
        values = frame.loc[frame["task"] == known.task, known.metric].dropna()
        if values.empty:
            continue
        low, high = known.wanted
        inside = values.min() <= high and low <= values.max()
        paper = "" if known.paper is None else f"{known.paper:.3g}"
        lines.append(
            f"| `{known.task}` | {known.title} | {paper} | {known.again} "
            f"| {values.median():.3g} | {values.min():.3g} to {values.max():.3g} "
            f"| {len(values)} | {'yes' if inside else 'no'} |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+", help="results folders, or Parquet files")
    frames = [read_frame(run) for run in parser.parse_args().runs]
    print("\n".join(table(pd.concat(frames))))


if __name__ == "__main__":
    main()
