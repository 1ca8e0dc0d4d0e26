"""The engine's speed against a plain loop over networks, which is also the tests' oracle."""

from benchmarks.speed.cases import CASES, Case, chosen, s4_sized, shortened, task_of
from benchmarks.speed.measure import Outcome, measure

__all__ = ["CASES", "Case", "Outcome", "chosen", "measure", "s4_sized", "shortened", "task_of"]
