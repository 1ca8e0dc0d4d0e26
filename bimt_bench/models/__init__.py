"""Population models: a forward pass and a wiring each, and the table that holds P of them."""

from torch import Tensor

from bimt_bench.data import TaskData
from bimt_bench.models.architecture import Architecture
from bimt_bench.models.differentiation import Autograd, Differentiation
from bimt_bench.models.mlp import EmbeddingMlp, Mlp
from bimt_bench.models.perceptron import PerceptronGradient, fits
from bimt_bench.models.population import Population
from bimt_bench.models.tiles import members_at_a_time, tiles
from bimt_bench.specs import EmbeddingMlpSpec, Precision, TaskSpec

__all__ = [
    "Architecture",
    "Autograd",
    "Differentiation",
    "EmbeddingMlp",
    "Mlp",
    "PerceptronGradient",
    "Population",
    "build",
    "choose_differentiation",
    "members_at_a_time",
    "tiles",
]


def choose_differentiation(
    population: Population, gradient: Tensor, *, loss: str, precision: Precision = "float32"
) -> Differentiation:
    """The fastest way there is to differentiate the population's task loss."""
    chosen = PerceptronGradient if fits(population) else Autograd
    return chosen(population, gradient, loss=loss, precision=precision)


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
