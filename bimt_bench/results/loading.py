"""Results from what this process trained, or from where they were kept."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bimt_bench.results.frames import FRAME, read_curves, read_frame
from bimt_bench.results.trained import Results
from bimt_bench.results.weights import InMemory, shelf_of

if TYPE_CHECKING:
    from bimt_bench.packs import PackResult

Found = TypeVar("Found", bound=Results)


def of_pack(pack: "PackResult", *, data_dir: Path | None = None) -> Results:
    """What this process trained, kept in memory."""
    weights = InMemory(pack.weights)
    return Results(pack.frame, curves=lambda: pack.curves, weights=weights, data_dir=data_dir)


def load(
    path: str | Path,
    *,
    kind: type[Found] = Results,
    failed: Mapping[str, str] | None = None,
    data_dir: Path | None = None,
    tasks_dir: Path | None = None,
) -> Found:
    """The results in the folder of a sweep or of `bimt-bench run`, or in a frame's file.

    Only the frame is read; curves and weights when they are asked for. InputError if there is none.
    """
    place = Path(path).expanduser()
    if place.name == FRAME:
        place = place.parent
    return kind(
        read_frame(place),
        curves=lambda: read_curves(place),
        weights=shelf_of(place),
        folder=place if place.is_dir() else None,
        failed=failed,
        data_dir=data_dir,
        tasks_dir=tasks_dir,
    )
