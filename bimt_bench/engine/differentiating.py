"""The choice of how a population's loss is differentiated."""

from torch import Tensor

from bimt_bench.engine.differentiation import Autograd, Differentiation, Objective
from bimt_bench.engine.perceptron import PerceptronGradient, fits
from bimt_bench.engine.population import Population
from bimt_bench.engine.recorded import Recorded
from bimt_bench.network import ModuleArchitecture
from bimt_bench.spec import Precision


def choose_differentiation(
    population: Population,
    gradient: Tensor,
    *,
    loss: Objective,
    precision: Precision = "float32",
) -> Differentiation:
    """The fastest way there is to differentiate the population's task loss."""
    chosen = PerceptronGradient if fits(population) else Autograd
    if isinstance(population.architecture, ModuleArchitecture):
        chosen = Recorded
    return chosen(population, gradient, loss=loss, precision=precision)
