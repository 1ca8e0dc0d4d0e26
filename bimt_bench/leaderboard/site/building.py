"""Writes the site: an overview, a page a task and an entry, the documentation, and what they share.

    <out>/index.html, changes.html
    <out>/tasks/<task>.html
    <out>/entries/<task>/<name>.html, and <name>/ with the files of the entry
    <out>/about/    how ranks are made, what can be proven, how to enter
    <out>/assets/   style, scripts, plotly's script once

A file that would not change is left as it is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module, resources
from pathlib import Path

from bimt_bench.ground import InputError, write
from bimt_bench.leaderboard.board import Board, Remembering
from bimt_bench.leaderboard.entry import folder_name
from bimt_bench.leaderboard.kept import Kept, key_of, sources, usual_folder
from bimt_bench.leaderboard.ranking import rank
from bimt_bench.leaderboard.site.documents import DOCUMENTS
from bimt_bench.leaderboard.site.entries import EntryFacts, drawings_of, facts_of
from bimt_bench.leaderboard.site.events import events
from bimt_bench.leaderboard.site.figures import tradeoff_data
from bimt_bench.leaderboard.site.networks import Drawings
from bimt_bench.leaderboard.site.pages import Pages, entry_page, scale, task_page
from bimt_bench.leaderboard.strangers import read_file

_ASSETS = ("style.css", "theme.js", "overview.js", "tradeoff.js", "entry.js")
_HERE = "bimt_bench.leaderboard.site"

File = tuple[str, bytes]


@dataclass(frozen=True)
class Built:
    """The folder of a site, its pages, and how many files were written anew."""

    folder: Path
    pages: tuple[Path, ...]
    written: int


def build(
    board: Board,
    out: Path,
    *,
    tasks_dir: Path | None = None,
    data_dir: Path | None = None,
    kept: Path | None = None,
) -> Built:
    """Writes the site of a board.

    kept: the folder in which is kept what took time to find; absent, one in the user's cache.
    InputError without jinja2, plotly or markdown-it-py, or for a full disk.
    """
    store, board = Kept(usual_folder() if kept is None else kept), Remembering(board.folder)
    ranking = rank(board, tasks_dir=tasks_dir, kept=store)
    facts = tuple(facts_of(board, ranking, tasks_dir=tasks_dir))
    pages = Pages.load(ranking, facts)
    names, written = [], 0
    try:
        for name, content in _pages(pages, facts, store, tasks_dir, data_dir):
            names.append(out / name)
            written += _put(out / name, content)
        for name, content in (*_assets(), *_downloads(facts)):
            written += _put(out / name, content)
    except OSError as error:
        raise InputError(f"site: cannot write to '{out}': {error.strerror}") from error
    return Built(out, tuple(names), written)


def _pages(
    pages: Pages,
    facts: Sequence[EntryFacts],
    kept: Kept,
    tasks_dir: Path | None,
    data_dir: Path | None,
) -> Iterator[File]:
    links: dict[str, dict[str, str]] = {table.task: {} for table in pages.ranking.tables}
    for one in facts:
        links[one.entry.task][one.entry.name] = f"../{entry_page(one.entry.task, one.entry.name)}"
    yield "index.html", pages.overview()
    for table in pages.ranking.tables:
        yield task_page(table.task), pages.task(table, tradeoff_data(table, links[table.task]))
    for one in facts:
        name = entry_page(one.entry.task, one.entry.name)
        yield name, _entry(pages, one, kept, tasks_dir, data_dir)
    for document in DOCUMENTS:
        yield document.page, pages.document(document)
    yield "changes.html", pages.changes(events(facts, pages.ranking.tables))


def _entry(
    pages: Pages, one: EntryFacts, kept: Kept, tasks_dir: Path | None, data_dir: Path | None
) -> bytes:
    """The page of an entry, as it was kept where nothing that it shows has changed."""
    made: list[Drawings] = []

    def make() -> str:
        made.append(drawings_of(one, kept, tasks_dir=tasks_dir, data_dir=data_dir))
        return pages.entry(one, made[0]).decode()

    titles = [(table.task, table.title, len(table.entries)) for table in pages.ranking.tables]
    shown = (one.content, one.verdict, one.mark, one.standing, one.told, one.files)
    key = key_of(sources(), titles, scale(one.table), one.task, shown)
    name = f"{one.entry.task} {one.entry.name}"
    return kept.found("pages", name, key, str, make, lambda _: made[0].lasts).encode()


def _assets() -> Iterator[File]:
    for name in _ASSETS:
        yield f"assets/{name}", resources.files(_HERE).joinpath("assets", name).read_bytes()
    yield "assets/plotly.js", _plotly()


def _downloads(facts: Sequence[EntryFacts]) -> Iterator[File]:
    for one in facts:
        place = f"entries/{folder_name(one.entry.task)}/{one.entry.name}"
        for file in one.files:
            yield f"{place}/{file.name}", read_file(one.folder / file.name, most=file.most)


def _put(file: Path, content: bytes) -> bool:
    if file.is_file() and file.read_bytes() == content:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    write(file, content)
    return True


def _plotly() -> bytes:
    try:
        return import_module("plotly.offline").get_plotlyjs().encode()
    except ImportError as error:
        raise InputError(
            "site: needs plotly, which is not installed: pip install 'bimt-bench[leaderboard]'"
        ) from error
