"""What training makes small, and how well a network does its task: losses and measures."""

from bimt_bench.engine.objective.contract import Loss, Measure
from bimt_bench.engine.objective.functions import columns, performance, task_loss
from bimt_bench.spec import LOSSES, MEASURES

__all__ = ["LOSSES", "MEASURES", "Loss", "Measure", "columns", "performance", "task_loss"]
