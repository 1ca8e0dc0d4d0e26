"""How all figures look: sizes, colours of recipes, quiet axes, and how they are saved."""

import math
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from colorsys import hls_to_rgb
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from bimt_bench.ground import InputError, printable
from bimt_bench.recipes import RECIPES
from bimt_bench.results.words import in_order

FEW_SEEDS = 3
"""Up to so many seeds, single ones or their range are drawn: intervals would be mostly guesses."""
COLUMN_WIDTH = 3.5
"""Width of one column of a paper, in inches."""
QUIET = "#5f5f5f"
_NOTEBOOK_DPI = 160  # type is as small as a paper's, which screens of 100 blur
POSITIVE, NEGATIVE = "#1f5fd0", "#d3292b"

# Recipes take these in the order in which they stand: the baseline is grey, then Okabe and Ito's
# palette, told apart with any colour vision, then what is left between them.
_COLOURS = (
    "#6b6b6b", "#E69F00", "#56B4E9", "#009E73", "#D55E00", "#CC79A7", "#0072B2", "#8C6D1F",
    "#7A4FBF", "#B8336A", "#2F4858", "#6B8E23", "#17A2A2", "#A0522D", "#3B3BC8", "#C9A0DC",
)  # fmt: skip
_BASELINE_MARKER = "X"
_MARKERS = ("s", "^", "D", "o", "P", "v", "p", "h", "<", ">", "d", "H", "8", "*")

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
    # A dollar in somebody's title is a dollar.
    "text.parse_math": False,
    # Text stays text in the PDF, in a font type that publishers accept.
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
    # Equal figures give equal bytes; text as outlines, so that it looks the same everywhere.
    "svg.hashsalt": "bimt_bench",
    "svg.fonttype": "path",
}
_UNDATED: dict[str, dict[str, str | None]] = {
    "png": {"Software": "bimt_bench"},
    "pdf": {"Creator": "bimt_bench", "Producer": None, "CreationDate": None},
    "svg": {"Creator": "bimt_bench", "Date": None},
}
"""What files say of themselves, by format."""
FORMATS = tuple(_UNDATED)
# Nearly as small as at the usual level, in half the time.
_HOW: dict[str, Any] = {"png": {"pil_kwargs": {"compress_level": 3}}}


@contextmanager
def style() -> Iterator[None]:
    """The look of our figures, for as long as the context lasts."""
    settings: Any = {**sns.axes_style("whitegrid"), **_SETTINGS}
    with mpl.rc_context(settings):
        yield


def panel(ax: Axes | None, *, size: tuple[float, float]) -> Axes:
    """The given axes, or those of a new figure of pyplot's, which a notebook shows.

    `size`: width and height of the new figure in inches. InputError for what is no axes.
    """
    if ax is None:
        return new_figure(size).add_subplot()
    if not isinstance(ax, Axes):
        raise InputError(f"ax: {type(ax).__name__} given; should be the Axes of one subplot")
    return ax


def new_figure(size: tuple[float, float]) -> Figure:
    """An empty figure of pyplot's, so that a notebook shows it, and sharp enough to read there."""
    return plt.figure(figsize=size, layout="constrained", dpi=_NOTEBOOK_DPI)


def colours(recipes: Iterable[str]) -> Mapping[str, str]:
    """A colour a recipe, the same in every figure; no two of one figure share it."""
    return _assign(recipes, lambda place: _COLOURS[place] if place < len(_COLOURS) else _hue(place))


def markers(recipes: Iterable[str]) -> Mapping[str, str]:
    """A marker a recipe, the same in every figure; after the last they repeat."""
    return _assign(
        recipes,
        lambda place: _MARKERS[(place - 1) % len(_MARKERS)] if place else _BASELINE_MARKER,
    )


def head(axes: Axes, *, title: str, subtitle: str = "") -> None:
    """A title flush left above the axes, and quiet lines below it; both may be wider than them."""
    lines = subtitle.count("\n") + 1 if subtitle else 0
    # An empty title keeps the height free; the words themselves must not widen the axes' place.
    axes.set_title("\n".join([" "] * (lines + 2)), loc="left", fontsize=6.5, linespacing=1.25)
    above = {"xycoords": "axes fraction", "textcoords": "offset points", "annotation_clip": False}
    words = [
        axes.annotate(
            printable(subtitle),
            (0.0, 1.0),
            xytext=(0.0, 5.0),
            fontsize=6.5,
            color=QUIET,
            linespacing=1.25,
            va="bottom",
            **above,
        ),
        axes.annotate(
            printable(title),
            (0.0, 1.0),
            xytext=(0.0, 8.0 + 8.4 * lines),
            fontsize=8.5,
            fontweight="bold",
            **above,
        ),
    ]
    for text in words:
        text.set_in_layout(False)


def save(
    figure: Figure,
    folder: Path | str,
    name: str,
    *,
    formats: Sequence[str] = ("png", "pdf"),
    pixels: int = 0,
) -> tuple[Path, ...]:
    """Writes `name`.png, .pdf or .svg into the folder; equal figures give equal bytes.

    A PNG has 200 dots an inch, or as many more as give its longer side `pixels` of them.
    """
    files = tuple(Path(folder) / f"{name}.{one}" for one in formats)
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
    dots = max(_SETTINGS["savefig.dpi"], math.ceil(pixels / max(figure.get_size_inches())))
    with style(), _laid_out_once(figure) as laid_out:
        for file, one in zip(files, formats, strict=True):
            figure.savefig(file, dpi=dots, metadata=_UNDATED[one], **_HOW.get(one, {}))
            laid_out()
    return files


@contextmanager
def _laid_out_once(figure: Figure) -> Iterator[Callable[[], None]]:
    """Yields what says that all is in its place: it stays there, in other formats, too.

    To find the places takes nearly as long as to draw.
    """
    engine = figure.get_layout_engine()
    try:
        yield lambda: figure.set_layout_engine("none")
    finally:
        figure.set_layout_engine(engine)


def _assign(recipes: Iterable[str], look: Callable[[int], str]) -> dict[str, str]:
    """Registered recipes take the look of their place; others one that depends on their name.

    Of two such names that fall on one place the later moves on.
    """
    known = in_order(RECIPES)
    places = {recipe: place for place, recipe in enumerate(known)}
    taken: dict[str, int] = {}
    for recipe in in_order(recipes):
        spread = max(1, len(_MARKERS) + 1 - len(known))
        place = places.get(recipe, len(known) + zlib.crc32(recipe.encode()) % spread)
        while place in taken.values():
            place += 1
        taken[recipe] = place
    return {recipe: look(place) for recipe, place in taken.items()}


def _hue(place: int) -> str:
    """A further colour: hues a golden section apart never meet."""
    return to_hex(hls_to_rgb(place * 0.618034 % 1.0, 0.42 + 0.06 * (place % 3), 0.55))
