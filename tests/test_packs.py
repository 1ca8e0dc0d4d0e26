import numpy as np
import pandas as pd
import pytest

from bimt_bench import packs, recipes
from bimt_bench.ground import InputError
from bimt_bench.metrics import METRICS
from bimt_bench.recipes import resolve
from bimt_bench.spec import Configuration, catalog

SETTINGS = {
    "strength", "phases", "spacing", "reduce", "bias_from", "locality", "no_locality_into",
    "swap_every", "relocation", "top_k", "moments", "steps", "learning_rate", "beta1", "beta2",
    "weight_decay", "batch_size", "dtype", "products", "geometry",
}  # fmt: skip
IDENTITY = {
    "task", "recipe", "dial", "dial_value", "placement", "distance", "source", "seed",
    "configuration", "member",
}  # fmt: skip


@pytest.fixture(scope="module")
def result(shortened):
    task = shortened("symbolic/independence", log_every=10)
    configurations = [
        Configuration(steps=50),
        Configuration(steps=50, learning_rate=1e6),
        Configuration(steps=50, recipe="l1"),
    ]
    members = [recipes.resolve(task, c, seed) for c in configurations for seed in (0, 1)]
    fractions: list[float] = []
    found = packs.run_pack(task, members, shuffles=3, metrics=["all"], on_progress=fractions.append)
    return members, found, fractions


def test_the_frame_has_one_tidy_row_a_member(result):
    members, found, _ = result
    assert list(found.frame["member"]) == [member.digest for member in members]
    wanted = IDENTITY | SETTINGS | set(packs.CIRCUMSTANCES) | set(METRICS)
    assert set(found.frame.columns) == wanted
    assert found.frame["shortened"].all()
    assert (found.frame["steps"] == 50).all()


def test_a_diverged_member_has_a_status_a_reason_and_no_numbers(result):
    _, found, _ = result
    lost = found.frame[found.frame["learning_rate"] == 1e6]
    assert list(lost["status"]) == ["diverged"] * 2
    assert lost["reason"].str.startswith("diverged by step").all()
    assert lost[list(METRICS)].isna().all(axis=None)
    others = found.frame[found.frame["learning_rate"] != 1e6]
    assert others["reason"].isna().all()
    measured = others[["performance", "test_loss", "modularity_q", "input_leakage"]]
    assert measured.notna().all(axis=None)


def test_performance_repeats_the_tasks_own_metric(result):
    _, found, _ = result
    trained = found.frame[found.frame["status"] == "ok"]
    np.testing.assert_array_equal(trained["performance"], trained["r2"])
    assert (trained["performance_metric"] == "r2").all()
    assert trained["accuracy"].isna().all()


def test_curves_have_a_row_a_member_and_logged_step(result):
    members, found, fractions = result
    steps = [*range(0, 50, 5), 49]  # ten times at least, however few the steps
    lengths = found.curves["member"].value_counts()
    for member in members:  # a diverged member's curve ends where it left
        assert lengths[member.digest] == (2 if member["learning_rate"] == 1e6 else len(steps))
    assert sorted(set(found.curves["step"])) == steps
    assert fractions == [(step + 1) / 50 for step in steps]


def test_weights_are_complete_enough_to_draw_a_member(result):
    members, found, _ = result
    arrays = found.weights[members[0].digest]
    assert arrays["layers.0.weight"].shape == (20, 4)
    assert arrays["labels.input"].shape == (4,)
    assert arrays["coordinates.hidden1"].shape == (20, 2)
    assert all(array.flags["C_CONTIGUOUS"] for array in arrays.values())


def test_only_what_is_lacking_is_measured_again(shortened, monkeypatch):
    task = shortened("symbolic/independence", log_every=10)
    members = [recipes.resolve(task, Configuration(steps=30), seed) for seed in (0, 1)]
    first = packs.run_pack(task, members, metrics=["sparsity"])
    asked: list[list[str]] = []
    measured = packs.measured

    def remembered(scored, names):
        asked.append(list(names))
        return measured(scored, names)

    monkeypatch.setattr(packs, "measured", remembered)
    stored = {"frame": first.frame.assign(circuit_size=0.125), "weights": first.weights}
    more = packs.score_again(task, members, **stored, metrics=["sparsity", "modularity_p"])
    assert asked == [["modularity_p"]]
    assert (more["circuit_size"] == 0.125).all() and more["modularity_p"].notna().all()
    assert more["metric_gaps"].notna().all()
    assert list(more)[-2:] == list(first.frame)[-2:]

    again = packs.score_again(task, members, **stored, metrics=["sparsity"], shuffles=3)
    assert "circuit_size" in asked[1] and (again["shuffles"] == 3).all()
    assert again["circuit_size"].equals(first.frame["circuit_size"])
    whole = packs.run_pack(task, members, metrics=["sparsity", "modularity_p"]).frame
    columns = [name for name in METRICS if name in whole]
    pd.testing.assert_frame_equal(
        more[columns].drop(columns="circuit_size"), whole[columns].drop(columns="circuit_size")
    )


def test_a_task_without_ground_truth_leaves_leakage_missing(shortened):
    task = shortened("vision/digits", steps=3, log_every=1)
    members = [recipes.resolve(task, Configuration(), 0)]
    frame = packs.run_pack(task, members, shuffles=2).frame
    assert frame["input_leakage"].isna().all()
    assert frame["accuracy"].between(0, 1).all()


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("symbolic/independence", 40),
        ("symbolic/feature_sharing", 20),
        ("vision/digits", 12),
        ("modular/addition_59", 6),
    ],
)
def test_no_number_depends_on_pack_mates(shortened, name, steps):
    """Weights, curves and metrics to the bit, though layers and data are of odd sizes."""
    task = shortened(name, log_every=4)
    given = [("bimt", 1.0), ("l1", 3.0), ("vanilla", None), ("bimt", 0.3), ("l1_prox", 1.0)]
    members = [
        recipes.resolve(task, Configuration(recipe=recipe, steps=steps, strength=strength), seed)
        for seed, (recipe, strength) in enumerate(given)
    ]
    together = packs.run_pack(task, members, shuffles=2, metrics=["all"])
    for place in (1, 4):
        member = members[place].digest
        alone = packs.run_pack(task, [members[place]], shuffles=2, metrics=["all"])
        here, there = (
            found.curves[found.curves["member"] == member] for found in (alone, together)
        )
        pd.testing.assert_frame_equal(here, there.reset_index(drop=True), check_exact=True)
        here, there = alone.frame.loc[0, list(METRICS)], together.frame.loc[place, list(METRICS)]
        pd.testing.assert_series_equal(here, there, check_exact=True, check_names=False)
        for array, values in alone.weights[member].items():
            np.testing.assert_array_equal(values, together.weights[member][array])


# --------------------------------------------------------------------------- while searching


@pytest.mark.parametrize(
    ("name", "share"), [("symbolic/independence", 0.0), ("vision/digits", 0.2)]
)
@pytest.mark.parametrize("memory_limit", [None, 1], ids=["whole", "parts"])
def test_validation_figures_stand_beside_the_others_and_are_scored_again(name, share, memory_limit):
    task = catalog.task(name)
    asked = (Configuration(steps=20), Configuration(steps=20, learning_rate=1e6))
    members = [resolve(task, one, seed, held_out=share) for one in asked for seed in (0, 1)]
    metrics = ("modularity_q", "performance")
    how = {"shuffles": 2, "memory_limit": memory_limit, "validation": metrics}
    found = packs.run_pack(task, members, **how, on_note=lambda line: None)
    columns = [f"validation_{one}" for one in ("performance", "loss", "modularity_q")]
    assert list(found.frame)[-3:] == columns
    lost = found.frame["status"] == "diverged"
    assert lost.any() and (found.frame[columns].isna().all(axis=1) == lost).all()
    again = packs.score_again(task, members, frame=found.frame, weights=found.weights, **how)
    pd.testing.assert_frame_equal(again, found.frame, check_dtype=False)


def test_points_that_are_drawn_anew_hold_out_nothing():
    task = catalog.task("symbolic/independence")
    members = [resolve(task, Configuration(steps=20), 0, held_out=0.2)]
    with pytest.raises(InputError, match=r"'symbolic/independence' draws its validation data anew"):
        packs.run_pack(task, members)
