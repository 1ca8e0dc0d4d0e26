"""Networks: wiring, geometry, and the kinds of model with a forward pass each."""

from bimt_bench.network.adapter import ModuleArchitecture, PaddedBatch
from bimt_bench.network.architecture import (
    ACTIVATIONS,
    MODULES,
    Architecture,
    Scale,
    in_folds,
    take,
)
from bimt_bench.network.columns import WIDE, ColumnBatch, all_columns
from bimt_bench.network.distances import Distance
from bimt_bench.network.geometry import GEOMETRIES
from bimt_bench.network.lines import in_whole_lines
from bimt_bench.network.loops import loop, prepare
from bimt_bench.network.mlp import EmbeddingMlp, Mlp
from bimt_bench.network.model import ModelKind, Shapes
from bimt_bench.network.models import build
from bimt_bench.network.perceptrons import Perceptron
from bimt_bench.network.placements import Placement
from bimt_bench.network.sizing import parameters_of
from bimt_bench.network.tokens import TokenBatch
from bimt_bench.network.wiring import Attachment, Axis, Connection, Group, Part, Role, Wiring

# in the order of tables
from bimt_bench.network import perceptrons  # isort: skip
from bimt_bench.network import recurrent  # isort: skip
from bimt_bench.network import convolution  # isort: skip
from bimt_bench.network import transformer  # isort: skip

__all__ = [
    "ACTIVATIONS",
    "GEOMETRIES",
    "MODULES",
    "WIDE",
    "Architecture",
    "Attachment",
    "Axis",
    "ColumnBatch",
    "Connection",
    "Distance",
    "EmbeddingMlp",
    "Group",
    "Mlp",
    "ModelKind",
    "ModuleArchitecture",
    "PaddedBatch",
    "Part",
    "Perceptron",
    "Placement",
    "Role",
    "Scale",
    "Shapes",
    "TokenBatch",
    "Wiring",
    "all_columns",
    "build",
    "convolution",
    "in_folds",
    "in_whole_lines",
    "loop",
    "parameters_of",
    "perceptrons",
    "prepare",
    "recurrent",
    "take",
    "transformer",
]
