"""The functions and constants that a formula may use: a closed table, which the docs print."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import sympy


@dataclass(frozen=True)
class Function:
    """A function of formulas: how it is called, what it is, how many arguments it takes."""

    call: str
    of: Callable[..., sympy.Expr]
    fewest: int = 1
    most: int = 1
    doc: str = ""

    def takes(self, count: int) -> bool:
        """Whether it takes so many arguments."""
        return self.fewest <= count <= self.most

    @property
    def count(self) -> str:
        """How many arguments it takes, in words."""
        if self.most == 1:
            return "one argument"
        span = f"{self.fewest} to " if self.fewest < self.most else ""
        return f"{span}{self.most} arguments"


def _written(function: Callable[..., sympy.Expr]) -> Callable[..., sympy.Expr]:
    """A maximum as it is written: to compare its arguments with each other takes SymPy seconds."""
    return lambda *arguments: function(*arguments, evaluate=False)


def _sigmoid(x: sympy.Expr) -> sympy.Expr:
    return 1 / (1 + sympy.exp(-x))


CONSTANTS: Mapping[str, sympy.Expr] = MappingProxyType({"pi": sympy.pi, "e": sympy.E})
FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "sin": Function("sin(x)", sympy.sin, doc="sine"),
        "cos": Function("cos(x)", sympy.cos, doc="cosine"),
        "tan": Function("tan(x)", sympy.tan, doc="tangent"),
        "asin": Function("asin(x)", sympy.asin, doc="inverse sine"),
        "acos": Function("acos(x)", sympy.acos, doc="inverse cosine"),
        "atan": Function("atan(x)", sympy.atan, doc="inverse tangent"),
        "arcsin": Function("arcsin(x)", sympy.asin, doc="inverse sine"),
        "arccos": Function("arccos(x)", sympy.acos, doc="inverse cosine"),
        "arctan": Function("arctan(x)", sympy.atan, doc="inverse tangent"),
        "atan2": Function("atan2(y, x)", sympy.atan2, 2, 2, doc="angle of the point (x, y)"),
        "sinh": Function("sinh(x)", sympy.sinh, doc="hyperbolic sine"),
        "cosh": Function("cosh(x)", sympy.cosh, doc="hyperbolic cosine"),
        "tanh": Function("tanh(x)", sympy.tanh, doc="hyperbolic tangent"),
        "exp": Function("exp(x)", sympy.exp, doc="e to the power of x"),
        "log": Function("log(x)", sympy.log, doc="natural logarithm"),
        "ln": Function("ln(x)", sympy.log, doc="natural logarithm"),
        "log10": Function("log10(x)", lambda x: sympy.log(x, 10), doc="logarithm to base 10"),
        "sqrt": Function("sqrt(x)", sympy.sqrt, doc="square root"),
        "erf": Function("erf(x)", sympy.erf, doc="error function"),
        "sigmoid": Function("sigmoid(x)", _sigmoid, doc="1 / (1 + exp(-x))"),
        "abs": Function("abs(x)", sympy.Abs, doc="absolute value"),
        "sign": Function("sign(x)", sympy.sign, doc="-1, 0 or 1"),
        "Heaviside": Function("Heaviside(x)", sympy.Heaviside, doc="0 below 0, 1/2 at 0, 1 above"),
        "min": Function("min(x, y, ...)", _written(sympy.Min), 2, 10, doc="smallest of up to ten"),
        "max": Function("max(x, y, ...)", _written(sympy.Max), 2, 10, doc="largest of up to ten"),
    }
)


def functions_page() -> Iterator[str]:
    """The lines of the docs' list of functions."""
    yield "| function | what it is |"
    yield "| --- | --- |"
    for function in FUNCTIONS.values():
        yield f"| `{function.call}` | {function.doc} |"
