"""Tampering with entries and attacks on the board, each caught by the cheapest level that can.

Every attacker keeps the files in agreement with each other, and where it matters claims what the
altered weights really measure. docs/leaderboard-trust.md has the same list in words.
"""

import io
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from bimt_bench.leaderboard import Board, doctoring
from bimt_bench.leaderboard.verdict import LEVELS, Level, Verdict
from bimt_bench.leaderboard.verifying import Asked, verified
from tests.leaderboard.forging import Forger

TASK = "symbolic/independence"
Attack = Callable[[Forger], None]
Change = Callable[[doctoring.Subject], None]


@dataclass(frozen=True)
class Caught:
    """An attack, the level that catches it and the code of what is found; flags from before."""

    attack: Attack
    level: Level
    code: str
    flag: str | None = None
    entry: str = "vanilla-plain"
    claim: bool = False


CASES: list[Caught] = []


def caught(
    level: Level, code: str, *, flag: str | None = None, entry: str = "vanilla-plain",
    claim: bool = False,
) -> Callable[[Attack], Attack]:  # fmt: skip
    """Registers an attack; `claim`: the attacker claims what the altered weights measure."""

    def register(attack: Attack) -> Attack:
        CASES.append(Caught(attack, level, code, flag, entry, claim))
        return attack

    return register


# ------------------------------------------------------------------------------ weights


@caught("checked", "weights")
def labels_all_zero(forger: Forger) -> None:
    for label in forger.labels():
        label[:] = 0


@caught("checked", "weights")
def labels_out_of_range(forger: Forger) -> None:
    for label in forger.labels():
        label[:] = 10**9


@caught("checked", "weights")
def weights_that_overflow(forger: Forger) -> None:
    for one in forger.parameters():
        one *= 1e30


@caught("checked", "weights")
def weights_that_are_nan(forger: Forger) -> None:
    next(forger.parameters())[0] = np.nan


@caught("checked", "weights_twice")
def one_network_under_every_seed(forger: Forger) -> None:
    first = next(iter(forger.weights.values()))
    forger.weights = {member: dict(first) for member in forger.weights}


def _permuted_copies(forger: Forger, noisy: float) -> None:
    """Noise in terms of the size of the weights."""
    first = next(iter(forger.weights.values()))
    forger.weights = {member: dict(first) for member in forger.weights}
    generator = torch.Generator().manual_seed(0)
    forger.doctor(lambda subject: doctoring.shuffle_neurons(subject, generator))
    noise = np.random.default_rng(0)
    for one in forger.parameters():
        size = float(np.sqrt((one**2).mean()))
        one += noisy * size * noise.normal(size=one.shape).astype(one.dtype)


@caught("rescored", "copy", claim=True)
def permuted_copies_with_a_little_noise(forger: Forger) -> None:
    _permuted_copies(forger, 1e-5)


@caught("retrained", "another_network", flag="twin", claim=True)
def permuted_copies_with_as_much_noise_as_training_leaves(forger: Forger) -> None:
    _permuted_copies(forger, 2e-4)


@caught("rescored", "copy", claim=True)
def another_entry_s_networks_under_other_seeds(forger: Forger) -> None:
    other = Forger(forger.folder.parent / "l1-plain")
    theirs = [one["member"] for one in other.members[:5]]
    own = [one["member"] for one in forger.members]
    stolen = zip(own, [*theirs[1:], theirs[0]], strict=True)
    forger.weights = {member: dict(other.weights[source]) for member, source in stolen}


@caught("retrained", "another_network", flag="alike", claim=True)
def another_recipe_s_networks_of_the_same_seeds(forger: Forger) -> None:
    other = Forger(forger.folder.parent / "l1-plain")
    for one, theirs in zip(forger.members, other.members[:5], strict=True):
        forger.weights[one["member"]] = dict(other.weights[theirs["member"]])


def after_giving_up(then: Change) -> Change:
    """The doctoring that needs spare neurons, once they are given up."""

    def change(subject: doctoring.Subject) -> None:
        doctoring.give_up_spare(subject)
        then(subject)

    return change


@caught("rescored", "rescaled_weights", claim=True)
def useless_wires_a_thousand_times_stronger(forger: Forger) -> None:
    def change(subject: doctoring.Subject) -> None:
        doctoring.give_up_spare(subject)
        first = subject.hidden[0]
        into, _ = subject.ends(first)[0]
        into[:, subject.spare[first.name] :, 0] = 1e4 * into.abs().max()

    forger.doctor(change, one_in=10)


@caught("retrained", "another_network", flag="idle_weights", claim=True)
def useless_wires_into_dead_neurons(forger: Forger) -> None:
    forger.doctor(after_giving_up(doctoring.useless_wires))


@caught("retrained", "another_network", flag="idle_weights", claim=True)
def a_dead_module(forger: Forger) -> None:
    forger.doctor(after_giving_up(doctoring.dead_module))


@caught("retrained", "another_network", claim=True)
def neurons_split_into_dead_ones(forger: Forger) -> None:
    forger.doctor(after_giving_up(doctoring.split_neurons))


@caught("retrained", "another_network", claim=True)
def the_best_of_much_noise(forger: Forger) -> None:
    noise = np.random.default_rng(0)
    for one in forger.parameters():
        one += 2e-4 * noise.normal(size=one.shape).astype(one.dtype)


@caught("retrained", "another_network", claim=True)
def weights_rounded_but_called_float32(forger: Forger) -> None:
    for one in forger.parameters():
        one[:] = one.astype(np.float16)


@caught("retrained", "another_network", claim=True)
def made_in_blocks_by_hand(forger: Forger) -> None:
    forger.doctor(doctoring.in_blocks)


# ------------------------------------------------------------------------------ training


@caught("replayed", "another_run", claim=True)
def trained_with_another_learning_rate(forger: Forger) -> None:
    forger.train_otherwise(learning_rate=0.01)


@caught("replayed", "another_run", claim=True)
def seeds_under_each_other_s_names(forger: Forger) -> None:
    names = [one["member"] for one in forger.members]
    curves = [one["curve"] for one in forger.members]
    for one, curve in zip(forger.members, [*curves[1:], curves[0]], strict=True):
        one["curve"] = curve
    held = [forger.weights[name] for name in names]
    forger.weights = dict(zip(names, [*held[1:], held[0]], strict=True))


@caught("retrained", "another_network", claim=True)
def seeds_under_each_other_s_names_with_their_own_curves(forger: Forger) -> None:
    names = [one["member"] for one in forger.members]
    held = [forger.weights[name] for name in names]
    forger.weights = dict(zip(names, [*held[1:], held[0]], strict=True))


@caught("retrained", "another_network", claim=True)
def trained_on_the_test_data(forger: Forger) -> None:
    data = forger.submission().data
    seen = type(data)(
        **{
            **vars(data),
            "train_inputs": data.test_inputs[: len(data.train_inputs)],
            "train_targets": data.test_targets[: len(data.train_targets)],
        }
    )
    forger.train_otherwise(data=seen, curves=False)


@caught("replayed", "another_run")
def a_finer_curve_than_there_was(forger: Forger) -> None:
    for one in forger.members:
        for point in one["curve"]:
            point["test_loss"] *= 0.9


@caught("retrained", "another_curve")
def a_finer_end_of_the_curve(forger: Forger) -> None:
    for one in forger.members:
        for point in one["curve"][5:]:
            point["performance"] = 0.99


@caught("retrained", "not_lost")
def the_worst_seeds_called_diverged(forger: Forger) -> None:
    for one in sorted(forger.members, key=lambda one: one["metrics"]["performance"])[:2]:
        _lose(forger, one, curve=one["curve"][:3])


@caught("checked", "not_diverged")
def diverged_with_a_curve_to_the_end(forger: Forger) -> None:
    _lose(forger, forger.members[0], curve=forger.members[0]["curve"])


def _lose(forger: Forger, one: dict, *, curve: list) -> None:
    del forger.weights[one["member"]]
    one["status"], one["curve"] = "diverged", curve
    one["metrics"] = dict.fromkeys(one["metrics"])


# ------------------------------------------------------------------------------ claims


@caught("rescored", "metric_differs")
def a_better_performance_is_claimed(forger: Forger) -> None:
    for one in forger.members:
        one["metrics"]["performance"] += 0.001


@caught("rescored", "metric_differs")
def an_undefined_metric_is_given_a_value(forger: Forger) -> None:
    forger.entry["metrics"]["accuracy"] = 1
    for one in forger.members:
        one["metrics"]["accuracy"] = 0.9


@caught("checked", "metric_version")
def a_metric_of_a_version_that_is_not_there(forger: Forger) -> None:
    forger.entry["metrics"]["performance"] = 99


@caught("checked", "metric_missing")
def metrics_of_one_member_left_out(forger: Forger) -> None:
    forger.members[2]["metrics"].pop("performance")


@caught("checked", "operations")
def a_cheaper_training_is_claimed(forger: Forger) -> None:
    forger.entry["cost"]["operations"] /= 10


@caught("checked", "seconds")
def a_quicker_training_is_claimed(forger: Forger) -> None:
    forger.entry["cost"]["seconds"] /= 10


@caught("checked", "curve_steps")
def a_curve_with_points_where_nothing_is_evaluated(forger: Forger) -> None:
    forger.members[0]["curve"][1]["step"] += 1


@caught("checked", "curve_steps")
def a_curve_without_its_beginning(forger: Forger) -> None:
    forger.members[0]["curve"] = forger.members[0]["curve"][3:]


# ------------------------------------------------------------------------------ the grid


@caught("checked", "unreadable")
def a_seed_is_left_out(forger: Forger) -> None:
    gone = forger.members.pop(1)
    del forger.weights[gone["member"]]


@caught("checked", "unreadable")
def many_strengths_within_half_a_percent(forger: Forger) -> None:
    forger.entry |= {"dial": "strength", "grid": [1.001 + 0.0002 * k for k in range(8)]}


@caught("checked", "unreadable")
def a_digest_of_other_settings(forger: Forger) -> None:
    forger.entry["settings"]["learning_rate"] = 0.0123


@caught("checked", "unreadable")
def more_members_than_there_may_be(forger: Forger) -> None:
    forger.entry["seeds"] = 40
    forger.entry |= {"dial": "strength", "grid": [1.0, 2.0]}


@caught("checked", "unreadable")
def another_task_s_digest(forger: Forger) -> None:
    forger.entry["task_digest"] = "0" * 12


@caught("checked", "unreadable")
def a_recipe_of_one_s_own(forger: Forger) -> None:
    forger.entry["recipe"] = "os_system"


@caught("checked", "unreadable")
def a_wider_network(forger: Forger) -> None:
    forger.entry["model"] = {**forger.entry["model"], "hidden": [1000, 1000]}


@caught("checked", "unreadable")
def a_name_that_leads_out_of_the_folder(forger: Forger) -> None:
    forger.entry["name"] = "../../verdicts/symbolic-independence/vanilla-plain"


@caught("checked", "unreadable")
def a_title_that_turns_the_text(forger: Forger) -> None:
    forger.entry["title"] = "Best‮recipe"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.attack.__name__)
def test_an_attack_is_caught_by_the_cheapest_level_that_can(own_board: Board, case: Caught) -> None:
    forger = Forger(own_board.entry(TASK, case.entry))
    case.attack(forger)
    if case.claim:
        forger.claim_what_is_measured()
    forger.write()
    verdict = _verdict(own_board, case)
    faults = {(one.level, one.code) for one in verdict.faults}
    assert faults == {(case.level, case.code)}
    assert LEVELS.index(verdict.level) == LEVELS.index(case.level) - 1
    if case.flag is not None:
        assert case.flag in {one.code for one in verdict.findings if one.weight == "flag"}


def _verdict(board: Board, case: Caught) -> Verdict:
    # All metrics where claims are judged; where training is, what is measured does not matter.
    axes_only = case.level in ("replayed", "retrained") and case.flag != "alike"
    asked = Asked(axes_only=axes_only, fresh=0)
    return verified(board.entry(TASK, case.entry), board=board, asked=asked)


# ------------------------------------------------------------------------------ files


def _beside(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None


def _bomb() -> bytes:
    held = io.BytesIO()
    pd.DataFrame({"x": np.zeros(10**6)}).to_parquet(held)
    return held.getvalue()


def _replace(name: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(change((folder / name).read_text())) and None


def _link(folder: Path) -> None:
    held = folder / "weights.safetensors"
    held.rename(folder.parents[1] / "elsewhere")
    held.symlink_to(folder.parents[1] / "elsewhere")


def _claims_a_huge_header(folder: Path) -> None:
    file = folder / "weights.safetensors"
    file.write_bytes((2**40).to_bytes(8, "little") + file.read_bytes()[8:])


FILES: dict[str, Callable[[Path], None]] = {
    "a Parquet bomb": _beside("members.parquet", _bomb()),
    "a verdict of one's own": _beside("verdict.json", b"{}"),
    "a pickle for weights": _beside("weights.safetensors", pickle.dumps({"a": 1})),
    "a link for weights": _link,
    "a header without end": _claims_a_huge_header,
    "a number that is none": _replace(
        "entry.json", lambda t: t.replace('"seconds":', '"a":NaN,"b":')
    ),
    "a key twice": _replace("entry.json", lambda t: t.replace("{", '{"format":1,', 1)),
    "JSON without end": _beside("members.jsonl", b"[" * 10**6),
    "a line without end": _beside("members.jsonl", json.dumps({"a": "x" * 10**6}).encode()),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_no_entry_are_refused_before_anything_else(own_board, name: str) -> None:
    folder = own_board.entry(TASK, "vanilla-plain")
    FILES[name](folder)
    verdict = verified(folder, board=own_board)
    assert verdict.level == "none"
    assert {one.code for one in verdict.faults} == {"unreadable"}


def test_an_honest_entry_reaches_the_last_level(small_board: Board) -> None:
    for folder in small_board.entries(TASK):
        verdict = verified(folder, board=small_board, asked=Asked(fresh=2))
        assert verdict.level == "retrained"
        assert not verdict.faults
        assert [one.by for one in verdict.draws] == ["curve", "bits"]


def test_there_are_enough_kinds_of_attacks() -> None:
    assert len(CASES) + len(FILES) >= 25


def test_the_page_about_trust_names_every_attack() -> None:
    page = (Path(__file__).parents[2] / "docs" / "leaderboard-trust.md").read_text()
    assert [one.attack.__name__ for one in CASES if f"`{one.attack.__name__}`" not in page] == []
