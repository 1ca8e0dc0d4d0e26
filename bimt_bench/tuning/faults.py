"""The faults of a sweep's file, told all at once, each with the dotted path of its place."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from bimt_bench.ground import InputError, listed


@dataclass(frozen=True)
class Scope:
    """What a place of the file was judged for."""

    task: str
    recipe: str


@dataclass
class Faults:
    """What was found wrong so far. One fault in many tasks and recipes is one line."""

    _found: dict[tuple[str, str], set[Scope]] = field(default_factory=dict)
    _judged: dict[str, set[Scope]] = field(default_factory=dict)

    def add(self, path: str, text: str, scope: Scope | None = None) -> None:
        """Something wrong at `path`; `text` goes on where the path ends (': -1 given; ...')."""
        scopes = self._found.setdefault((path, text), set())
        if scope is not None:
            scopes.add(scope)

    def judge(self, path: str, scope: Scope) -> None:
        """Notes for what the value at `path` is judged, so that a line can say where it fails."""
        self._judged.setdefault(path, set()).add(scope)

    def of(self, scope: Scope) -> bool:
        """Whether anything is wrong there."""
        return any(scope in scopes for scopes in self._found.values())

    def refuse(self) -> None:
        """InputError with a line for each of the first faults, if there is one."""
        lines = [
            f"{path}{text}{_where(scopes, self._judged.get(path, scopes))}"
            for (path, text), scopes in self._found.items()
        ]
        if lines:
            raise InputError(listed(lines))


def _where(failing: Iterable[Scope], judged: Iterable[Scope]) -> str:
    """Tasks and recipes in which something fails, where it does not fail in all."""
    parts = []
    for word in ("recipe", "task"):
        ours, others = ({getattr(scope, word) for scope in s} for s in (failing, judged))
        if ours != others:
            parts.append(f"{word} {', '.join(sorted(ours))}")
    return f" ({'; '.join(parts)})" if parts else ""
