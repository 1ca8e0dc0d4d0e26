"""The page as files: all that strangers wrote is text, and nothing is written twice."""

import importlib
import json
import re

import numpy as np
import pytest

from bimt_bench.ground import InputError
from bimt_bench.leaderboard import Board, Withdrawal, rank
from bimt_bench.leaderboard.verdict import Finding
from tests.leaderboard.made_board import NOW, TASK, front, put

pytest.importorskip("plotly")
pytest.importorskip("jinja2")
from bimt_bench.leaderboard import site

HOSTILE = "</script><img src=x onerror=alert(1)> {{ 7 * 7 }}"
PAGE = "tasks/symbolic-independence.html"
ENTRIES = "entries/symbolic-independence"
NAMED = ("best", "taken-back", "flagged")
"""Those with something hostile on their page."""
ABOUT = ("about/ranks.html", "about/trust.html", "about/entering.html")
ALL = (*NAMED, "second", "plain", "theirs", "old", "unfinished")
PAGES = ("index.html", PAGE, *(f"{ENTRIES}/{one}.html" for one in ALL), *ABOUT, "changes.html")


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    board, generator = Board(tmp_path_factory.mktemp("site")), np.random.default_rng(2)
    put(board, "best", front(generator, size=0.9), title=HOSTILE)
    put(board, "second", front(generator, size=0.5), lost=[(0, 0)])
    put(board, "plain", front(generator, configurations=1), recipe="vanilla")
    put(board, "theirs", front(generator), retrainable=False, level="rescored")
    put(board, "old", front(generator), task_digest="0" * 12)
    put(board, "unfinished", front(generator), level="checked")
    put(board, "taken-back", front(generator))
    board.mark(
        Withdrawal(format=1, task=TASK, name="taken-back", reason=HOSTILE, by="ada", when=NOW)
    )
    flagged = Finding(level="rescored", code="odd", weight="flag", told=HOSTILE)
    put(board, "flagged", front(generator), findings=(flagged,))
    return board


@pytest.fixture(scope="module")
def built(board, tmp_path_factory):
    return site.build(board, tmp_path_factory.mktemp("built"))


def test_a_page_a_task_an_entry_and_a_document(built):
    names = [page.relative_to(built.folder).as_posix() for page in built.pages]
    assert sorted(names) == sorted(PAGES)
    text = (built.folder / PAGE).read_text()
    for told in ("Weights alone", "Dated", "only checked", "1 of 20"):
        assert told in text


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("best", ["stands at place 1 of", "Ada Lovelace"]),
        ("second", ["1 of 20 members lost"]),
        ("theirs", ["its method does not ship"]),
        ("old", ["it was scored on the task of digest 000000000000"]),
        ("unfinished", ["only checked"]),
        ("taken-back", ["<strong>Withdrawn</strong> on 2026-01-01 by ada"]),
        ("flagged", ["flagged"]),
    ],
)
def test_an_entry_has_a_page_however_it_stands(built, name, told):
    text = (built.folder / f"{ENTRIES}/{name}.html").read_text()
    for one in told:
        assert one in text


@pytest.mark.parametrize(
    "page", ["index.html", PAGE, "changes.html", *(f"{ENTRIES}/{n}.html" for n in NAMED)]
)
def test_what_strangers_wrote_is_text(built, page):
    text = (built.folder / page).read_text()
    assert "<img" not in text and text.count("</script>") == text.count("<script")
    assert "{{ 7 * 7 }}" in text


def test_the_data_of_the_figure_are_those_of_the_table(built, board):
    text = (built.folder / PAGE).read_text()
    held = re.search(r'id="tradeoff-data">(.*?)</script>', text, re.S)
    data = json.loads(held[1])
    (table,) = rank(board).tables
    names = [one.name for one in (*table.standings, *table.unranked)]
    assert [one["name"] for one in data["entries"]] == names
    best = next(one for one in data["entries"] if one["name"] == "best")
    assert best["title"] == HOSTILE and len(best["points"]) == 4 and len(best["seeds"]["x"]) == 20


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_fetched_from_elsewhere(built, page):
    text = (built.folder / page).read_text()
    for link in re.findall(r'(?:src|href)="([^"#]*)', text):
        if link and not link.startswith("data:"):
            assert not link.startswith(("http", "//"))
            assert ((built.folder / page).parent / link).resolve().is_file(), link


def test_only_what_changes_is_written_again(built, board):
    assert site.build(board, built.folder).written == 0
    (built.folder / "index.html").write_text("another")
    assert site.build(board, built.folder).written == 1


def test_a_page_of_many_entries_stays_small(tmp_path):
    board, generator = Board(tmp_path / "board"), np.random.default_rng(2)
    for number in range(40):
        put(board, f"entry-{number}", front(generator, configurations=8))
    built = site.build(board, tmp_path / "site")
    sizes = [page.stat().st_size for page in built.pages]
    assert max(sizes) / 40 < 2**20 / 200  # 200 entries within a MiB


@pytest.mark.parametrize("lacking", ["jinja2", "plotly", "markdown_it"])
def test_without_the_extra_its_name_is_told(board, tmp_path, monkeypatch, lacking):
    real = importlib.import_module

    def missing(name, *others):
        if name.split(".")[0] == lacking:
            raise ImportError(name)
        return real(name, *others)

    for module in ("pages", "building", "documents"):
        monkeypatch.setattr(f"bimt_bench.leaderboard.site.{module}.import_module", missing)
    with pytest.raises(InputError, match=rf"needs {lacking[:8]}.*bimt-bench\[leaderboard\]"):
        site.build(board, tmp_path)
