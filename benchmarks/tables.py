"""Seconds that the tables of a trade-off take, all intervals, volumes, tests and ranks included.

Members are made by hand: nothing is trained. Run: python -m benchmarks.tables [--repeats N]
"""

import argparse
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bimt_bench.recipes import RECIPES, settings_for
from bimt_bench.results.tradeoff import TradeOff, tradeoff
from bimt_bench.spec import ReferencePoint

AIM = 10.0  # seconds, of 1,000 configurations with 5 seeds
LOST = 0.02  # share of the members


@dataclass(frozen=True)
class TableCase:
    """How many configurations, of how many recipes, each with how many seeds."""

    configurations: int
    seeds: int
    recipes: tuple[str, ...]

    def frame(self) -> pd.DataFrame:
        """A frame with a row a member: settings, and figures of a front with noise."""
        generator = np.random.default_rng([self.configurations, self.seeds])
        along = generator.uniform(0.0, 0.5 * np.pi, self.configurations)
        means = np.stack([np.sin(along), np.cos(along)])
        reached = generator.uniform(0.7, 1.0, self.configurations)
        noise = 0.05 * generator.standard_normal((2, self.configurations, self.seeds))
        x, y = (means * reached)[..., None] + noise
        lost = generator.random((self.configurations, self.seeds)) < LOST
        rows = [
            self._row(number, seed, x[number, seed], y[number, seed], lost[number, seed])
            for number in range(self.configurations)
            for seed in range(self.seeds)
        ]
        return pd.DataFrame(rows)

    def _row(self, number: int, seed: int, x: float, y: float, lost: bool) -> dict[str, object]:
        recipe = RECIPES[self.recipes[number % len(self.recipes)]]
        value = 0.1 * (1 + number)
        settings: dict[str, object] = {"learning_rate": 0.001 * (1 + number)}
        if recipe.dial is not None:
            settings[recipe.dial] = value
        known = {name: v for name, v in settings.items() if name in settings_for(recipe)}
        return {
            "task": "made/by_hand",
            "recipe": recipe.name,
            "dial": recipe.dial,
            "dial_value": None if recipe.dial is None else value,
            **known,
            "steps": 100,
            "shortened": False,
            "configuration": f"{number:06}",
            "member": f"{number:06}-{seed}",
            "seed": seed,
            "status": "diverged" if lost else "ok",
            "modularity_q": np.nan if lost else x,
            "performance": np.nan if lost else y,
        }


CASES = {
    "1,000 of 5 recipes": TableCase(1000, 5, ("vanilla", "l1", "l1_local", "bimt", "pruning")),
    "1,000 of 2 recipes": TableCase(1000, 5, ("vanilla", "bimt")),
    "1,000 of 1 recipe": TableCase(1000, 5, ("bimt",)),
    "200 of 5 recipes": TableCase(200, 10, ("vanilla", "l1", "l1_local", "bimt", "pruning")),
}


def made(frame: pd.DataFrame) -> TradeOff:
    """The trade-off of a frame, and both of its tables."""
    found = tradeoff(
        frame,
        x="modularity_q",
        x_direction="higher",
        reference=ReferencePoint(modularity=0.0, performance=0.0),
        trivial=0.0,
    )
    found.table()
    found.recipe_table()
    return found


def seconds(case: TableCase, *, repeats: int = 1) -> list[float]:
    """What the tables of a case take, of one core; the frame is made before."""
    frame, found = case.frame(), []
    for _ in range(repeats):
        began = time.process_time()
        made(frame)
        found.append(time.process_time() - began)
    return found


def main() -> None:
    """Prints a line a case."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    for name, case in CASES.items():
        found = sorted(seconds(case, repeats=repeats))
        print(
            f"{name}, {case.seeds} seeds: {found[len(found) // 2]:.2f} s "
            f"({found[0]:.2f} to {found[-1]:.2f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
