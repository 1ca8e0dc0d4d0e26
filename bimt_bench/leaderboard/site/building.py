"""Writes the site: an overview, a page a task, and what they share.

    <out>/index.html
    <out>/tasks/<task>.html
    <out>/assets/    style, scripts, plotly's script once

A file that would not change is left as it is.
"""

from dataclasses import dataclass
from importlib import import_module, resources
from pathlib import Path

from bimt_bench.ground import InputError, write
from bimt_bench.leaderboard.entry import folder_name
from bimt_bench.leaderboard.site.figures import tradeoff_data
from bimt_bench.leaderboard.site.pages import Pages
from bimt_bench.leaderboard.standings import Ranking

_ASSETS = ("style.css", "theme.js", "overview.js", "tradeoff.js")
_HERE = "bimt_bench.leaderboard.site"


@dataclass(frozen=True)
class Built:
    """The folder of a site, its pages, and how many files were written anew."""

    folder: Path
    pages: tuple[Path, ...]
    written: int


def build(ranking: Ranking, out: Path) -> Built:
    """Writes the site of a ranking; InputError without jinja2 or plotly, or for a full disk."""
    pages = Pages.load(ranking)
    files: dict[str, bytes] = {"index.html": pages.overview()}
    for table in ranking.tables:
        name = f"tasks/{folder_name(table.task)}.html"
        files[name] = pages.task(table, tradeoff_data(table))
    names = tuple(out / name for name in files)
    files |= {f"assets/{name}": _asset(name) for name in _ASSETS}
    files["assets/plotly.js"] = _plotly()
    try:
        written = sum(_put(out / name, content) for name, content in files.items())
    except OSError as error:
        raise InputError(f"site: cannot write to '{out}': {error.strerror}") from error
    return Built(out, names, written)


def _put(file: Path, content: bytes) -> bool:
    if file.is_file() and file.read_bytes() == content:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    write(file, content)
    return True


def _asset(name: str) -> bytes:
    return resources.files(_HERE).joinpath("assets", name).read_bytes()


def _plotly() -> bytes:
    try:
        return import_module("plotly.offline").get_plotlyjs().encode()
    except ImportError as error:
        raise InputError(
            "site: needs plotly, which is not installed: pip install 'bimt-bench[leaderboard]'"
        ) from error
