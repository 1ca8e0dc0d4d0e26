"""The perceptrons' hand-written gradient: persistent buffers, batched products, no autograd."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from bimt_bench.engine.differentiation import Noise, Objective
from bimt_bench.engine.perceptron.between import Between, TorchBetween
from bimt_bench.engine.perceptron.compiled import CompiledBetween
from bimt_bench.engine.perceptron.products import products_in
from bimt_bench.engine.perceptron.workspace import Workspace
from bimt_bench.engine.population import Population
from bimt_bench.network import EmbeddingMlp, Mlp, TokenBatch
from bimt_bench.spec import Precision

# Entries of a weight up to which the CPU's products of all members are faster written into a table
# of their own, then copied, than one by one to where they belong.
_SMALL = 1 << 12


class PerceptronGradient:
    """Loss gradient of an `Mlp` or `EmbeddingMlp` population, written to a gradient table.

    The table's first row is that of the first member under way: it may be shorter than the
    population, and stays in a cache while a few members at a time are worked through. What lies
    `between` the products is done in compiled loops on a CPU, otherwise by torch's operators.
    """

    def __init__(
        self,
        population: Population,
        gradient: Tensor,
        *,
        loss: Objective,
        precision: Precision = "float32",
        between: Callable[..., Between] | None = None,
    ) -> None:
        if not isinstance(population.architecture, Mlp):
            found = type(population.architecture).__name__
            raise TypeError(f"a perceptron's gradient does not fit {found}")
        self._population = population
        self._table = gradient
        self._loss = loss
        self._products = products_in(precision)
        on_cpu = gradient.device.type == "cpu"
        self._make = between or (CompiledBetween if on_cpu else TorchBetween)
        self._apart = _SMALL if on_cpu else 0
        self._betweens: dict[tuple[int, int, int], Between] = {}

    def gradient(
        self, batch: object, targets: Tensor, rows: slice, noise: Noise | None = None
    ) -> None:
        """Sets the members' rows of the gradient table to d loss / d theta."""
        between = self._between(rows, targets.shape[-1])
        space = between.space
        if isinstance(batch, TokenBatch):
            between.embed(batch)
        else:
            between.enter(batch)
            between.activate(0)
        _scale(between, 0, rows, noise)
        last = space.depth - 1
        for layer in range(1, last + 1):
            between.affine(layer, space.weights[layer], space.active[layer - 1])
            if layer < last:
                between.activate(layer)
                _scale(between, layer, rows, noise)
        between.loss(targets)
        for layer in range(last, 0, -1):
            below = space.active[layer - 1].mT
            self._multiply(space.deltas[layer], below, space.weight_gradients[layer], space)
            _hand_down(space, layer)
            if layer > 1:
                between.descend(layer - 1)
        if isinstance(batch, TokenBatch):
            self._token_gradients(between, batch)
        else:
            between.descend(0)
            between.input_gradient(batch)

    def outputs(self, rows: slice, samples: int) -> Float[Tensor, "rows outputs batch"]:
        """The outputs that the last gradient of these members was computed at."""
        return self._between(rows, samples).outputs()

    def _between(self, rows: slice, samples: int) -> Between:
        key = (rows.start, rows.stop, samples)
        if key not in self._betweens:
            space = Workspace(
                self._population,
                self._table,
                rows,
                samples,
                products=self._products,
                shared=[between.space for between in self._betweens.values()],
            )
            self._betweens[key] = self._make(space, loss=self._loss)
        return self._betweens[key]

    def _multiply(self, left: Tensor, right: Tensor, out: Tensor, space: Workspace) -> None:
        """left @ right into a part of the gradient table."""
        if out[0].numel() < self._apart:
            found = space.buffer("dw", out.shape[1:])
            out.copy_(self._products.times(left, right, out=found))
        else:
            self._products.times(left, right, out=out)

    def _token_gradients(self, between: Between, batch: TokenBatch) -> None:
        """The gradient of the first layer, whose input are tokens, and of the embedding."""
        space = between.space
        sums = between.descend_tokens(batch)
        layers = space.weight_gradients[0].chunk(len(sums), dim=2)
        parts = space.weights[0].chunk(len(sums), dim=2)
        for fold, of_token in enumerate(sums):
            self._multiply(of_token.mT, space.embedding, layers[fold], space)
            if fold == 0:
                self._multiply(of_token, parts[fold], space.embedding_gradient, space)
            else:
                found = space.buffer("de", space.embedding.shape[1:])
                product = self._products.times(of_token, parts[fold], out=found)
                space.embedding_gradient.add_(product)


def _scale(between: Between, layer: int, rows: slice, noise: Noise | None) -> None:
    """Multiplies what a layer sends on, and what comes back to it, with the noise there is."""
    if noise is None or layer == between.space.depth - 1:
        return
    factor = noise(rows, f"hidden{layer + 1}", between.space.active[layer])
    if factor is not None:
        between.scale(layer, factor)


def _hand_down(space: Workspace, layer: int) -> None:
    """The gradient with respect to the activations below a layer, into `backs`."""
    weight, delta, back = space.weights[layer], space.deltas[layer], space.backs[layer - 1]
    if back.is_contiguous():
        space.products.times(weight.mT, delta, out=back)
    else:  # samples lie as rows
        space.products.times(delta.mT, weight, out=back.mT)


def fits(population: Population) -> bool:
    """Whether the population's architecture is one this gradient knows."""
    return type(population.architecture) in (Mlp, EmbeddingMlp)
