"""Networks: wiring, geometry, and the kinds of model with a forward pass each."""

from bimt_bench.network.architecture import ACTIVATIONS, MODULES, Architecture
from bimt_bench.network.columns import WIDE, ColumnBatch, all_columns
from bimt_bench.network.distances import Distance
from bimt_bench.network.geometry import GEOMETRIES
from bimt_bench.network.loops import loop, prepare
from bimt_bench.network.mlp import EmbeddingMlp, Mlp
from bimt_bench.network.model import ModelKind, Shapes
from bimt_bench.network.models import build
from bimt_bench.network.perceptrons import Perceptron
from bimt_bench.network.placements import Placement
from bimt_bench.network.tokens import TokenBatch
from bimt_bench.network.wiring import Attachment, Connection, Group, Role, Wiring

__all__ = [
    "ACTIVATIONS",
    "GEOMETRIES",
    "MODULES",
    "WIDE",
    "Architecture",
    "Attachment",
    "ColumnBatch",
    "Connection",
    "Distance",
    "EmbeddingMlp",
    "Group",
    "Mlp",
    "ModelKind",
    "Perceptron",
    "Placement",
    "Role",
    "Shapes",
    "TokenBatch",
    "Wiring",
    "all_columns",
    "build",
    "loop",
    "prepare",
]
