"""Networks on the page of an entry: which are drawn, what they show, and that they are kept."""

import json

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("plotly")
from bimt_bench.ground import InputError
from bimt_bench.leaderboard import Asked, Board, rank, site
from bimt_bench.leaderboard.kept import Kept
from bimt_bench.leaderboard.site import networks
from bimt_bench.leaderboard.site.entries import drawings_of, facts_of
from bimt_bench.leaderboard.verifying import verified
from bimt_bench.metrics import attributions
from tests.leaderboard.conftest import TASK
from tests.leaderboard.forging import Forger

AXES = Asked(up_to="rescored", axes_only=True)


@pytest.fixture(scope="module")
def verdict(small_board):
    return verified(small_board.entry(TASK, "bimt-plain"), board=small_board, asked=AXES)


@pytest.fixture(scope="module")
def drawn(small_board, verdict):
    return networks.drawings(small_board.entry(TASK, "bimt-plain"), verdict.members)


def test_of_each_dial_value_the_best_member_is_drawn(drawn, verdict):
    best = {}
    for one in sorted(verdict.members, key=lambda one: one.metrics["performance"]):
        best[one.dial_value] = one.member
    assert [one.dial_value for one in drawn.networks] == [0.3, 3.0]
    assert [one.member for one in drawn.networks] == [best[0.3], best[3.0]]


@pytest.mark.parametrize(
    ("count", "kept"), [(1, [1]), (6, [1, 2, 3, 4, 5, 6]), (8, [1, 2, 4, 5, 7, 8])]
)
def test_of_many_dial_values_six_are_drawn(verdict, count, kept):
    one = verdict.members[0]
    members = [one.model_copy(update={"dial_value": float(k + 1)}) for k in range(count)]
    assert [one.dial_value for one in networks.chosen(members, "higher")] == kept


def test_the_best_is_the_lowest_where_lower_is_better(verdict):
    lowest = min(verdict.members, key=lambda one: one.metrics["performance"])
    assert lowest in networks.chosen(verdict.members, "lower")


def test_lost_members_are_not_drawn(verdict):
    lost = [one.model_copy(update={"status": "diverged"}) for one in verdict.members]
    assert networks.chosen(lost, "higher") == ()


def test_the_whole_network_performs_as_in_the_verdict(drawn, verdict):
    measured = {one.member: one.metrics["performance"] for one in verdict.members}
    for one in drawn.networks:
        assert one.frames[0].performance == pytest.approx(measured[one.member], abs=1e-6)
        assert one.frames[0].share == 1.0


def test_fewer_connections_carry_less(drawn):
    for one in drawn.networks:
        kept = [frame.kept for frame in one.frames]
        assert kept == sorted(kept, reverse=True) and kept[0] == 520
        for frame in one.frames:
            assert frame.flowing <= frame.kept
            lines = sum(path.count("M") for path in frame.wires)
            assert lines == frame.drawn <= frame.flowing
        assert one.frames[-1].flowing < one.frames[0].flowing


def test_what_is_drawn_is_the_attribution_graph(small_board, drawn, verdict):
    from bimt_bench.leaderboard.reading import read
    from bimt_bench.leaderboard.rescoring import scored_of

    submission = read(small_board.entry(TASK, "bimt-plain"))
    records = {one.member: one for one in submission.members}
    scored = scored_of(submission, [records[one.member] for one in drawn.networks])
    for one, graph in zip(drawn.networks, attributions(scored), strict=True):
        assert one.frames[0].flowing == sum(len(wires.weights) for wires in graph.wires)
        assert sum(path.count("M") for path in one.frames[0].live) == graph.nodes


def test_drawings_are_kept_and_made_again_where_damaged(drawn, tmp_path):
    made, kept = [], Kept(tmp_path / "kept")

    def found(key="one"):
        return kept.found(
            "drawings", "a/../b", key, networks.Drawings, lambda: made.append(1) or drawn
        )

    assert [found(), found()] == [drawn, drawn] and len(made) == 1
    (file,) = (tmp_path / "kept" / "drawings").iterdir()
    file.write_text('{"key": "one", "found": {"networks": 3}}')
    assert found() == drawn and len(made) == 2
    assert found("two") == drawn and len(made) == 3


def test_drawing_ends_when_its_time_is_over(small_board, verdict):
    with pytest.raises(InputError, match="took longer than 0 seconds"):
        networks.drawings(small_board.entry(TASK, "bimt-plain"), verdict.members, seconds=0.0)


def _drawn(board, tmp_path, name="bimt-plain"):
    (facts,) = (
        one for one in facts_of(board, rank(board), tasks_dir=None) if one.entry.name == name
    )
    return drawings_of(facts, Kept(tmp_path / "kept"), tasks_dir=None, data_dir=None)


def test_what_nobody_has_measured_is_not_drawn(own_board, verdict, tmp_path):
    assert "nobody has measured" in _drawn(own_board, tmp_path).missing
    own_board.keep(verdict)
    assert len(_drawn(own_board, tmp_path).networks) == 2
    forger = Forger(own_board.entry(TASK, "bimt-plain"))
    forger.entry["title"] = "Another"
    forger.write()
    assert "nobody has measured" in _drawn(own_board, tmp_path).missing


def test_weights_elsewhere_are_not_drawn(own_board, verdict, tmp_path):
    folder = own_board.entry(TASK, "bimt-plain")
    own_board.keep(verdict)
    told = json.loads((folder / "entry.json").read_text())
    told["weights"] |= {"url": "https://example.org/w", "licence": "MIT"}
    (folder / "entry.json").write_text(json.dumps(told))
    (folder / "weights.safetensors").unlink()
    assert "lie at a URL" in _drawn(own_board, tmp_path).missing
    built = site.build(own_board, tmp_path / "site", kept=tmp_path / "kept")
    page = built.folder / "entries/symbolic-independence/bimt-plain.html"
    assert 'href="https://example.org/w" rel="nofollow noopener"' in page.read_text()


def test_files_of_an_entry_are_copied_and_altered_weights_are_not(own_board, verdict, tmp_path):
    own_board.keep(verdict)
    weights = own_board.entry(TASK, "l1-plain") / "weights.safetensors"
    weights.write_bytes(weights.read_bytes() + b"more")
    built = site.build(own_board, tmp_path / "site", kept=tmp_path / "kept")
    place = built.folder / "entries/symbolic-independence"
    whole = own_board.entry(TASK, "bimt-plain")
    for file in whole.iterdir():
        assert (place / "bimt-plain" / file.name).read_bytes() == file.read_bytes()
    assert not (place / "l1-plain" / "weights.safetensors").exists()
    assert 'id="frames"' in (place / "bimt-plain.html").read_text()
    assert "No network is drawn" in (place / "l1-plain.html").read_text()


def test_a_board_is_left_as_it_is(own_board, tmp_path):
    before = sorted(own_board.folder.rglob("*"))
    site.build(Board(own_board.folder), tmp_path / "site", kept=tmp_path / "kept")
    assert sorted(own_board.folder.rglob("*")) == before
