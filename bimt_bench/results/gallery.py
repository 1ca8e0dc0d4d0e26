"""Drawings of trained members as files: those that stand for a recipe, or one a configuration."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import pandas as pd

from bimt_bench.ground import InputError, closest
from bimt_bench.results import plots
from bimt_bench.results.choice import CHOICES, best, check_drawn, knee, median
from bimt_bench.results.drawing import NetworkDrawing
from bimt_bench.results.frames import in_frame, of_recipe
from bimt_bench.results.tradeoff import TradeOff
from bimt_bench.results.words import in_order
from bimt_bench.spec import results_in

if TYPE_CHECKING:
    from bimt_bench.results.trained import Results

FORMATS = ("png", "svg")
PIXELS = 1200
"""The longer side of a PNG has at least so many."""
_CONFIGURATIONS = "configurations"
# Of so few, starting further processes takes longer than drawing.
_FEW = 16


@dataclass(frozen=True)
class Drawn:
    """A member that was drawn, the configuration that it is one of, and its files."""

    member: str
    configuration: str
    files: tuple[Path, ...]

    @property
    def of_recipe(self) -> tuple[Path, ...]:
        """Those of its files that stand for its recipe."""
        return tuple(file for file in self.files if file.parent.name != _CONFIGURATIONS)


def of_recipes(rows: pd.DataFrame, tradeoff: TradeOff) -> dict[str, str]:
    """The best, the median and the knee of each recipe of a task: members by name of the drawing.

    tradeoff: one that these rows are part of.
    """
    found: dict[str, str | None] = {}
    for recipe in in_order(rows["recipe"]):
        own = rows[rows["recipe"] == recipe]
        found[f"network-{recipe}-best"] = best(own)
        found[f"network-{recipe}-median"] = median(own)
        found[f"network-{recipe}-knee"] = knee(rows, tradeoff, recipe=recipe)
    return {name: member for name, member in found.items() if member is not None}


def of_configurations(rows: pd.DataFrame) -> dict[str, str]:
    """The median member of each configuration, by name of its drawing."""
    found = {
        f"{_CONFIGURATIONS}/network-{own['recipe'].iloc[0]}-{configuration}": median(own)
        for configuration, own in rows.groupby("configuration", sort=False)
    }
    return {name: member for name, member in found.items() if member is not None}


def of_sweep(results: "Results", task: str, tradeoff: TradeOff, *, which: str) -> tuple[Drawn, ...]:
    """Draws what a finished sweep leaves of a task, into its folder: see `choice.DRAWN`."""
    check_drawn(which)
    rows = results_in(results.frame[results.frame["task"] == task])
    wanted = of_recipes(rows, tradeoff)
    if which == "all":  # those first, as an MLflow run takes the first drawing of its members
        wanted = {**of_configurations(rows), **wanted}
    return draw(results, wanted, folder=_place(results, task))


def drawn_before(rows: pd.DataFrame, tradeoff: TradeOff, *, folder: Path) -> tuple[Drawn, ...]:
    """What lies in the folder of a task of the drawings that a sweep leaves."""
    rows = results_in(rows)
    known = dict(zip(rows["member"], rows["configuration"], strict=True))
    found: dict[str, list[Path]] = {}
    for name, member in {**of_configurations(rows), **of_recipes(rows, tradeoff)}.items():
        files = [folder / f"{name}.{one}" for one in FORMATS]
        found.setdefault(member, []).extend(file for file in files if file.is_file())
    return tuple(Drawn(one, str(known[one]), tuple(files)) for one, files in found.items() if files)


def draw(
    results: "Results",
    wanted: Mapping[str, str],
    *,
    folder: Path,
    formats: Sequence[str] = FORMATS,
) -> tuple[Drawn, ...]:
    """Draws members of results into a folder; `wanted` has them by name of the drawing's files.

    A member that is wanted by several names is drawn once and saved under each. Many drawings are
    shared among processes. InputError for an unknown format, and for weights that were not kept.
    """
    _check_formats(formats)
    names: dict[str, list[str]] = {}
    for name, member in wanted.items():
        names.setdefault(member, []).append(name)
    of: dict[str, str] = {}  # configurations by member

    def jobs() -> Iterator[Any]:
        for member, own in names.items():
            network = results.network(member)
            of[member] = str(network.row["configuration"])
            yield joblib.delayed(_save)(
                network.drawing(), network.title, own, folder, tuple(formats)
            )

    in_parallel: Any = joblib.Parallel(n_jobs=1 if len(names) <= _FEW else -1)
    saved = in_parallel(jobs())
    return tuple(
        Drawn(member, of[member], files) for member, files in zip(names, saved, strict=True)
    )


def save_drawings(
    results: "Results",
    which: str | None = None,
    *,
    task: str | None = None,
    recipe: str | None = None,
    folder: str | Path | None = None,
    formats: Sequence[str] = FORMATS,
) -> tuple[Path, ...]:
    """Draws into files: one member, or the best, the median and the knee of each recipe.

    which: a digest, the start of one, 'best', 'median' or 'knee'; absent: all three of each recipe
    of each task. `task` and `recipe` narrow the choice. folder: where files go; absent: in the
    results' own folder, as a sweep's drawings. Returns the files. InputError for what is not there.
    """
    if which is not None:
        network = results.network(which, task=task, recipe=recipe)
        word = "-".join(filter(None, (recipe, which))) if which in CHOICES else network.member
        place = _place(results, network.task.name) if folder is None else Path(folder)
        wanted = {f"network-{word}": str(network.member)}
        return _files(draw(results, wanted, folder=place, formats=formats))
    found: list[Path] = []
    names = results.tasks if task is None else (task,)
    for name in names:
        rows = results_in(results.frame[results.frame["task"] == in_frame(name, results.tasks)])
        rows = of_recipe(rows, recipe)
        place = _place(results, name) if folder is None else Path(folder)
        if folder is not None and len(names) > 1:
            place /= folder_name(name)
        wanted = of_recipes(rows, results.tradeoff(name))
        found += _files(draw(results, wanted, folder=place, formats=formats))
    return tuple(found)


def folder_name(task: str) -> str:
    """What the folder of a task's figures is called."""
    return task.replace("/", "-")


def _place(results: "Results", task: str) -> Path:
    return (results.folder or Path()) / "figures" / folder_name(task)


def _files(drawn: Iterable[Drawn]) -> tuple[Path, ...]:
    return tuple(file for one in drawn for file in one.files)


def _save(
    drawing: NetworkDrawing,
    title: str,
    names: Sequence[str],
    folder: Path,
    formats: Sequence[str],
) -> tuple[Path, ...]:
    """The files of one drawing under each of its names."""
    figure = plots.network_figure(drawing, title=title)
    first = plots.save(figure, folder, names[0], formats=formats, pixels=PIXELS)
    found = list(first)
    for name in names[1:]:
        for file in first:
            found.append(folder / f"{name}{file.suffix}")
            found[-1].parent.mkdir(parents=True, exist_ok=True)
            found[-1].write_bytes(file.read_bytes())
    return tuple(found)


def _check_formats(formats: Sequence[str]) -> None:
    for one in formats:
        if one not in plots.FORMATS:
            raise InputError(
                f"format: '{one}' given{closest(one, plots.FORMATS)} "
                f"(allowed: {', '.join(plots.FORMATS)})"
            )
