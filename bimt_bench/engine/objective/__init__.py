"""What training makes small, and how well a network does its task, one file a kind.

Importing this package registers the losses and measures that ship.
"""

from bimt_bench.engine.objective.contract import Loss, Measure
from bimt_bench.engine.objective.task import TaskLoss, TaskMeasure
from bimt_bench.spec import LOSSES, MEASURES

# in the order of tables
from bimt_bench.engine.objective import mse  # isort: skip
from bimt_bench.engine.objective import cross_entropy  # isort: skip
from bimt_bench.engine.objective import r2  # isort: skip
from bimt_bench.engine.objective import accuracy  # isort: skip
from bimt_bench.engine.objective import mean_absolute_error  # isort: skip

__all__ = [
    "LOSSES",
    "MEASURES",
    "Loss",
    "Measure",
    "TaskLoss",
    "TaskMeasure",
    "accuracy",
    "cross_entropy",
    "mean_absolute_error",
    "mse",
    "r2",
]
