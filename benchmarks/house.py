"""The house in figures: rooms, import arrows between them, levels, and what goes against the plan.

A room is a folder of the package with an `__init__`, or a module that lies loose in the root. An
arrow joins two rooms when any file of the first imports from the second, for types or locally
too. Run: python -m benchmarks.house [--arrows]
"""

import argparse
import ast
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import igraph

PACKAGE = Path(__file__).parents[1] / "bimt_bench"
_LARGEST = 8

Arrow = tuple[str, str]


@dataclass(frozen=True)
class Import:
    """One import of the package by a file of its own, in dotted names below the package.

    `named` is the module in the statement, `reached` the one that it leads to.
    """

    file: str
    named: str
    reached: str


@dataclass(frozen=True)
class House:
    """The rooms of a package and how they are joined.

    `levels` counts the rooms on the longest path. `upward` are arrows against the layers;
    `circles` are groups of rooms that import each other, where a folder and its own subfolder may:
    they are one part of the house. `deep` are imports from outside a folder that pass by its
    `__init__`. `largest` are files with their number of lines.
    """

    rooms: tuple[str, ...]
    arrows: tuple[Arrow, ...]
    levels: int
    upward: tuple[Arrow, ...]
    circles: tuple[tuple[str, ...], ...]
    deep: tuple[Import, ...]
    largest: tuple[tuple[str, int], ...]


def survey(package: Path = PACKAGE, layers: Sequence[str] | None = None) -> House:
    """Reads all files of a package.

    `layers` are the rooms of its root from the top down, those of one level in one string,
    separated by `|`; absent: as the import-linter contract in pyproject.toml beside it has them.
    """
    modules = {_dotted(package, path): path for path in sorted(package.rglob("*.py"))}
    folders = {name for name, path in modules.items() if path.name == "__init__.py"} - {""}
    rooms = sorted({_room(name, folders) for name in modules} - {"", "__main__"})
    found = [one for name, path in modules.items() for one in _imports(name, path, modules)]
    ends = {(_room(one.file, folders), _room(one.reached, folders)) for one in found}
    arrows = sorted((a, b) for a, b in ends if a != b and a in rooms and b in rooms)
    ranks = _ranks(_contract(package) if layers is None else layers)
    sizes = {path.relative_to(package).as_posix(): _lines(path) for path in modules.values()}
    return House(
        rooms=tuple(rooms),
        arrows=tuple(arrows),
        levels=_levels(rooms, arrows),
        upward=tuple((a, b) for a, b in arrows if _rank(a, ranks) > _rank(b, ranks)),
        circles=_circles(rooms, [(a, b) for a, b in arrows if not _nested(a, b)]),
        deep=tuple(one for one in found if _passes_by(one, folders)),
        largest=tuple(sorted(sizes.items(), key=lambda one: -one[1])[:_LARGEST]),
    )


# ------------------------------------------------------------------------------ what files say


def _dotted(package: Path, path: Path) -> str:
    """The module's name below the package, a folder's for its `__init__`, '' for the root's."""
    parts = path.relative_to(package).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def _imports(file: str, path: Path, modules: Mapping[str, Path]) -> Iterator[Import]:
    """Every import of the package itself in a file, wherever it stands."""
    root = modules[""].parent.name
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [(node.module or "", alias.name) for alias in node.names]
        else:
            continue
        for module, part in names:
            if module.split(".")[0] == root:
                named = module[len(root) + 1 :]
                whole = f"{named}.{part}".strip(".")
                yield Import(file, named, whole if whole in modules else named)


def _contract(package: Path) -> list[str]:
    """The layers of the package, from the top down."""
    project = tomllib.loads((package.parent / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    return next(one["layers"] for one in contracts if one["type"] == "layers")


# ------------------------------------------------------------------------------ rooms


def _room(module: str, folders: set[str]) -> str:
    """The innermost folder that a module is or lies in; the module itself if it lies loose."""
    parts = module.split(".")
    above = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((name for name in above if name in folders), module)


def _inside(module: str, folder: str) -> bool:
    return module == folder or module.startswith(f"{folder}.")


def _nested(one: str, other: str) -> bool:
    return _inside(one, other) or _inside(other, one)


def _passes_by(one: Import, folders: set[str]) -> bool:
    """Whether the statement names a module in a folder that its file does not lie in."""
    folder = _room(one.named, folders)
    return one.named != folder and folder in folders and not _inside(one.file, folder)


def _ranks(layers: Sequence[str]) -> dict[str, int]:
    """Rank of each room of the root, 0 at the top; the contract marks optional ones as (name)."""
    return {
        name.strip(" ()"): rank for rank, layer in enumerate(layers) for name in layer.split("|")
    }


def _rank(room: str, ranks: Mapping[str, int]) -> int:
    """The rank of the layer that a room belongs to; KeyError if no layer has it."""
    return ranks[room.split(".")[0]]


# ------------------------------------------------------------------------------ arrows


def _circles(rooms: Sequence[str], arrows: Sequence[Arrow]) -> tuple[tuple[str, ...], ...]:
    graph = igraph.Graph.DictList([{"name": r} for r in rooms], _edges(arrows), directed=True)
    parts = graph.connected_components(mode="strong")
    return tuple(tuple(rooms[i] for i in part) for part in parts if len(part) > 1)


def _levels(rooms: Sequence[str], arrows: Sequence[Arrow]) -> int:
    """Rooms on the longest path, where those of a circle count as one."""
    graph = igraph.Graph.DictList([{"name": r} for r in rooms], _edges(arrows), directed=True)
    whole = graph.connected_components(mode="strong").cluster_graph()
    depth: dict[int, int] = {}
    for vertex in whole.topological_sorting(mode="in"):
        below = (depth[other] for other in whole.successors(vertex))
        depth[vertex] = 1 + max(below, default=0)
    return max(depth.values(), default=0)


def _edges(arrows: Sequence[Arrow]) -> list[dict[str, str]]:
    return [{"source": a, "target": b} for a, b in arrows]


# ------------------------------------------------------------------------------ the page


def page(house: House, *, arrows: bool = False) -> str:
    """The survey as text; with every arrow if asked."""
    lines = [
        f"rooms    {len(house.rooms):4}",
        f"arrows   {len(house.arrows):4}",
        f"levels   {house.levels:4}",
        f"upward   {len(house.upward):4}  {_pairs(house.upward)}",
        f"circles  {len(house.circles):4}  {'; '.join(' '.join(c) for c in house.circles)}",
        f"deep     {len(house.deep):4}",
        *(f"    {one.file} imports {one.named}" for one in house.deep),
        "largest files",
        *(f"    {count:4}  {name}" for name, count in house.largest),
    ]
    if arrows:
        lines.append("arrows")
        for room in house.rooms:
            to = [b for a, b in house.arrows if a == room]
            lines.append(f"    {room:20} {len(to):3}  {' '.join(to)}")
    return "\n".join(line.rstrip() for line in lines)


def _pairs(arrows: Sequence[Arrow]) -> str:
    return ", ".join(f"{a} -> {b}" for a, b in arrows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arrows", action="store_true", help="print every arrow too")
    print(page(survey(), arrows=parser.parse_args().arrows))


if __name__ == "__main__":
    main()
