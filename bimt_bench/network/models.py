"""From a task and its data to the network that it trains."""

from bimt_bench.data import TaskData
from bimt_bench.network.architecture import Architecture
from bimt_bench.network.mlp import EmbeddingMlp, Mlp
from bimt_bench.spec import EmbeddingMlpSpec, TaskSpec


def build(task: TaskSpec, data: TaskData) -> Architecture:
    """The architecture of a task, its input and output sized by the task's data."""
    model = task.model
    outputs = len(data.output_names)
    if isinstance(model, EmbeddingMlpSpec):
        if data.tokens is None:
            raise ValueError(f"{task.name}: an embedding needs tokens, but the data are numbers")
        return EmbeddingMlp(
            (model.embedding, *model.hidden, outputs),
            tokens=data.tokens,
            folds=data.train_inputs.shape[1],
            activation=model.activation,
            pinned=task.pinned,
        )
    sizes = (data.train_inputs.shape[1], *model.hidden, outputs)
    return Mlp(sizes, activation=model.activation, pinned=task.pinned)
