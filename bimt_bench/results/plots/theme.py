"""How all figures look: sizes, colours of recipes, quiet axes, and how they are saved."""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLUMN_WIDTH = 3.5
"""Width of one column of a paper, in inches."""
QUIET = "#5f5f5f"
POSITIVE, NEGATIVE = "#1f5fd0", "#d3292b"

# Okabe and Ito's palette: told apart with any colour vision, one colour a recipe in every figure.
_COLOURS = {
    "vanilla": "#6b6b6b",
    "l1": "#E69F00",
    "l1_local": "#56B4E9",
    "l1_swap": "#009E73",
    "bimt": "#D55E00",
}
_MARKERS = {"vanilla": "X", "l1": "s", "l1_local": "^", "l1_swap": "D", "bimt": "o"}
_TITLES = {
    "vanilla": "vanilla",
    "l1": "L1",
    "l1_local": "L1 + local",
    "l1_swap": "L1 + swap",
    "bimt": "BIMT",
}
_RIVAL_COLOURS = ("#CC79A7", "#0072B2", "#8C6D1F", "#7A4FBF", "#B8336A", "#2F4858")
_RIVAL_MARKERS = ("P", "v", "p", "h", "<", ">")

_SETTINGS = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 7.0,
    "axes.titlesize": 7.0,
    "axes.labelsize": 7.5,
    "axes.linewidth": 0.6,
    "axes.edgecolor": "#3a3a3a",
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.bottom": True,
    "ytick.left": True,
    "grid.linewidth": 0.4,
    "grid.color": "#e8e8e8",
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "figure.titlesize": 8.5,
    # Text stays text in the PDF, in a font type that publishers accept.
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
}


@contextmanager
def style() -> Iterator[None]:
    """The look of our figures, for as long as the context lasts."""
    settings: Any = {**sns.axes_style("whitegrid"), **_SETTINGS}
    with mpl.rc_context(settings):
        yield


def colours(recipes: Iterable[str]) -> Mapping[str, str]:
    """A colour a recipe, the same in every figure."""
    return _assign(recipes, _COLOURS, _RIVAL_COLOURS)


def markers(recipes: Iterable[str]) -> Mapping[str, str]:
    """A marker a recipe, the same in every figure."""
    return _assign(recipes, _MARKERS, _RIVAL_MARKERS)


def title_of(recipe: str) -> str:
    """The recipe's name as figures write it."""
    return _TITLES.get(recipe, recipe.replace("_", " "))


def in_order(recipes: Iterable[str]) -> list[str]:
    """Recipes in the order of legends: the paper's first, rivals after them by name."""
    known = list(_TITLES)
    return sorted(set(recipes), key=lambda r: (known.index(r) if r in known else len(known), r))


def penalty(strength: float) -> str:
    """A penalty strength as figures write it: in units of the task's own lambda."""
    return f"penalty \N{MULTIPLICATION SIGN} {float(f'{strength:.2g}'):g}"


def head(axes: Axes, *, title: str, subtitle: str = "") -> None:
    """A title flush left above the axes, and quiet lines below it; both may be wider than them."""
    lines = subtitle.count("\n") + 1 if subtitle else 0
    # An empty title keeps the height free; the words themselves must not widen the axes' place.
    axes.set_title("\n".join([" "] * (lines + 2)), loc="left", fontsize=6.5, linespacing=1.25)
    above = {"xycoords": "axes fraction", "textcoords": "offset points", "annotation_clip": False}
    words = [
        axes.annotate(
            subtitle,
            (0.0, 1.0),
            xytext=(0.0, 5.0),
            fontsize=6.5,
            color=QUIET,
            linespacing=1.25,
            va="bottom",
            **above,
        ),
        axes.annotate(
            title,
            (0.0, 1.0),
            xytext=(0.0, 8.0 + 8.4 * lines),
            fontsize=8.5,
            fontweight="bold",
            **above,
        ),
    ]
    for text in words:
        text.set_in_layout(False)


def save(figure: Figure, folder: Path | str, name: str) -> tuple[Path, Path]:
    """Write `name`.png (200 dpi) and `name`.pdf into the folder; equal figures give equal bytes."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    png, pdf = folder / f"{name}.png", folder / f"{name}.pdf"
    with style():
        figure.savefig(png, metadata={"Software": "bimt_bench"})
        undated = {"Creator": "bimt_bench", "Producer": None, "CreationDate": None}
        figure.savefig(pdf, metadata=undated)
    return png, pdf


def _assign(
    recipes: Iterable[str], fixed: Mapping[str, str], others: tuple[str, ...]
) -> dict[str, str]:
    """Fixed choices by name; a rival's comes from its name, moved on only if taken."""
    chosen: dict[str, str] = {}
    for recipe in sorted(set(recipes)):
        if recipe in fixed:
            chosen[recipe] = fixed[recipe]
            continue
        start = zlib.crc32(recipe.encode())
        turns = [others[(start + i) % len(others)] for i in range(len(others))]
        free = [choice for choice in turns if choice not in chosen.values()]
        chosen[recipe] = (free or turns)[0]
    return chosen
