"""Reads a formula into a SymPy expression without ever evaluating its text.

Python's own parser turns the text into a tree; only numbers, declared symbols, arithmetic and a
closed table of functions are translated, and everything else is refused.
"""

import ast
import keyword
import math
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import sympy

from bimt_bench.ground import InputError, closest

CONSTANTS: Mapping[str, sympy.Expr] = MappingProxyType({"pi": sympy.pi, "e": sympy.E})
FUNCTIONS: Mapping[str, Callable[[sympy.Expr], sympy.Expr]] = MappingProxyType(
    {
        "sin": sympy.sin,
        "cos": sympy.cos,
        "tan": sympy.tan,
        "asin": sympy.asin,
        "acos": sympy.acos,
        "atan": sympy.atan,
        "sinh": sympy.sinh,
        "cosh": sympy.cosh,
        "tanh": sympy.tanh,
        "exp": sympy.exp,
        "log": sympy.log,
        "sqrt": sympy.sqrt,
        "abs": sympy.Abs,
        "sigmoid": lambda x: 1 / (1 + sympy.exp(-x)),
    }
)
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
_LONGEST = 1000  # characters: a formula people read is far shorter
_LARGEST_EXPONENT = 100  # keeps a line of text from becoming hours of algebra
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class _RefusalError(Exception):
    """Why a part of a formula is refused; `parse` adds which formula it was."""


def symbols(names: Sequence[str], *, field: str) -> dict[str, sympy.Symbol]:
    """Real symbols of the declared names; InputError if a name cannot be one."""
    for i, name in enumerate(names):
        where = f"{field}.{i}: '{name}'"
        if not _NAME.fullmatch(name) or keyword.iskeyword(name):
            raise InputError(f"{where} is not a name; use letters, digits and _, such as x1")
        if name in CONSTANTS or name in FUNCTIONS:
            raise InputError(f"{where} already means a constant or a function; use another name")
        if name in names[:i]:
            raise InputError(f"{where} is declared twice")
    return {name: sympy.Symbol(name, real=True) for name in names}


def parse(text: str, known: Mapping[str, sympy.Symbol], *, field: str) -> sympy.Expr:
    """The expression that `text` writes in the `known` symbols, `^` being a power as `**` is.

    Numbers are taken as exact decimals. Raises InputError for anything but numbers, known
    symbols, `CONSTANTS`, `FUNCTIONS` of one argument and + - * / ** ^, and for an expression
    that is not a finite real number anywhere (1/0, sqrt(-1)).
    """
    if len(text) > _LONGEST:
        raise InputError(f"{field}: {len(text)} characters; a formula has at most {_LONGEST}")
    try:
        tree = ast.parse(text.strip().replace("^", "**"), mode="eval")
        return _translate(tree.body, known)
    except _RefusalError as refusal:
        raise InputError(f"{field}: '{text}': {refusal}") from None
    except SyntaxError as error:
        raise InputError(f"{field}: '{text}' is not a formula: {error.msg}") from None
    except (RecursionError, MemoryError, ValueError, OverflowError) as error:
        told = str(error) or type(error).__name__
        raise InputError(f"{field}: '{text}' is not a formula that can be read: {told}") from None


def _translate(node: ast.expr, known: Mapping[str, sympy.Symbol]) -> sympy.Expr:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return _number(value)
        case ast.Name(id=name):
            return _name(name, known)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _translate(operand, known)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_translate(operand, known)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            apply = _OPERATORS[type(op)]
            return _finite(apply(_translate(left, known), _translate(right, known)), node)
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in FUNCTIONS:
            return _finite(FUNCTIONS[name](_translate(argument, known)), node)
        case ast.Call():
            raise _RefusalError(_refused_call(node))
    raise _RefusalError(
        f"'{ast.unparse(node)}' is not allowed; use numbers, names, + - * / ** and ( )"
    )


def _number(value: int | float) -> sympy.Expr:
    if not math.isfinite(value) or abs(value) > 1e15:
        raise _RefusalError(f"the number {value} is too large")
    return sympy.Rational(str(value))  # exact, so that 0.1 x + 0.2 x - 0.3 x is nothing


def _name(name: str, known: Mapping[str, sympy.Symbol]) -> sympy.Expr:
    if name in known:
        return known[name]
    if name in CONSTANTS:
        return CONSTANTS[name]
    if name in FUNCTIONS:
        raise _RefusalError(f"function '{name}' needs an argument: {name}(...)")
    raise _RefusalError(
        f"unknown symbol '{name}'{closest(name, [*known, *CONSTANTS])}; "
        f"inputs are {', '.join(known)}"
    )


def _refused_call(node: ast.Call) -> str:
    name = ast.unparse(node.func)
    if name in FUNCTIONS:
        return f"function '{name}' takes one argument, as in {name}(x)"
    return f"unknown function '{name}'{closest(name, FUNCTIONS)}; there are {', '.join(FUNCTIONS)}"


def _power(base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
    if exponent.is_number and not abs(exponent) <= _LARGEST_EXPONENT:
        raise _RefusalError(f"exponent {exponent} is beyond {_LARGEST_EXPONENT}")
    if base.is_number and exponent.is_number:
        size = abs(sympy.log(sympy.Abs(base), 10) * exponent) if base != 0 else sympy.S.Zero
        if not size.evalf() < 100:
            raise _RefusalError(f"({base}) ** ({exponent}) is too large a number")
    power = base**exponent
    # SymPy joins (x ** 90) ** 90 into one power
    joined = power.as_base_exp()[1]
    if joined.is_number and not abs(joined) <= _LARGEST_EXPONENT:
        raise _RefusalError(f"exponent {joined} is beyond {_LARGEST_EXPONENT}")
    return power


def _finite(expression: sympy.Expr, node: ast.expr) -> sympy.Expr:
    strange = (sympy.zoo, sympy.nan, sympy.oo, -sympy.oo, sympy.I)
    if expression.has(*strange):
        raise _RefusalError(f"'{ast.unparse(node)}' is not a finite real number")
    return expression
