"""Reads a formula into a SymPy expression without ever evaluating its text.

Python's own parser turns the text into a tree; only numbers, declared symbols, arithmetic and the
functions of a closed table are translated, and everything else is refused.
"""

import ast
import keyword
import math
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy

from bimt_bench.data.functions import CONSTANTS, FUNCTIONS
from bimt_bench.data.syntax import RefusalError, read
from bimt_bench.ground import InputError, closest

_OPERATORS: Mapping[type[ast.operator], Callable[[sympy.Expr, sympy.Expr], sympy.Expr]] = (
    MappingProxyType(
        {
            ast.Add: lambda x, y: x + y,
            ast.Sub: lambda x, y: x - y,
            ast.Mult: lambda x, y: x * y,
            ast.Div: lambda x, y: x / y,
            ast.Pow: lambda x, y: _power(x, y),
        }
    )
)
# These keep a line of text from becoming hours of algebra; formulas people read are far below.
_LARGEST_EXPONENT = 100
_HIGHEST_DEGREE = 100
_MOST_FUNCTIONS = 50
_DEEPEST = 10  # functions within functions
_LARGEST_NUMBER = 10**15
_LONGEST_NAME = 60
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def symbols(names: Sequence[str], *, field: str) -> dict[str, sympy.Symbol]:
    """Real symbols of the declared names; InputError if a name cannot be one."""
    for i, name in enumerate(names):
        where = f"{field}.{i}: '{name}'"
        if len(name) > _LONGEST_NAME:
            raise InputError(f"{field}.{i}: {len(name):,} characters; at most {_LONGEST_NAME}")
        if keyword.iskeyword(name):
            raise InputError(
                f"{where} is a word of Python, in which formulas are read; use another"
            )
        if not _NAME.fullmatch(name):
            raise InputError(f"{where} is not a name; use letters, digits and _, such as x1")
        if name in CONSTANTS or name in FUNCTIONS:
            raise InputError(f"{where} already means a constant or a function; use another name")
        if name in names[:i]:
            raise InputError(f"{where} is declared twice")
    return {name: sympy.Symbol(name, real=True) for name in names}


def parse(text: str, known: Mapping[str, sympy.Symbol], *, field: str) -> sympy.Expr:
    """The expression that `text` writes in the `known` symbols, `^` being a power as `**` is.

    Numbers are taken as exact decimals. Raises InputError for anything but numbers, known
    symbols, `CONSTANTS`, `FUNCTIONS` and + - * / ** ^, for an expression that is not a finite
    real number anywhere (1/0, sqrt(-1)), and for one beyond the limits of size, degree and depth.
    """
    return read(text, lambda tree: _translated(tree, known), field=field)


def vectorised(expression: sympy.Expr, inputs: Sequence[sympy.Symbol]) -> Callable[..., np.ndarray]:
    """The expression as a function of one array an input."""
    # dummify: no name of an input can clash with a name in the generated function
    return sympy.lambdify(list(inputs), expression, modules=["scipy", "numpy"], dummify=True)


def _translated(tree: ast.expr, known: Mapping[str, sympy.Symbol]) -> sympy.Expr:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    if len(calls) > _MOST_FUNCTIONS:
        raise RefusalError(f"{len(calls)} functions; a formula has at most {_MOST_FUNCTIONS}")
    if _depth(tree) > _DEEPEST:
        raise RefusalError(f"functions stand more than {_DEEPEST} deep within each other")
    expression, _ = _translate(tree, known)
    for number in expression.atoms(sympy.Rational):
        if abs(number) > _LARGEST_NUMBER:
            raise RefusalError(f"it contains a number beyond {_LARGEST_NUMBER:.0e}")
    return expression


def _depth(tree: ast.AST) -> int:
    """How deep functions stand within functions; without recursion, as trees may be deep."""
    deepest, waiting = 0, [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        depth += isinstance(node, ast.Call)
        deepest = max(deepest, depth)
        waiting += [(child, depth) for child in ast.iter_child_nodes(node)]
    return deepest


def _translate(node: ast.expr, known: Mapping[str, sympy.Symbol]) -> tuple[sympy.Expr, float]:
    """The expression of a node, and its degree: a function counts as its arguments do."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return _number(value), 0
        case ast.Name(id=name):
            return _name(name, known), int(name in known)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _translate(operand, known)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            expression, degree = _translate(operand, known)
            return -expression, degree
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            sides = _translate(left, known), _translate(right, known)
            degree = _checked_degree(op, *sides)
            return _finite(_OPERATORS[type(op)](sides[0][0], sides[1][0]), node), degree
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            found = [_translate(argument, known) for argument in _counted(node, name, arguments)]
            value = FUNCTIONS[name].of(*(expression for expression, _ in found))
            return _finite(value, node), max(degree for _, degree in found)
        case ast.Call():
            raise RefusalError(_refused_call(node))
    raise RefusalError(
        f"'{ast.unparse(node)}' is not allowed; use numbers, names, + - * / ** and ( )"
    )


def _checked_degree(
    op: ast.operator, left: tuple[sympy.Expr, float], right: tuple[sympy.Expr, float]
) -> float:
    """The degree of a sum, product or power, before it is made."""
    if isinstance(op, ast.Add | ast.Sub):
        degree = max(left[1], right[1])
    elif isinstance(op, ast.Pow) and right[0].is_number and right[0].is_real:
        size = abs(float(right[0]))
        if size > _LARGEST_EXPONENT:
            raise RefusalError(f"exponent {right[0]} is beyond {_LARGEST_EXPONENT}")
        degree = left[1] * max(1.0, size)
    else:
        degree = left[1] + right[1]
    if degree > _HIGHEST_DEGREE:
        raise RefusalError(f"degree {degree:g} is beyond {_HIGHEST_DEGREE}")
    return degree


def _counted(node: ast.Call, name: str, arguments: list[ast.expr]) -> list[ast.expr]:
    """The arguments of a function, if it takes as many."""
    function = FUNCTIONS[name]
    if any(isinstance(one, ast.Starred) for one in arguments) or not function.takes(len(arguments)):
        raise RefusalError(_refused_call(node))
    return arguments


def _number(value: int | float) -> sympy.Expr:
    if not math.isfinite(value) or abs(value) > _LARGEST_NUMBER:
        raise RefusalError(f"the number {value:.6g} is too large")
    return sympy.Rational(str(value))  # exact, so that 0.1 x + 0.2 x - 0.3 x is nothing


def _name(name: str, known: Mapping[str, sympy.Symbol]) -> sympy.Expr:
    if name in known:
        return known[name]
    if name in CONSTANTS:
        return CONSTANTS[name]
    if name in FUNCTIONS:
        raise RefusalError(f"function '{name}' needs an argument: {FUNCTIONS[name].call}")
    raise RefusalError(
        f"unknown symbol '{name}'{closest(name, [*known, *CONSTANTS])}; "
        f"inputs are {', '.join(known)}"
    )


def _refused_call(node: ast.Call) -> str:
    name = ast.unparse(node.func)
    if name in FUNCTIONS:
        function = FUNCTIONS[name]
        return f"function '{name}' takes {function.count}, as in {function.call}"
    return f"unknown function '{name}'{closest(name, FUNCTIONS)}; there are {', '.join(FUNCTIONS)}"


def _power(base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
    if exponent.is_number and not abs(exponent) <= _LARGEST_EXPONENT:
        raise RefusalError(f"exponent {exponent} is beyond {_LARGEST_EXPONENT}")
    if base.is_number and exponent.is_number:
        size = abs(sympy.log(sympy.Abs(base), 10) * exponent) if base != 0 else sympy.S.Zero
        if not size.evalf() < 100:
            raise RefusalError(f"({base}) ** ({exponent}) is too large a number")
    return base**exponent


def _finite(expression: sympy.Expr, node: ast.expr) -> sympy.Expr:
    strange = (sympy.zoo, sympy.nan, sympy.oo, -sympy.oo, sympy.I)
    if expression.has(*strange):
        raise RefusalError(f"'{ast.unparse(node)}' is not a finite real number")
    if expression.is_number:
        value: Any = expression.evalf(15)
        if not value.is_real:
            raise RefusalError(f"'{ast.unparse(node)}' is not a finite real number")
        if not abs(value) <= _LARGEST_NUMBER:
            raise RefusalError(f"'{ast.unparse(node)}' is too large a number")
    return expression
