"""From a task and its data to the network that it trains."""

import warnings

from bimt_bench.data import TaskData
from bimt_bench.network.adapter import ModuleArchitecture
from bimt_bench.network.architecture import Architecture
from bimt_bench.network.fitting import check_fit
from bimt_bench.network.mlp import EmbeddingMlp, Mlp
from bimt_bench.network.model import ModelKind, Shapes
from bimt_bench.network.perceptrons import Perceptron
from bimt_bench.network.sizing import check_size
from bimt_bench.spec import MODELS, TaskSpec


def build(task: TaskSpec, data: TaskData) -> Architecture:
    """The architecture of a task, its input and output sized by the task's data.

    Raises InputError if the data do not fit the model, if it is beyond this machine's memory, if
    its module and its wiring do not fit each
    other, or if `pinned` names no group.
    """
    kind: ModelKind = MODELS.get_kind(task.model.kind)()
    shapes = Shapes.of(data)
    kind.check(task.model, shapes)
    with warnings.catch_warnings():  # a part without neurons: what is wrong with it is said below
        warnings.filterwarnings("ignore", "Initializing zero-element tensors")
        check_size(kind, task.model, shapes)
        found = ModuleArchitecture(kind, task.model, shapes, pinned=task.pinned)
        fast = _fast(found)
        if fast is not None:
            return fast
        check_fit(found)
    return found


def _fast(found: ModuleArchitecture) -> Architecture | None:
    """The same network with products of its own, if it is a perceptron, wired as one.

    `bimt_bench.engine.perceptron` differentiates it by hand.
    """
    module = found.module
    if type(module) is not Perceptron:
        return None
    pinned = tuple(group.name for group in found.wiring.groups if not group.movable)
    fast = (
        Mlp(module.sizes, activation=module.activation, pinned=pinned)
        if module.tokens is None
        else EmbeddingMlp(
            module.sizes,
            tokens=module.tokens,
            folds=module.folds,
            activation=module.activation,
            pinned=pinned,
        )
    )
    return fast if fast.wiring == found.wiring else None
