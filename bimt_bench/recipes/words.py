"""How settings are said, in names of runs, tables, figures and the line of the best so far."""

import json
from collections.abc import Iterable, Mapping, Sequence


def differing(configurations: Sequence[Mapping[str, object]], dial: str | None) -> tuple[str, ...]:
    """The settings in which configurations of one recipe differ besides its dial, in their order.

    `distance` is left out where the name of the geometry says it.
    """
    if len(configurations) < 2:
        return ()
    found = [
        name
        for name in configurations[0]
        if name != dial and len({one.get(name) for one in configurations}) > 1
    ]
    if "distance" in found and "geometry" in found:
        pairs = {(one.get("geometry"), one.get("distance")) for one in configurations}
        if len(pairs) == len({geometry for geometry, _ in pairs}):
            found.remove("distance")
    return tuple(found)


def said(values: Mapping[str, object], names: Iterable[str]) -> dict[str, str]:
    """What is said of the named settings, by name; what is empty (None) is left out."""
    return {name: short(values[name]) for name in names if values.get(name) is not None}


def short(value: object) -> str:
    """A number to four digits, whole numbers in full, what has a kind by it, others as they are.

    A distance with settings, '{"kind": "p_norm", "p": 2.5}', is said as 'p_norm p=2.5'.
    """
    if isinstance(value, float):
        return f"{value:.4g}"
    parts = _parts(value)
    if parts is None:
        return str(value)
    rest = (f"{name}={short(part)}" for name, part in parts.items() if name != "kind")
    return " ".join([str(parts["kind"]), *rest])


def _parts(value: object) -> dict[str, object] | None:
    """The settings of a kind that a cell holds as JSON; None for any other cell."""
    if not (isinstance(value, str) and value.startswith('{"kind"')):
        return None
    try:
        return json.loads(value)
    except ValueError:
        return None
