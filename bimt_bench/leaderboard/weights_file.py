"""The weights of an entry: one safetensors file that holds exactly what its members need.

    <member>/<array>    the model's parameters, and labels.<group> (int64), nothing else

Coordinates follow from the geometry and are not kept. The header is judged before a tensor is read.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from bimt_bench.ground import InputError, fitting, listed
from bimt_bench.leaderboard.strangers import parsed
from bimt_bench.network import Architecture, Wiring, geometry
from bimt_bench.spec import GeometrySpec

MOST_BYTES = 20 * 2**20
"""Of a file in the folder of an entry; a larger one lies at a URL."""
MOST_REMOTE = 512 * 2**20
_MOST_HEADER = 2**20
_LENGTH = 8  # bytes that say how long the header is
_BYTES = {"F16": 2, "F32": 4, "F64": 8, "I64": 8}
_SHORT = {"float16": "F16", "float32": "F32", "float64": "F64", "int64": "I64"}

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Tensor:
    """What a header says of one tensor."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes."""
        return _BYTES[self.dtype] * int(np.prod(self.shape, dtype=object))

    def __str__(self) -> str:
        return f"{self.dtype} {list(self.shape)}"


def layout(architecture: Architecture, dtype: str) -> dict[str, Tensor]:
    """The arrays of one member in a file of this dtype: parameters, and labels as int64."""
    found = {
        name: Tensor(_SHORT[dtype], tuple(shape)) for name, shape in architecture.shapes.items()
    }
    for group in architecture.wiring.groups:
        if group.relabelled:
            found[f"labels.{group.name}"] = Tensor("I64", (group.size,))
    return found


def completed(
    stored: Arrays, place: GeometrySpec, wiring: Wiring, *, dtype: str
) -> dict[str, np.ndarray]:
    """The arrays of a member as `Population.of` takes them; copies.

    Parameters in `dtype`, labels as they are, and coordinates, which follow from the geometry.
    """
    own = {
        name: one.copy() if name.startswith("labels.") else one.astype(dtype)
        for name, one in stored.items()
    }
    places = geometry.group_coordinates(place, wiring)
    return own | {f"coordinates.{name}": one.astype(dtype) for name, one in places.items()}


def written(weights: Mapping[str, Arrays], architecture: Architecture, dtype: str) -> bytes:
    """The file of these members, whose arrays are as `Population.arrays` gives them.

    InputError where rounding to `dtype` makes a number infinite.
    """
    wanted, flat = layout(architecture, dtype), {}
    kept = next(name for name, short in _SHORT.items() if short == _SHORT[dtype])
    for member, arrays in weights.items():
        for name, one in wanted.items():
            with np.errstate(over="ignore"):
                found = arrays[name].astype("int64" if one.dtype == "I64" else kept)
            if not np.isfinite(found).all():
                raise InputError(f"weights: '{name}' of member {member} does not fit {dtype}")
            flat[f"{member}/{name}"] = np.ascontiguousarray(found)
    return safetensors.numpy.save(flat)


def opened(
    content: bytes, wanted: Mapping[str, Mapping[str, Tensor]], where: str
) -> dict[str, dict[str, np.ndarray]]:
    """The arrays of each member; InputError, a line a fault, unless a file holds these alone.

    wanted: by member, the arrays that it must have. The tensors fill the file without gaps.
    """
    header, length = _header(content, where)
    held = {name: _tensor(one, name, where) for name, one in header.items()}
    names = {f"{member}/{name}": one for member, own in wanted.items() for name, one in own.items()}
    faults = [f"'{fitting(name)}' does not belong here" for name in held if name not in names]
    faults += [f"'{name}' is missing" for name in names if name not in held]
    faults += [
        f"'{name}' is {held[name][0]}; must be {one}"
        for name, one in names.items()
        if name in held and held[name][0] != one
    ]
    if not faults:
        faults = list(_gaps(held, len(content) - _LENGTH - length))
    if faults:
        raise InputError(listed([f"{where}: {fault}" for fault in faults]))
    try:
        flat = safetensors.numpy.load(content)
    except (safetensors.SafetensorError, ValueError) as error:
        raise InputError(f"{where}: cannot be read: {fitting(str(error), 200)}") from error
    return {
        member: {name: flat[f"{member}/{name}"] for name in own} for member, own in wanted.items()
    }


def _header(content: bytes, where: str) -> tuple[dict[str, Any], int]:
    """What the header says, without its remarks, and its length."""
    length = int.from_bytes(content[:_LENGTH], "little")
    if len(content) < _LENGTH or not 2 <= length <= min(_MOST_HEADER, len(content) - _LENGTH):
        raise InputError(
            f"{where}: is no safetensors file: its header says {length:,} bytes; must be 2 to "
            f"{_MOST_HEADER:,} and within the file"
        )
    found = parsed(content[_LENGTH : _LENGTH + length], f"{where}: header")
    if not isinstance(found, dict):
        raise InputError(f"{where}: its header is no mapping")
    return {name: one for name, one in found.items() if name != "__metadata__"}, length


def _tensor(found: Any, name: str, where: str) -> tuple[Tensor, int, int]:
    """A tensor of a header and where it begins and ends."""
    told = f"{where}: '{fitting(name)}'"
    if not isinstance(found, dict) or {*found} != {"dtype", "shape", "data_offsets"}:
        raise InputError(f"{told} must have dtype, shape and data_offsets, and nothing else")
    dtype, shape, offsets = found["dtype"], found["shape"], found["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _BYTES:
        raise InputError(f"{told} is of dtype {dtype!r:.40}; allowed are {', '.join(_BYTES)}")
    if not _are_counts(shape) or not _are_counts(offsets) or len(offsets) != 2 or len(shape) > 8:
        raise InputError(f"{told} has a shape or offsets that are no whole numbers from 0")
    tensor = Tensor(dtype, tuple(shape))
    if offsets[1] - offsets[0] != tensor.size:
        raise InputError(f"{told} is {tensor}, which is not {offsets[1] - offsets[0]:,} bytes")
    return tensor, offsets[0], offsets[1]


def _gaps(held: Mapping[str, tuple[Tensor, int, int]], size: int) -> Iterator[str]:
    """What keeps tensors from filling the data, one after the other."""
    place = 0
    for name, (_, begin, end) in sorted(held.items(), key=lambda one: one[1][1:]):
        if begin != place:
            yield f"'{name}' begins at byte {begin:,}; must be {place:,}"
            return
        place = end
    if place != size:
        yield f"holds {size:,} bytes of data; its tensors are {place:,}"


def _are_counts(found: Any) -> bool:
    return isinstance(found, list) and all(type(one) is int and one >= 0 for one in found)
