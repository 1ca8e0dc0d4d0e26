"""Verifying: levels in their order, what earlier verdicts are worth, limits, other machines."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from bimt_bench import leaderboard, results
from bimt_bench.ground import InputError, environment, on_processor
from bimt_bench.leaderboard import (
    LEVELS,
    Asked,
    Board,
    Budget,
    Limits,
    changed,
    doctoring,
    rescoring,
    verify,
    verifying,
)
from bimt_bench.leaderboard.isolation import Overrun
from bimt_bench.leaderboard.verdict import Finding, Verdict
from bimt_bench.leaderboard.verifying import levels, verified
from bimt_bench.spec import catalog, configured
from bimt_bench.tuning import train_pack
from tests.leaderboard.forging import Forger

TASK = "symbolic/independence"
TASKS = Path(__file__).parents[2] / "tasks"
PUBLISHED: dict[str, Any] = {
    "authors": ["Ada Lovelace (ada)"],
    "tuned": "Nothing was tuned.",
    "licence": "CC-BY-4.0",
}
QUICK = Asked(axes_only=True, fresh=0)


def _codes(verdict: Verdict, weight: str | None = None) -> set[str]:
    return {one.code for one in verdict.findings if weight in (None, one.weight)}


def _noisy(folder: Path, size: float = 1e-6) -> Forger:
    """Weights that moved a little, as other kernels would have it, and what they measure."""
    forger = Forger(folder)
    noise = np.random.default_rng(0)
    for one in forger.parameters():
        one += size * noise.normal(size=one.shape).astype(one.dtype)
    forger.claim_what_is_measured()
    forger.write()
    return forger


def test_levels_come_in_their_order(small_board: Board) -> None:
    folder = small_board.entry(TASK, "vanilla-plain")
    found = list(levels(folder, small_board, QUICK))
    assert [one.level for one in found] == ["checked", "rescored", "replayed", "retrained"]
    assert [len(one.draws) for one in found] == [0, 0, 1, 2]


@pytest.mark.parametrize("up_to", ["checked", "rescored", "replayed"])
def test_no_level_is_tried_that_is_not_asked_for(small_board: Board, up_to) -> None:
    folder = small_board.entry(TASK, "vanilla-plain")
    verdict = verified(folder, board=small_board, asked=Asked(up_to=up_to, axes_only=True))
    assert verdict.level == up_to
    assert bool(verdict.members) is (up_to != "checked")


def test_an_entry_is_verified_in_a_process_of_its_own(small_board: Board) -> None:
    folder = small_board.entry(TASK, "vanilla-plain")
    verdict = verify(folder, board=small_board, asked=QUICK)
    assert verdict.level == "retrained"
    assert verdict.machine is not None and verdict.seconds > 0
    assert small_board.verdict(TASK, "vanilla-plain") is None  # nobody asked to keep it


def test_an_entry_beyond_its_time_keeps_what_it_had_reached(small_board: Board) -> None:
    folder = small_board.entry(TASK, "vanilla-plain")
    verdict = verify(folder, board=small_board, asked=Asked(limits=Limits(seconds=0.05)))
    assert (verdict.level, _codes(verdict, "fault")) == ("none", {"beyond_time"})


def test_what_is_no_folder_is_bad_input(small_board: Board) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        verify(small_board.folder / "nothing", board=small_board)


def test_running_out_of_time_takes_nothing_that_was_proven(
    own_board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = own_board.entry(TASK, "vanilla-plain")
    found = list(levels(folder, own_board, QUICK))

    def ended(work, arguments, limits):
        yield from (one.model_dump_json() for one in found[:3])
        raise Overrun("beyond_time", "ended after 30 minutes")

    monkeypatch.setattr(verifying, "in_own_process", ended)
    first = verify(folder, board=own_board, asked=QUICK)
    assert (first.level, _codes(first, "fault"), first.against) == (
        "replayed", {"beyond_time"}, ()
    )  # fmt: skip
    own_board.keep(found[-1])
    again = verify(folder, board=own_board, asked=QUICK)
    assert (again.level, _codes(again, "fault")) == ("retrained", {"beyond_time"})


# ------------------------------------------------------------------------------ budgets


def _within(seconds: float, left: float) -> Asked:
    return dataclasses.replace(QUICK, fresh=1, budget=Budget(share=seconds, left=left))


def test_a_budget_leaves_members_for_later_and_the_verdict_says_which(own_board: Board) -> None:
    folder = own_board.entry(TASK, "vanilla-plain")
    tight = verified(folder, board=own_board, asked=_within(0.0, 1e9))
    assert (tight.level, tight.faults, len(tight.draws[-1].members)) == ("replayed", (), 1)
    (told,) = [one.told for one in tight.findings if one.code == "outstanding"]
    assert "2 of 3 drawn members, 1 of 1 members of fresh seeds" in told
    own_board.keep(tight)
    nothing = verified(folder, board=own_board, asked=_within(0.0, 0.0))
    assert nothing.level == "replayed" and nothing.draws[-1].level == "replayed"
    assert [one.code for one in nothing.findings].count("outstanding") == 1
    own_board.keep(nothing)
    whole = verified(folder, board=own_board, asked=_within(1e9, 1e9))
    assert (whole.level, "outstanding" in _codes(whole)) == ("retrained", False)
    own_board.keep(whole)
    again = verified(folder, board=own_board, asked=_within(0.0, 1e9))
    assert (again.level, "outstanding" in _codes(again)) == ("retrained", False)


# ------------------------------------------------------------------------------ other machines


def _elsewhere(forger: Forger) -> None:
    forger.entry["environment"]["cpu_features"] = "0123456789ab"
    forger.write()


def test_on_another_machine_bands_tell_the_same_run(own_board: Board) -> None:
    folder = own_board.entry(TASK, "bimt-plain")
    _elsewhere(_noisy(folder))
    verdict = verified(folder, board=own_board, asked=Asked(fresh=0))
    assert verdict.level == "retrained"
    assert verdict.draws[-1].by == "bands"
    assert "not_by_bits" in _codes(verdict, "note")


def test_bands_tell_another_seed(own_board: Board) -> None:
    folder = own_board.entry(TASK, "bimt-plain")
    forger = Forger(folder)
    names = [one["member"] for one in forger.members]
    for block in (names[:5], names[5:]):
        held = [forger.weights[name] for name in block]
        forger.weights |= dict(zip(block, [*held[1:], held[0]], strict=True))
    forger.claim_what_is_measured()
    _elsewhere(forger)
    verdict = verified(folder, board=own_board, asked=Asked(fresh=0))
    assert verdict.level == "replayed"
    assert _codes(verdict, "fault") == {"another_network"}
    assert verdict.draws[-1].by == "bands"


def test_other_code_is_compared_by_bands_and_the_verdict_says_so(own_board: Board) -> None:
    folder = own_board.entry(TASK, "vanilla-plain")
    forger = _noisy(folder)
    forger.entry["environment"]["training_digest"] = "0" * 12
    forger.write()
    verdict = verified(folder, board=own_board, asked=QUICK)
    (told,) = [one.told for one in verdict.findings if one.code == "not_by_bits"]
    assert told.endswith("differ: code")


# ------------------------------------------------------------------------------ other entries


def test_a_method_that_does_not_ship_is_measured_and_never_trained(own_board: Board) -> None:
    forger = Forger(own_board.entry(TASK, "vanilla-plain"))
    forger.entry |= {"retrainable": False, "recipe": "my_own_method"}
    forger.write()
    verdict = verified(forger.folder, board=own_board)
    assert verdict.level == "rescored"
    assert "not_retrainable" in _codes(verdict, "note")
    assert not verdict.draws


def test_weights_that_nobody_fetched_are_not_measured(own_board: Board) -> None:
    forger = Forger(own_board.entry(TASK, "vanilla-plain"))
    forger.entry["weights"] |= {"url": "https://example.invalid/w", "licence": "CC0-1.0"}
    forger.write()
    (forger.folder / "weights.safetensors").unlink()
    verdict = verified(forger.folder, board=own_board)
    assert verdict.level == "checked"
    assert "weights_elsewhere" in _codes(verdict)
    assert not verdict.members


def test_a_second_sweep_of_the_same_configurations_is_a_reproduction(own_board: Board) -> None:
    _renamed(own_board, "vanilla-plain", "vanilla-again")
    folder = own_board.entry(TASK, "vanilla-again")
    verdict = verified(folder, board=own_board, asked=Asked(up_to="rescored"))
    assert verdict.level == "rescored"
    assert "reproduction" in _codes(verdict, "note")


def test_networks_of_others_are_asked_only_where_their_sketches_are_near(
    own_board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, near = [], Asked(up_to="rescored")
    for folder in own_board.entries(TASK):
        own_board.keep(verified(folder, board=own_board, asked=near))
    real = rescoring.gathered
    monkeypatch.setattr(
        rescoring, "gathered", lambda other: asked.append(other.entry.name) or real(other)
    )
    again = _renamed(own_board, "vanilla-plain", "vanilla-again")
    verdict = verified(again, board=own_board, asked=near)
    assert (asked, "reproduction" in _codes(verdict)) == (["vanilla-plain"], True)
    own_board.keep(verdict)
    _noisy(own_board.entry(TASK, "l1-plain"))  # what its sketches are of is no longer there
    asked.clear()
    verified(again, board=own_board, asked=near)
    assert asked == ["l1-plain", "vanilla-plain"]


def _renamed(board: Board, name: str, new: str) -> Path:
    folder = Path(shutil.copytree(board.entry(TASK, name), board.place(TASK, new)))
    entry = json.loads((folder / "entry.json").read_text())
    (folder / "entry.json").write_text(json.dumps({**entry, "name": new}))
    return folder


# ------------------------------------------------------------------------------ earlier verdicts


def test_a_failed_entry_is_drawn_twice_as_often_under_whatever_name(own_board: Board) -> None:
    folder = own_board.entry(TASK, "vanilla-plain")
    _noisy(folder, 1e-4)
    asked = Asked(axes_only=True, retrain=1, fresh=0)
    counts = []
    for _ in range(3):
        verdict = verified(folder, board=own_board, asked=asked)
        own_board.keep(verdict)
        counts.append(len(verdict.draws[-1].members))
    assert counts == [1, 2, 4]
    assert len(verdict.draws) == 6  # each time one to replay, one to train again
    renamed = verified(_renamed(own_board, "vanilla-plain", "new"), board=own_board, asked=asked)
    assert len(renamed.draws[-1].members) == 5  # all there are


def test_measuring_the_axes_again_keeps_what_is_known_further(own_board: Board) -> None:
    folder = own_board.entry(TASK, "vanilla-plain")
    before = verified(folder, board=own_board, asked=Asked(fresh=1))
    own_board.keep(before)
    asked = Asked(up_to="rescored", axes_only=True)
    after = verified(folder, board=own_board, asked=asked)
    assert after.level == "retrained"
    assert (after.metrics, after.fresh, after.draws) == (before.metrics, before.fresh, before.draws)
    assert after.members == before.members


@pytest.mark.parametrize(
    ("fault", "level"), [("another_run", "rescored"), ("another_network", "replayed")]
)
def test_a_failure_stays_until_its_level_is_passed(own_board: Board, fault, level) -> None:
    """Else the axes, which are measured on each merge, would wash it off."""
    folder = own_board.entry(TASK, "vanilla-plain")
    passed = verified(folder, board=own_board, asked=QUICK)
    told = Finding(
        level=LEVELS[LEVELS.index(level) + 1], code=fault, weight="fault", told="another one"
    )
    own_board.keep(passed.model_copy(update={"level": level, "findings": (told,)}))
    axes = Asked(up_to="rescored", axes_only=True)
    after = verified(folder, board=own_board, asked=axes)
    assert (after.level, after.faults) == (level, (told,))
    own_board.keep(after)
    whole = verified(folder, board=own_board, asked=QUICK)
    assert (whole.level, whole.faults) == ("retrained", ())


def test_another_content_under_the_same_name_begins_anew(own_board: Board) -> None:
    folder = own_board.entry(TASK, "vanilla-plain")
    own_board.keep(verified(folder, board=own_board, asked=QUICK))
    assert folder.resolve() not in [one.resolve() for one in changed(own_board)]
    _noisy(folder)
    assert folder.resolve() in [one.resolve() for one in changed(own_board)]
    asked = Asked(up_to="rescored", axes_only=True)
    assert verified(folder, board=own_board, asked=asked).level == "rescored"


def test_entries_that_nobody_has_verified_are_new(small_board: Board) -> None:
    assert changed(small_board) == list(small_board.entries())


@pytest.fixture
def embedded(tmp_path: Path) -> tuple[Board, Path]:
    """A board of a small task with an embedding, and the folder of that task."""
    content = yaml.safe_load((TASKS / "modular" / "addition_59.yaml").read_text())
    content["name"] = "modular/addition_7"
    content["data"] = {"kind": "modular", "modulus": 7, "expression": "a + b"}
    content["model"] |= {"embedding": 4, "hidden": [8, 8]}
    tasks = tmp_path / "tasks"
    (tasks / "modular").mkdir(parents=True)
    (tasks / "modular" / "addition_7.yaml").write_text(yaml.safe_dump(content))
    task = catalog.task("modular/addition_7", tasks)
    asked = configured({"recipe": "l1", "strength": 1.0, "steps": 20})
    pack = train_pack(task, [asked], seeds=range(5), device="cpu")
    frame = pack.frame.assign(pack="0123456789ab")
    run = results.of_pack(type(pack)(frame, pack.curves, pack.weights)).save(tmp_path / "run")
    (run / "environment.json").write_text(json.dumps({**environment(), **on_processor()}))
    board = Board(tmp_path / "board")
    leaderboard.add(run, name="plain", board=board, tasks_dir=tasks, **PUBLISHED)
    return board, tasks


def test_a_rescaled_embedding_is_another_network(embedded: tuple[Board, Path]) -> None:
    """It computes the same to the bit, costs less and has fewer effective connections."""
    board, tasks = embedded
    asked = dataclasses.replace(QUICK, tasks_dir=tasks)
    folder = board.entry("modular/addition_7", "plain")
    assert verified(folder, board=board, asked=asked).level == "retrained"
    forger = Forger(folder, tasks)
    forger.doctor(doctoring.rescaled)
    forger.claim_what_is_measured()
    forger.write()
    verdict = verified(folder, board=board, asked=asked)
    assert (verdict.level, _codes(verdict, "fault")) == ("replayed", {"another_network"})
