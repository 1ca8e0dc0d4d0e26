"""Which source files a module's numbers follow from, found by import, and what those files say.

A file counts by its syntax tree, from which everything is taken out that only people read:
comments, docstrings, what `raise` is told, descriptions of settings, titles of recipes, `__all__`
and `__version__`. Nothing is imported, so that this is quick and works from an installed wheel.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1]
# Fields of specifications, and of recipes, that describe them.
_DESCRIBED = ("setting", "told", "later")
_DESCRIPTIONS = ("doc", "description")
# Words of messages, and what is refused: no number follows from them, wherever they are called.
_WORDING = frozenset(f"bimt_bench.ground.{one}" for one in ("nearest", "text", "machine"))
_FACTS = ("title", "equation", "source")
_TOLD = ("title", "source", "untrained")  # of a metric, what only people read

_UNSAID = ("ctx", "kind", "type_comment")

# A module and a name in it; None for the module itself.
_Import = tuple[str, str | None]


@dataclass(frozen=True)
class _File:
    """What a file says: the digest of its tree, what it imports, and under which names."""

    digest: str
    imports: tuple[_Import, ...]
    bound: Mapping[str, _Import]


def code_of(roots: Iterable[str], *, package: Path = PACKAGE) -> dict[str, str]:
    """Every module of the package that some modules depend on, themselves too, with its digest.

    A name that a folder's `__init__` passes on stands for the module that defines it, so that
    importing one thing from a folder does not bring all of it. Roots outside of the package are
    passed over, and so is what words suggestions. Sorted by name. OSError if a root has no file.
    """
    found: dict[str, str] = {}
    waiting = [module for root in roots for module in _homes(package, root, None)]
    while waiting:
        module = waiting.pop()
        if module in found or module in _WORDING:
            continue
        file = _read(package, module)
        found[module] = file.digest
        for imported, name in file.imports:
            waiting += _homes(package, imported, name)
    return dict(sorted(found.items()))


def code_digest(roots: Iterable[str], *, package: Path = PACKAGE) -> str:
    """12 hex digits over all that `code_of` finds."""
    told = "".join(f"{name} {digest}\n" for name, digest in code_of(roots, package=package).items())
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def modules_in(folder: str, *, package: Path = PACKAGE) -> list[str]:
    """The modules that lie directly in a folder of the package, its `__init__` left out."""
    return [
        f"{folder}.{path.stem}"
        for path in sorted(_place(package, folder).glob("*.py"))
        if path.stem != "__init__"
    ]


def changed(code: Mapping[str, str], *, package: Path = PACKAGE) -> list[str]:
    """The modules that do not say here what they say in `code` (see `code_of`)."""
    return [name for name, digest in code.items() if _digest_here(package, name) != digest]


def _digest_here(package: Path, module: str) -> str | None:
    try:
        return _read(package, module).digest
    except OSError:
        return None


# --------------------------------------------------------------------------- modules and names


def _homes(package: Path, module: str, name: str | None) -> list[str]:
    """The modules of the package that define a name of a module."""
    if module.split(".")[0] != package.name:
        return []
    if name is None or not _place(package, module).is_dir():
        return [module]
    if name == "*":
        return [module, *modules_in(module, package=package)]
    passed_on = _read(package, module).bound.get(name)
    if passed_on is not None and passed_on != (module, name):
        return _homes(package, *passed_on)
    part = f"{module}.{name}"
    return [part if _path(package, part).is_file() else module]


def _place(package: Path, module: str) -> Path:
    return package.joinpath(*module.split(".")[1:])


def _path(package: Path, module: str) -> Path:
    place = _place(package, module)
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def _read(package: Path, module: str) -> _File:
    path = _path(package, module)
    return _parsed(
        path.read_bytes(), module if path.stem == "__init__" else module.rpartition(".")[0]
    )


@lru_cache(maxsize=512)
def _parsed(source: bytes, folder: str) -> _File:
    """What a source file in a folder (its package) says."""
    plain = _Plain()
    tree = plain.visit(ast.parse(source))
    said, used, found = _said(tree, folder)
    messages = [one for one in tree.body if _makes_messages(one, plain.untold - used)]
    if messages:
        for one in messages:
            plain.drop(one)
            tree.body.remove(one)
        said, used, found = _said(tree, folder)
    untold = plain.untold - used  # only told to people: `raise Error(closest(...))`
    imports = dict.fromkeys(imported for name, imported in found if name not in untold)
    digest = hashlib.sha256(said.encode()).hexdigest()[:12]
    return _File(digest, tuple(imports), dict(found))


def _makes_messages(node: ast.stmt, dropped: set[str]) -> bool:
    """Whether it is a private function that is only called to tell what is wrong."""
    return isinstance(node, ast.FunctionDef) and node.name[0] == "_" and node.name in dropped


def _imports(node: ast.AST, folder: str) -> Iterator[tuple[str, _Import]]:
    """The names that an import binds, each with what it stands for."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.asname or alias.name, (alias.name, None)
    elif isinstance(node, ast.ImportFrom):
        module = node.module or ""
        if node.level:
            parts = folder.split(".")
            above = parts[: len(parts) - node.level + 1]
            module = ".".join([*above, *([node.module] if node.module else [])])
        for alias in node.names:
            yield alias.asname or alias.name, (module, alias.name)


# --------------------------------------------------------------------------- what a tree says


class _Plain(ast.NodeTransformer):
    """Takes out what only people read; `untold` are the names that errors and messages had."""

    def __init__(self) -> None:
        """Nothing is taken out yet."""
        self.untold: set[str] = set()

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Docstrings, of fields and constants too."""
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return None
        return self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """Which error is raised counts, what it says does not."""
        kind = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        self.drop(node)
        return ast.Raise(exc=_as_text(kind), cause=None)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        """So too which error is caught."""
        self.drop(node.type)
        node.type = _as_text(node.type)
        return self.generic_visit(node)

    def drop(self, tree: ast.AST | None) -> None:
        """Notes the names of what is taken out."""
        held = () if tree is None else ast.walk(tree)
        self.untold |= {node.id for node in held if isinstance(node, ast.Name)}

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Descriptions of settings and fields, and what tables print of metrics."""
        node.keywords = [one for one in node.keywords if one.arg not in _DESCRIPTIONS]
        if isinstance(node.func, ast.Name) and node.func.id in _DESCRIBED:
            node.args = node.args[:1]
        if isinstance(node.func, ast.Name) and node.func.id == "metric":
            node.keywords = [one for one in node.keywords if one.arg not in _TOLD]
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """What tables print of a recipe."""
        node.body = [one for one in node.body if not _assigns(one, _FACTS)]
        return self.generic_visit(node)

    def visit_Module(self, node: ast.Module) -> ast.AST:
        """The version, and the list of public names."""
        node.body = [one for one in node.body if not _assigns(one, ("__all__", "__version__"))]
        return self.generic_visit(node)


def _as_text(kind: ast.expr | None) -> ast.Constant | None:
    """The name of an error: what is defined with it are messages."""
    return None if kind is None else ast.Constant(ast.unparse(kind))


def _assigns(node: ast.stmt, names: tuple[str, ...]) -> bool:
    """Whether a statement gives one of these names a value that is written out."""
    if not isinstance(node, ast.Assign):
        return False
    (target, *others) = node.targets
    written = isinstance(node.value, ast.Constant | ast.List | ast.Tuple)
    return not others and written and isinstance(target, ast.Name) and target.id in names


def _said(tree: ast.AST, folder: str) -> tuple[str, set[str], list[tuple[str, _Import]]]:
    """What a tree says, the names that it uses, and what it imports."""
    said: list[str] = []
    kept: list[ast.AST] = []
    _say(tree, said, kept)
    used = {node.id for node in kept if isinstance(node, ast.Name)}
    return "".join(said), used, [bound for node in kept for bound in _imports(node, folder)]


def _say(node: Any, said: list[str], kept: list[ast.AST]) -> None:
    """Adds a tree as text that is the same in every version of Python: empty fields are left out.

    Adds its names and imports to `kept`.
    """
    if isinstance(node, ast.AST):
        if isinstance(node, ast.Name | ast.Import | ast.ImportFrom):
            kept.append(node)
        said.append(f"{type(node).__name__}(")
        for name in node._fields:
            value = getattr(node, name, None)
            if value is not None and value != [] and name not in _UNSAID:
                said.append(f"{name}=")
                _say(value, said, kept)
        said.append(")")
    elif isinstance(node, list):
        for one in node:
            _say(one, said, kept)
            said.append(",")
    else:
        said.append(repr(node))
