"""From a task and its data to the network that it trains."""

from bimt_bench.data import TaskData
from bimt_bench.network.architecture import Architecture
from bimt_bench.network.mlp import EmbeddingMlp, Mlp
from bimt_bench.network.model import ModelKind, Shapes
from bimt_bench.network.perceptrons import Perceptron
from bimt_bench.spec import MODELS, TaskSpec


def build(task: TaskSpec, data: TaskData) -> Architecture:
    """The architecture of a task, its input and output sized by the task's data.

    Raises InputError if the data do not fit the model, or if `pinned` names no group.
    """
    kind: ModelKind = MODELS.get_kind(task.model.kind)()
    shapes = Shapes.of(data)
    kind.check(task.model, shapes)
    module = kind.module(task.model, shapes)
    if isinstance(module, Perceptron):
        return _perceptron(module, task.pinned)
    raise NotImplementedError(task.model.kind)


def _perceptron(module: Perceptron, pinned: tuple[str, ...]) -> Architecture:
    """The same network with batched products of its own: `bimt_bench.engine.perceptron`."""
    if module.tokens is None:
        return Mlp(module.sizes, activation=module.activation, pinned=pinned)
    return EmbeddingMlp(
        module.sizes,
        tokens=module.tokens,
        folds=module.folds,
        activation=module.activation,
        pinned=pinned,
    )
