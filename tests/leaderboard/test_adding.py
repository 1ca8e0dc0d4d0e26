"""An entry is made of a sweep in one call, or refused with what is wrong with it."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bimt_bench import leaderboard, results
from bimt_bench.ground import InputError, cpu_features, kernels
from bimt_bench.leaderboard import Board, claims, read
from bimt_bench.results.weights import InMemory
from bimt_bench.spec import configured
from tests.leaderboard.conftest import PUBLISHED, STEPS, STRENGTHS, TASK

Frame = pd.DataFrame


def altered(run: results.Results, change: Callable[[Frame], Frame]) -> results.Results:
    """The results of the session with another frame, and the same weights."""
    weights = {m: run.network(m).population.arrays(0) for m in run.members}
    frame = change(run.frame.copy())
    frame.attrs = run.frame.attrs
    return results.Results(
        frame, curves=lambda: pd.DataFrame(run.curves), weights=InMemory(weights)
    )


def added(held: Any, board: Board, **changes: Any) -> Any:
    return leaderboard.add(
        held, **{"name": "tried", "recipe": "bimt", "board": board, **PUBLISHED, **changes}
    )


@pytest.fixture
def empty(tmp_path) -> Board:
    return Board(tmp_path / "board")


def test_an_entry_says_what_was_trained_and_where(run, small_board) -> None:
    entry = read(small_board.entry(TASK, "bimt-plain")).entry
    assert (entry.grid, entry.seeds, entry.steps) == (STRENGTHS, 5, STEPS)
    own = run.frame[run.frame["recipe"] == "bimt"]
    assert entry.environment.training_digest == own["training_digest"].iloc[0]
    assert entry.environment.cpu_features == cpu_features()
    assert entry.environment.kernels == kernels()
    assert entry.authors[0].account == "ada"
    assert entry.cost.seconds == pytest.approx(own["seconds"].sum())


def test_it_claims_what_the_frame_has(run, small_board) -> None:
    found = read(small_board.entry(TASK, "bimt-plain"))
    rows = run.frame.set_index("member")
    assert "performance" in found.entry.metrics
    assert "sharing_recovery" not in found.entry.metrics  # undefined for this task
    for record in found.members:
        for name in found.entry.metrics:
            assert record.metrics[name] == pytest.approx(rows.loc[record.member, name], nan_ok=True)


def test_a_recipe_without_a_dial_has_no_grid(small_board) -> None:
    found = read(small_board.entry(TASK, "vanilla-plain"))
    assert (found.entry.dial, found.entry.grid, len(found.members)) == (None, (), 5)


def test_curves_keep_twenty_points_of_which_six_are_early() -> None:
    curve = Frame({"step": np.arange(0, 20_001, 200), "test_loss": 1.0})
    steps = [point.step for point in claims.thinned(curve)]
    assert (steps[0], steps[-1], len(steps)) == (0, 20_000, 20)
    assert steps == sorted(set(steps))
    assert sum(step <= 2000 for step in steps) == 6


@pytest.mark.parametrize("points", [1, 2, 3, 19, 20, 21, 40])
def test_short_curves_are_kept_from_end_to_end(points: int) -> None:
    steps = [p.step for p in claims.thinned(Frame({"step": range(points), "test_loss": 1.0}))]
    assert steps[0] == 0 and steps[-1] == points - 1
    assert len(steps) == min(points, 20)


def test_curves_say_null_where_a_loss_was_not_finite() -> None:
    (point,) = claims.thinned(Frame({"step": [0], "test_loss": [np.inf], "cost": [np.nan]}))
    assert (point.test_loss, point.cost, point.train_loss) == (None, None, None)


def test_a_lost_member_stays_without_weights_and_metrics(run, empty) -> None:
    lost = run.frame.loc[run.frame["recipe"] == "bimt", "member"].iloc[3]

    def lose(frame: Frame) -> Frame:
        frame.loc[frame["member"] == lost, "status"] = "diverged"
        return frame

    found = read(added(altered(run, lose), empty).folder)
    (record,) = [one for one in found.members if one.member == lost]
    assert record.status == "diverged" and not any(record.metrics.values())
    assert len(found.members) == 10
    with pytest.raises(InputError, match="has none"):
        found.arrays(lost)


def without(frame: Frame, **values: Any) -> Frame:
    gone = np.logical_and.reduce([(frame[n] == one).fillna(False) for n, one in values.items()])
    return frame[~gone.astype(bool)]


REFUSED: dict[str, tuple[Callable[[Frame], Frame], str]] = {
    "a seed is left out": (
        lambda f: without(f, recipe="bimt", seed=2),
        r"seeds: 0, 1, 3, 4 given; must be 0 to 3, none left out",
    ),
    "a seed of one dial value is left out": (
        lambda f: without(f, recipe="bimt", seed=2, strength=3.0),
        r"strength 3: seeds 2 are missing; none may be left out",
    ),
    "too few seeds": (lambda f: f[f["seed"] < 4], r"seeds: 4 given; an entry has at least 5"),
    "three digits": (
        lambda f: f.assign(dial_value=f["dial_value"].replace(3.0, 3.14)),
        r"strength: 3.14 among its values; a dial value has at most 2 significant digits",
    ),
    "too many dial values": (
        lambda f: pd.concat([f.assign(dial_value=float(v), member=f["member"] + str(v))
                             for v in range(1, 10)]),
        r"strength: 9 values; at most 8\nmembers: 90; an entry has at most 40",
    ),
    "another setting": (
        lambda f: f.assign(learning_rate=f["learning_rate"].where(f["seed"] != 1, 0.1)),
        r"learning_rate: 0.002, 0.1 among the members",
    ),
    "several geometries": (
        lambda f: f.assign(placement=f["placement"].where(f["strength"] != 3.0, "ring")),
        r"placement: line, ring among the members",
    ),
    "several codes": (
        lambda f: f.assign(training_digest=f["training_digest"].where(f["seed"] != 1, "0" * 12)),
        r"training_digest: the members were trained with [0-9a-f]{12}, 0{12}; an entry has one",
    ),
    "several versions": (
        lambda f: f.assign(torch_version=f["torch_version"].where(f["seed"] != 1, "1.0")),
        r"torch_version: the members were trained with .*, 1.0; an entry has one",
    ),
    "a plug-in": (
        lambda f: f.assign(source="mine 1.0:0123456789ab"),
        r"follow from plug-ins \(mine 1.0:0123456789ab\), .*; enter their weights alone",
    ),
    "a member twice": (lambda f: pd.concat([f, f]), r"in the frame more than once"),
    "settings of another version": (
        lambda f: f.assign(bias_from=0.5),
        r"member [0-9a-f]{12}: its settings and seed are member [0-9a-f]{12} here",
    ),
    "a frame of the first release": (
        lambda f: f.drop(columns="training_digest"), r"training_digest: the frame does not say it",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_no_entry_is_refused_before_anything_is_written(run, empty, case: str) -> None:
    change, told = REFUSED[case]
    with pytest.raises(InputError, match=told):
        added(altered(run, change), empty)
    assert not empty.folder.exists() or not any(empty.folder.iterdir())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"recipe": None}, "recipe: there are several; name one of vanilla, l1, bimt"),
        ({"recipe": "bmt"}, "'bmt' is not in these results"),
        ({"name": "Tried It"}, "name: 'Tried It' given"),
        ({"authors": []}, "authors: "),
        ({"authors": ["Ada \u202e"]}, "authors.0.name: "),
        ({"licence": "none"}, "licence: 'none' given; allowed are "),
        ({"tuned": " "}, "tuned: is empty"),
        ({"dtype": "float64"}, "dtype: 'float64' given; .* allowed are float32 and float16"),
        ({"link": "http://example.org"}, "link: "),
        ({"url": "https://example.org/a b"}, "weights.url: "),
        ({"notes": "a\u200bb"}, r"holds the character '\\u200b'"),
    ],
)
def test_what_authors_say_is_judged(run, empty, changes, told: str) -> None:
    with pytest.raises(InputError, match=told):
        added(run, empty, **changes)
    assert not empty.entries()


def test_what_is_published_stays(run, own_board) -> None:
    with pytest.raises(InputError, match="'bimt-plain' is an entry on .* already"):
        added(run, own_board, name="bimt-plain")


def test_weights_must_have_been_kept(run, empty, tmp_path) -> None:
    alone = shutil.copy(run.folder / "frame.parquet", tmp_path / "alone.parquet")
    with pytest.raises(InputError, match="were not kept"):
        added(alone, empty)


def test_float16_halves_the_weights_and_leaves_out_what_rounding_moves(run, empty, small_board):
    found = read(added(run, empty, dtype="float16").folder)
    whole = read(small_board.entry(TASK, "bimt-plain"))
    assert found.entry.weights.size < 0.7 * whole.entry.weights.size
    assert {*found.entry.metrics} < {*whole.entry.metrics}
    assert {"test_loss", "r2", "connection_cost"} <= {*found.entry.metrics}
    for record in found.members:
        exact, held = whole.arrays(record.member), found.arrays(record.member)
        for name, array in held.items():
            assert array.dtype == exact[name].dtype
            rounded = name.startswith("layers.")
            wanted = exact[name].astype("float16").astype("float32") if rounded else exact[name]
            np.testing.assert_array_equal(array, wanted)


def test_weights_at_a_url_are_written_beside_the_board(run, empty) -> None:
    made = added(run, empty, url="https://example.org/bimt.safetensors")
    assert sorted(file.name for file in made.folder.iterdir()) == ["entry.json", "members.jsonl"]
    alone = read(made.folder)
    assert alone.weights is None
    with pytest.raises(InputError, match="lie at a URL"):
        alone.arrays(alone.members[0].member)
    fetched = read(made.folder, weights=made.to_upload.read_bytes())
    assert fetched.arrays(alone.members[0].member).keys()
    with pytest.raises(InputError, match="bytes; entry.json says"):
        read(made.folder, weights=b"0" * 100)


def test_members_of_earlier_code_are_entered_under_its_digest(run, empty) -> None:
    held = altered(run, lambda f: f.assign(training_digest="0" * 12, torch_version="1.0"))
    entry = read(added(held, empty).folder).entry
    assert entry.environment.training_digest == "0" * 12
    assert entry.environment.libraries["torch"] == "1.0" and entry.retrainable


def test_numbers_of_other_code_are_measured_again(run, empty) -> None:
    held = altered(run, lambda f: f.assign(scoring_digest="0" * 12, r2=0.0))
    found = read(added(held, empty).folder)
    rows = run.frame.set_index("member")
    for record in found.members:
        assert record.metrics["r2"] == pytest.approx(rows.loc[record.member, "r2"], abs=1e-6)


def test_a_geometry_of_ones_own_comes_along(empty) -> None:
    import bimt_bench

    asked = configured({"recipe": "bimt", "steps": 20, "geometry": "ring"})
    held = bimt_bench.train(TASK, asked, seeds=range(5))
    found = read(added(held, empty).folder)
    assert found.geometry().placement == "ring, radius: 0.4" or found.geometry().name == "ring"
    own = held.network(found.members[0].member).population.arrays(0)
    for name in own:
        np.testing.assert_array_equal(found.arrays(found.members[0].member)[name], own[name])


def test_what_cannot_be_written_is_one_line(run, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="board: cannot write to"):
        added(run, Board(tmp_path / "file" / "board"))


def test_added_is_what_lies_there(run, empty) -> None:
    made = added(run, empty)
    assert dataclasses.asdict(made)["to_upload"] is None
    assert all(Path(file).is_file() for file in made.files)
    assert not [one for one in empty.folder.iterdir() if one.name.startswith(".")]
