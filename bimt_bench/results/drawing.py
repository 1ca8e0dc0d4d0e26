"""What a drawing of one member shows: neurons in place, wires with their weights, labels.

Made from the wiring; nothing here draws, so any front end can (`bimt_bench.results.plots` does).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch

from bimt_bench.engine import Population
from bimt_bench.network import Connection, Group, Role, Wiring

MOST_LABELS = 40
"""Groups of more neurons than this carry no labels."""
FLAT = 1e-6
"""Groups whose heights differ by less than this lie on a line."""
_DEPTH = 0.4  # how far the third dimension goes to the right and up


@dataclass(frozen=True, eq=False)
class Plane:
    """The neurons of one fold of a group.

    `coordinates` [n, 2] lie in the unit square; of neurons in three dimensions they are an oblique
    view. `labels` has one name a neuron, by position and so after relocation, or is empty; `name`
    is the fold's own (a token), or empty. `place` of `places` is which of its layer's groups it is.
    """

    group: str
    role: Role
    layer: int
    fold: int
    folds: int
    coordinates: np.ndarray
    labels: tuple[str, ...]
    name: str
    place: int = 0
    places: int = 1


@dataclass(frozen=True, eq=False)
class Wires:
    """The drawn wires between two planes (their places in `NetworkDrawing.planes`).

    `sources`, `targets` int [k] are neurons, `weights` float [k] are signed (of a window, the sum
    of magnitudes with the sign of the sum) and `widths` [k] are |weight| as a share of the
    connection's largest; rising, so that strong wires end on top.
    """

    source_plane: int
    target_plane: int
    sources: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    widths: np.ndarray


@dataclass(frozen=True, eq=False)
class NetworkDrawing:
    """One member, ready to draw: planes from input to output and the wires between them.

    `drawn` and `eligible` count the wires shown and those as strong as `faintest` times their
    connection's largest; they differ where a connection holds more than `most` of those.
    """

    planes: tuple[Plane, ...]
    wires: tuple[Wires, ...]
    drawn: int
    eligible: int
    total: int
    faintest: float
    most: int

    @property
    def is_flat(self) -> bool:
        """Whether every group lies on a line, so that layers can be rows of a flat picture."""
        return all(np.ptp(p.coordinates[:, 1]) < FLAT for p in self.planes if p.coordinates.size)

    @classmethod
    def of(
        cls,
        population: Population,
        input_names: Sequence[str],
        output_names: Sequence[str],
        *,
        index: int = 0,
        most: int = 2000,
        faintest: float = 0.03,
    ) -> Self:
        """The drawing of the member `index` of a population.

        Wires below `faintest` of their connection's largest |weight| are left out, and of the
        rest all but the `most` strongest.
        """
        wiring = population.wiring
        names = {"input": tuple(input_names), "output": tuple(output_names), "hidden": ()}
        planes: list[Plane] = []
        for group in wiring.groups:
            planes += _planes(group, population, index, names[group.role])
        place = {(plane.group, plane.fold): i for i, plane in enumerate(planes)}
        wires: list[Wires] = []
        eligible = total = 0
        for connection in wiring.connections:
            matrix = _signed(population, connection, index)
            strong = _strong(matrix, faintest)
            eligible, total = eligible + len(strong), total + matrix.size
            wires += _wires(connection, wiring, place, (matrix, strong[-most:]))
        return cls(
            planes=tuple(planes),
            wires=tuple(wires),
            drawn=sum(len(w.weights) for w in wires),
            eligible=eligible,
            total=total,
            faintest=faintest,
            most=most,
        )


def _planes(
    group: Group, population: Population, index: int, names: tuple[str, ...]
) -> list[Plane]:
    """One plane a fold of the group."""
    wiring = population.wiring
    outgoing = [c.source_folds for c in wiring.out_of(group.name)]
    folds = max([1, *outgoing, *(c.target_folds for c in wiring.into(group.name))])
    # An embedding's names are those of its folds (tokens), not of its neurons.
    names_are_folds = folds > 1 and len(names) == folds
    fold_names = names if names_are_folds else ("",) * folds
    named = names if len(names) == group.size <= MOST_LABELS and not names_are_folds else ()
    if group.relabelled:
        standing = population.labels[group.name][index].tolist()
    else:
        standing = range(group.size)
    beside = [other.name for other in wiring.groups if other.layer == group.layer]
    places = population.coordinates[group.name][index].cpu().double().numpy()
    return [
        Plane(
            group=group.name,
            role=group.role,
            layer=group.layer,
            fold=fold,
            folds=folds,
            coordinates=_seen_from_above(places),
            labels=tuple(named[i] for i in standing) if named else (),
            name=fold_names[fold],
            place=beside.index(group.name),
            places=len(beside),
        )
        for fold in range(folds)
    ]


def _seen_from_above(places: np.ndarray) -> np.ndarray:
    """Places [n, dimension] as points [n, 2] of the unit square: a line, a plane, a cube aslant."""
    count, dimension = places.shape
    if dimension == 1:
        return np.stack([places[:, 0], np.full(count, 0.5)], axis=1)
    if dimension == 2:
        return places
    return (places[:, :2] + _DEPTH * places[:, 2:3]) / (1.0 + _DEPTH)


def _signed(population: Population, connection: Connection, index: int) -> np.ndarray:
    """The weights [targets, sources] of a connection; see `Wires` for those with a window."""
    weights = population.parameters[connection.parameter][index].cpu().double()
    if weights.dim() == 2:
        return weights.numpy()
    windows = weights.flatten(2)
    sign = torch.where(windows.sum(dim=2) < 0, -1.0, 1.0)
    return (sign * windows.abs().sum(dim=2)).numpy()


def _strong(matrix: np.ndarray, faintest: float) -> np.ndarray:
    """Flat places of the weights at least `faintest` of the largest, weakest first."""
    sizes = np.where(np.isfinite(matrix), np.abs(matrix), 0.0).ravel()
    kept = np.flatnonzero((sizes >= faintest * sizes.max(initial=0.0)) & (sizes > 0.0))
    return kept[np.argsort(sizes[kept], kind="stable")]


def _wires(
    connection: Connection,
    wiring: Wiring,
    place: Mapping[tuple[str, int], int],
    chosen: tuple[np.ndarray, np.ndarray],
) -> list[Wires]:
    """The chosen wires of a connection (its matrix, their flat places), by pair of folds."""
    matrix, kept = chosen
    rows, columns = np.unravel_index(kept, matrix.shape)
    values = matrix[rows, columns]
    widths = np.abs(values) / np.abs(values).max(initial=1e-300)
    target_size = wiring.group(connection.target).size
    source_size = wiring.group(connection.source).size
    found = []
    for target_fold in range(connection.target_folds):
        for source_fold in range(connection.source_folds):
            here = (rows // target_size == target_fold) & (columns // source_size == source_fold)
            found.append(
                Wires(
                    source_plane=place[connection.source, source_fold],
                    target_plane=place[connection.target, target_fold],
                    sources=columns[here] % source_size,
                    targets=rows[here] % target_size,
                    weights=values[here],
                    widths=widths[here],
                )
            )
    return found
