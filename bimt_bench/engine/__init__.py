"""The engine: populations of networks, their training step, checkpoints and memory."""

from bimt_bench.engine.checkpoints import SECONDS, Checkpoint, Checkpoints
from bimt_bench.engine.cohorts import own_settings
from bimt_bench.engine.contract_check import COLUMNS, check_recipe
from bimt_bench.engine.cost import connection_cost, prices
from bimt_bench.engine.differentiating import choose_differentiation
from bimt_bench.engine.differentiation import Autograd, Differentiation
from bimt_bench.engine.loop import Run, Trained, evaluate, start, train_population
from bimt_bench.engine.members import Members
from bimt_bench.engine.objective import Loss, Measure, TaskLoss, TaskMeasure
from bimt_bench.engine.perceptron import PerceptronGradient, fits
from bimt_bench.engine.population import Population
from bimt_bench.engine.recipe import Every, PenaltySettings, Recipe, RecipeSettings, Table
from bimt_bench.engine.task_check import check_task
from bimt_bench.engine.tiles import members_at_a_time, tiles
from bimt_bench.spec import RECIPES

__all__ = [
    "COLUMNS",
    "RECIPES",
    "SECONDS",
    "Autograd",
    "Checkpoint",
    "Checkpoints",
    "Differentiation",
    "Every",
    "Loss",
    "Measure",
    "Members",
    "PenaltySettings",
    "PerceptronGradient",
    "Population",
    "Recipe",
    "RecipeSettings",
    "Run",
    "Table",
    "TaskLoss",
    "TaskMeasure",
    "Trained",
    "check_recipe",
    "check_task",
    "choose_differentiation",
    "connection_cost",
    "evaluate",
    "fits",
    "members_at_a_time",
    "own_settings",
    "prices",
    "start",
    "tiles",
    "train_population",
]
