"""Networks: wiring, geometry, and the kinds of model with a forward pass each."""

from bimt_bench.network.architecture import ACTIVATIONS, MODULES, Architecture
from bimt_bench.network.columns import WIDE, ColumnBatch, all_columns
from bimt_bench.network.geometry import GEOMETRIES
from bimt_bench.network.loops import loop, prepare
from bimt_bench.network.mlp import EmbeddingMlp, Mlp
from bimt_bench.network.models import build
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
    "EmbeddingMlp",
    "Group",
    "Mlp",
    "Role",
    "TokenBatch",
    "Wiring",
    "all_columns",
    "build",
    "loop",
    "prepare",
]
