"""The parts of the site: learning curves, citations, the documentation, the change log."""

from datetime import UTC, date, datetime

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("markdown_it")
from bimt_bench.leaderboard import Board, rank
from bimt_bench.leaderboard.checking import version_of
from bimt_bench.leaderboard.entry import Author, CurvePoint, MemberRecord
from bimt_bench.leaderboard.reading import read_entry
from bimt_bench.leaderboard.site.charts import charts
from bimt_bench.leaderboard.site.citation import bibtex
from bimt_bench.leaderboard.site.documents import DOCUMENTS, rendered
from bimt_bench.leaderboard.site.entries import facts_of
from bimt_bench.leaderboard.site.events import events
from bimt_bench.leaderboard.verdict import Draw, Finding
from bimt_bench.leaderboard.withdrawing import Withdrawal
from tests.leaderboard.made_board import TASK, front, put


def record(seed, dial, losses):
    points = tuple(
        CurvePoint(step=100 * k, train_loss=one, test_loss=one, performance=0.5, cost=None)
        for k, one in enumerate(losses)
    )
    return MemberRecord(
        member="0" * 12, configuration="0" * 12, dial_value=dial, seed=seed, status="ok",
        seconds=1.0, curve=points, metrics={},
    )  # fmt: skip


def test_a_curve_a_dial_value_with_its_seeds_and_their_mean():
    members = [record(s, d, [1.0, 0.01 * d]) for d in (1.0, 2.0) for s in range(3)]
    performance, loss = charts(members, "R²")
    assert [line.dial_value for line in loss.lines] == [1.0, 2.0]
    assert [len(line.seeds) for line in loss.lines] == [3, 3]
    assert loss.logarithmic and not performance.logarithmic
    assert {tick.text for tick in loss.y_ticks} == {"1", "0.1", "0.01"}
    assert all(loss.left <= tick.at <= loss.right for tick in loss.x_ticks)
    assert loss.lines[0].mean == loss.lines[0].seeds[0]  # all seeds are alike


@pytest.mark.parametrize("losses", [[], [1.0], [None, None], [1.0, None]])
def test_no_curve_without_two_points(losses):
    assert [one.title for one in charts([record(0, None, losses)], "R²")] == (
        ["R²"] if len(losses) == 2 else []
    )


@pytest.fixture
def board(tmp_path, generator):
    return Board(tmp_path / "board")


@pytest.fixture
def generator():
    import numpy as np

    return np.random.default_rng(3)


def test_a_citation_is_text_to_tex(board, generator):
    put(board, "one", front(generator))
    entry = read_entry(board.entry(TASK, "one")).model_copy(
        update={
            "title": r"50 % \input{secret} & more_",
            "authors": (Author(name="Ada and Sons"), Author(name="Zoë Weiß-Müller")),
            "link": "https://example.org/a",
        }
    )
    assert bibtex(entry).splitlines()[:5] == [
        "@misc{sons2026-one,",
        "  author = {{Ada and Sons} and Zoë Weiß-Müller},",
        r"  title = {{50 \% \textbackslash{}input\{secret\} \& more\_}},",
        "  year = {2026},",
        rf"  note = {{Entry one on {TASK.replace('_', chr(92) + '_')}, version 1, of the "
        r"bimt\_bench leaderboard; weights of SHA-256 " + "0" * 64 + "},",
    ]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one.source)
def test_documents_are_those_of_the_documentation(document):
    text = rendered(document)
    assert text.startswith("<h1 ") and "<script" not in text
    assert ".md" not in "".join(part.split('"')[0] for part in text.split('href="')[1:])


def test_links_between_documents_lead_to_their_pages():
    text = rendered(DOCUMENTS[0])
    assert 'href="../about/entering.html"' in text and 'id="controls"' in text


# ------------------------------------------------------------------------------ change log


def changes(board):
    ranking = rank(board)
    return events(tuple(facts_of(board, ranking, tasks_dir=None)), ranking.tables)


def test_changes_are_told_newest_first(board, generator):
    fault = Finding(level="replayed", code="odd", weight="fault", told="is another run")
    draw = Draw(
        level="replayed", entropy="0" * 32, members=("0" * 12, "1" * 12), passed=("0" * 12,),
        by="curve", when=datetime(2026, 2, 1, tzinfo=UTC),
    )  # fmt: skip
    put(board, "good", front(generator), draws=(draw,))
    put(board, "bad", front(generator), findings=(fault,), level="rescored")
    board.mark(
        Withdrawal(
            format=1, task=TASK, name="good", reason="mine", by="ada",
            when=datetime(2026, 3, 1, tzinfo=UTC),
        )
    )  # fmt: skip
    found = [(one.day, one.sort, one.name) for one in changes(board)]
    assert found == [
        (date(2026, 3, 1), "withdrawn", "good"),
        (date(2026, 2, 1), "failed", "good"),
        (date(2026, 1, 1), "failed", "bad"),
        (date(2026, 1, 1), "verified", "good"),
        (date(2026, 1, 1), "added", "bad"),
        (date(2026, 1, 1), "added", "good"),
    ]


def test_a_new_version_of_an_axis_is_told_once(board, generator):
    put(board, "old", front(generator), metrics={"performance": 1, "module_excess_cautious": 1})
    put(board, "new", front(generator))
    told = [one for one in changes(board) if one.sort == "new version"]
    assert [(one.name, one.task) for one in told] == [(None, TASK)]
    now = version_of("module_excess_cautious")
    assert f"version {now}" in told[0].told
