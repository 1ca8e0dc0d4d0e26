"""Formulas in residues modulo a whole number, exactly: read from text, never evaluated as code."""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Int

from bimt_bench.data.syntax import RefusalError, read
from bimt_bench.ground import closest

Residues = Int[np.ndarray, "n"]

UNDEFINED = -1  # stands where a formula has no value: division by what has no inverse
_MOST_PARTS = 200  # each costs a pass over all pairs
_COMPARED: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = MappingProxyType(
    {
        ast.Eq: operator.eq,
        ast.NotEq: operator.ne,
        ast.Lt: operator.lt,
        ast.LtE: operator.le,
        ast.Gt: operator.gt,
        ast.GtE: operator.ge,
    }
)
_JOINED: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = MappingProxyType(
    {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}
)


def remainders(text: str, values: Mapping[str, Residues], *, modulus: int, field: str) -> Residues:
    """The formula at values of its names, below `modulus`; `UNDEFINED` where it has no value.

    There are whole numbers, names, + - * / ** ^, `x % k`, and `x if c else y` with c of
    comparisons, `and`, `or`, `not`. Every result is taken modulo `modulus` before it is used, and
    / multiplies by the inverse. InputError, which names the field, for anything else.
    """

    def translate(tree: ast.expr) -> Residues:
        parts = sum(isinstance(node, ast.expr) for node in ast.walk(tree))
        if parts > _MOST_PARTS:
            raise RefusalError(f"{parts} parts; a formula in residues has at most {_MOST_PARTS}")
        count = len(next(iter(values.values())))
        found = _Reader(values, modulus).value(tree)
        return np.where(np.broadcast_to(found.defined, count), found.numbers % modulus, UNDEFINED)

    return read(text, translate, field=field)


@dataclass(frozen=True)
class _Value:
    """Numbers, one or one a pair, and where they are defined."""

    numbers: Any
    defined: Any = True


@dataclass(frozen=True)
class _Reader:
    values: Mapping[str, Residues]
    modulus: int

    def value(self, node: ast.expr) -> _Value:
        match node:
            case ast.Constant(value=int() as number) if not isinstance(number, bool):
                return _Value(np.int64(number % self.modulus) if number >= 2**31 else number)
            case ast.Name(id=name):
                return _Value(self._named(name))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.value(operand)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                found = self.value(operand)
                return _Value(-found.numbers % self.modulus, found.defined)
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return self._power(self.value(left), right)
            case ast.BinOp(left=left, op=op, right=right):
                return self._joined(node, self.value(left), op, self.value(right))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                chosen, one, other = self._truth(test), self.value(body), self.value(orelse)
                return _Value(
                    np.where(chosen.numbers, one.numbers, other.numbers),
                    chosen.defined & np.where(chosen.numbers, one.defined, other.defined),
                )
        raise RefusalError(
            f"'{ast.unparse(node)}' is not allowed; use whole numbers, {', '.join(self.values)}, "
            "+ - * / ** % ( ) and x if c else y"
        )

    def _named(self, name: str) -> Residues:
        if name not in self.values:
            near = closest(name, self.values)
            raise RefusalError(
                f"unknown symbol '{name}'{near}; inputs are {', '.join(self.values)}"
            )
        return self.values[name]

    def _joined(self, node: ast.expr, left: _Value, op: ast.operator, right: _Value) -> _Value:
        defined = left.defined & np.asarray(right.defined)
        if isinstance(op, ast.Div):
            inverse = self._inverse(right.numbers)
            product = left.numbers * np.maximum(inverse, 0) % self.modulus
            return _Value(product, defined & (inverse != UNDEFINED))
        if isinstance(op, ast.Mod):
            divides = np.asarray(right.numbers) != 0
            return _Value(left.numbers % np.where(divides, right.numbers, 1), defined & divides)
        if type(op) not in _JOINED:
            raise RefusalError(f"'{ast.unparse(node)}' is not allowed; use + - * / ** and %")
        a, b = left.numbers % self.modulus, right.numbers % self.modulus
        return _Value(_JOINED[type(op)](a, b) % self.modulus, defined)

    def _power(self, base: _Value, exponent: ast.expr) -> _Value:
        """By squaring; an exponent that is written as a number counts as it is, not modulo p."""
        sign, written = 1, exponent
        if isinstance(written, ast.UnaryOp) and isinstance(written.op, ast.USub):
            sign, written = -1, written.operand
        numbers, defined = base.numbers % self.modulus, np.asarray(base.defined)
        if isinstance(written, ast.Constant) and type(written.value) is int:
            times = sign * written.value
            inverse = self._inverse(numbers) if times < 0 else numbers
            table = np.array([pow(r, abs(times), self.modulus) for r in range(self.modulus)])
            return _Value(table[np.maximum(inverse, 0)], defined & (inverse != UNDEFINED))
        found = self.value(exponent)
        result, times = np.ones_like(numbers) % self.modulus, np.asarray(found.numbers)
        for bit in range(self.modulus.bit_length()):
            result = np.where(times >> bit & 1, result * numbers % self.modulus, result)
            numbers = numbers * numbers % self.modulus
        return _Value(result, defined & found.defined)

    def _inverse(self, numbers: Any) -> Any:
        """What gives 1 when multiplied; `UNDEFINED` where there is nothing."""
        table = np.full(self.modulus, UNDEFINED)
        for residue in range(self.modulus):
            if np.gcd(residue, self.modulus) == 1:
                table[residue] = pow(residue, -1, self.modulus)
        return table[numbers % self.modulus]

    def _truth(self, node: ast.expr) -> _Value:
        match node:
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARED:
                one, other = self.value(left), self.value(right)
                compared = _COMPARED[type(op)](one.numbers, other.numbers)
                return _Value(np.asarray(compared), one.defined & np.asarray(other.defined))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                found = self._truth(operand)
                return _Value(~found.numbers, found.defined)
            case ast.BoolOp(op=op, values=parts):
                join = np.logical_and if isinstance(op, ast.And) else np.logical_or
                found = [self._truth(part) for part in parts]
                return _Value(
                    join.reduce(np.broadcast_arrays(*(one.numbers for one in found))),
                    np.logical_and.reduce(
                        np.broadcast_arrays(*(np.asarray(one.defined) for one in found))
                    ),
                )
        raise RefusalError(
            f"'{ast.unparse(node)}' is no condition; compare two values, as in b % 2 == 0"
        )
