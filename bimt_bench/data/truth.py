"""What a task's formulas say about structure: dependencies, components, shared sub-expressions."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import sympy
from scipy.sparse.csgraph import connected_components

from bimt_bench.data.expressions import vectorised


@dataclass(frozen=True)
class Components:
    """The connected component, numbered from 0, that each output and each input belongs to.

    outputs: [outputs]. inputs: [inputs]; an input that no formula uses is a component of its own.
    """

    outputs: np.ndarray
    inputs: np.ndarray


@dataclass(frozen=True)
class SharedExpression:
    """A sub-expression that two or more outputs (by index) are computed from."""

    expression: sympy.Expr
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class GroundTruth:
    """What a task's formulas say about its structure.

    `depends` is bool [outputs, inputs]: whether the output's formula depends on the input.
    `expressions` has one formula an output, in the symbols `inputs`.
    """

    depends: np.ndarray
    expressions: tuple[sympy.Expr, ...]
    inputs: tuple[sympy.Symbol, ...]

    @cached_property
    def components(self) -> Components:
        """Connected components of the graph that joins each output to the inputs it depends on."""
        outputs, inputs = self.depends.shape
        graph = np.zeros((outputs + inputs, outputs + inputs), dtype=bool)
        graph[:outputs, outputs:] = self.depends
        labels = connected_components(graph, directed=False)[1]
        return Components(labels[:outputs], labels[outputs:])

    @cached_property
    def shared(self) -> tuple[SharedExpression, ...]:
        """Sub-expressions that several formulas contain, as SymPy's `cse` finds them."""
        replacements, reduced = sympy.cse(self.expressions)
        whole: dict[sympy.Symbol, sympy.Expr] = {}
        for symbol, part in replacements:
            whole[symbol] = part.xreplace(whole)
        meant: dict[sympy.Basic, sympy.Expr] = dict(replacements)
        used = [_used(sympy.sympify(formula), meant) for formula in reduced]
        found = []
        for symbol, expression in whole.items():
            outputs = tuple(i for i, symbols in enumerate(used) if symbol in symbols)
            if len(outputs) > 1 and expression.free_symbols:
                found.append(SharedExpression(expression, outputs))
        return tuple(found)

    def values(self, expression: sympy.Expr, inputs: np.ndarray) -> np.ndarray:
        """Values float64 [n] of an expression in the task's inputs, at inputs [n, inputs]."""
        function = vectorised(expression, self.inputs)
        return np.broadcast_to(function(*inputs.T), len(inputs)).astype(np.float64)


def _used(formula: sympy.Basic, meant: dict[sympy.Basic, sympy.Expr]) -> frozenset[sympy.Basic]:
    """The replacements that a formula uses, directly or through another replacement."""
    direct = {symbol for symbol in formula.free_symbols if symbol in meant}
    return frozenset(direct).union(*(_used(meant[symbol], meant) for symbol in direct))
