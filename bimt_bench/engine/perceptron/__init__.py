"""The fast path of multilayer perceptrons: hand-written gradients in buffers that are kept."""

from bimt_bench.engine.perceptron.gradient import PerceptronGradient, fits

__all__ = ["PerceptronGradient", "fits"]
