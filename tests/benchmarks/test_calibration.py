"""The calibration: what no metric may say of networks that are made, and that doctoring is seen."""

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks import calibration, calibration_tables, trained_networks
from benchmarks.reference_networks import DOCTORED, MADE, make
from bimt_bench import data
from bimt_bench.engine import RECIPES
from bimt_bench.metrics import METRICS
from bimt_bench.spec import catalog

TASKS = ("symbolic/independence", "classification/two_moons", "modular/addition_59")
SMALL = TASKS[0]
AXIS = "module_excess"
WITHOUT_FUNCTION = ("dense", "sparse", "giant", *calibration_tables.NOTHING)
QUICK = (
    "symbolic/independence", "symbolic/feature_sharing", "symbolic/compositionality",
    "classification/two_moons", "vision/digits", "groups/s4", "modular/addition_59",
)  # fmt: skip


def loaded(name):
    task = catalog.task(name)
    return task, data.load(task.data)


@pytest.fixture(scope="module")
def axes():
    names = (AXIS, "module_excess_cautious", "cross_cluster_mass", "modularity_q")
    return calibration.calibrate([SMALL], draws=8, names=names)


@pytest.mark.parametrize("task", QUICK)
def test_no_metric_gives_an_untrained_or_empty_or_collapsed_network_its_best_value(task):
    # two draws where a network takes a fraction of a second; all draws are in results/
    draws = 2 if task not in ("groups/s4", "modular/addition_59") else 1
    found = calibration.calibrate([task], draws=draws, kinds=WITHOUT_FUNCTION)
    assert calibration_tables.best_values(found, WITHOUT_FUNCTION) == []


def test_a_best_value_is_found():
    rows = pd.DataFrame({"task": "t", "kind": ["empty", "dense"], "ncut": [0.0, 1.0]})
    rows = rows.assign(test_loss=0.0, module_excess_error=0.0)
    assert calibration_tables.best_values(rows, WITHOUT_FUNCTION) == [("t", "empty", "ncut")]


def test_the_axis_orders_the_made_networks(axes):
    for axis in (AXIS, "module_excess_cautious"):
        assert calibration_tables.faults(axes, SMALL, axis) == []
    assert calibration_tables.faults(axes, SMALL, "cross_cluster_mass") != []
    ideal = axes.set_index("kind").loc[["ideal", "permuted"], AXIS]
    np.testing.assert_allclose(ideal, 1.0)


def test_doctored_networks_do_not_outrank_their_clean_selves_and_by_raw_weights_they_do(axes):
    gains = calibration_tables.doctored_gains(axes, SMALL, AXIS)
    assert gains.keys() == {*DOCTORED} - {"spare", "rescaled"}
    assert gains["split neurons"] == pytest.approx(0.0, abs=1e-6)
    assert max(abs(gain) for gain in gains.values()) < 0.03
    assert calibration_tables.doctored_gains(axes, SMALL, "modularity_q")["useless wires"] > 0.2


def test_a_rescaled_embedding_changes_nothing_on_the_axis():
    task, given = loaded("modular/addition_59")
    clean, other = (make(task, given, kind, 1).scored() for kind in ("spare", "rescaled"))
    values = [METRICS[AXIS].compute(one)[0] for one in (clean, other)]
    assert values[0] == pytest.approx(values[1], abs=1e-6)
    costs = [METRICS["connection_cost"].compute(one)[0] for one in (clean, other)]
    assert costs[1] < 0.9 * costs[0]


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("kind", [kind for kind in DOCTORED if kind != "spare"])
def test_doctored_networks_compute_what_they_did(name, kind):
    task, given = loaded(name)
    doctored = make(task, given, kind, 2)
    if doctored is None:
        assert kind == "rescaled" and name != "modular/addition_59"
        return
    clean = make(task, given, "spare", 2)
    inputs = clean.scored().inputs(given.test_inputs[:50])
    here, there = (one.population.outputs(inputs) for one in (clean, doctored))
    assert (there - here).abs().max() < 1e-3 * here.std()  # twins cancel out but for rounding
    changed = (clean.population.flat - doctored.population.flat).abs().max()
    assert changed > 1e-3


@pytest.mark.parametrize(
    "task", [task.name for task in catalog.tasks() if task.name != "vision/mnist"]
)
def test_every_task_has_its_reference_networks(task):
    spec, given = loaded(task)
    for kind in (*MADE, *DOCTORED):
        made = make(spec, given, kind, 1)
        if made is not None:
            assert made.population.flat.isfinite().all()
            weights = torch.cat([w.flatten() for w in made.population.weights.values()])
            assert (weights != 0).any() == (kind != "empty")


def frame(**values):
    rows = [
        {"task": "t", "kind": kind, "draw": draw, AXIS: value}
        for kind, own in values.items()
        for draw, value in enumerate(own)
    ]
    return pd.DataFrame(rows).replace({"kind": {name.replace(" ", "_"): name for name in MADE}})


def test_what_an_axis_gets_wrong_is_named():
    nothing = [np.nan, np.nan]
    right = {"ideal": [1.0, 0.9], "dense": [0.0, 0.1], "sparse": [0.1, 0.0], "empty": nothing,
             "constant": nothing, "nearly_constant": nothing}  # fmt: skip
    noisy = {"ideal + 0.1": [0.7, 0.71], "ideal + 0.3": [0.45, 0.451]}
    right["ideal"], right["dense"], right["sparse"] = [1.0, 1.01], [0.1, 0.101], [0.1, 0.101]
    assert calibration_tables.faults(frame(**right, **noisy), "t", AXIS) == []
    blurred = {**right, **noisy, "ideal + 0.1": [0.0, 2.0], "constant": [5.0, 5.0]}
    assert calibration_tables.faults(frame(**blurred), "t", AXIS) == [
        "ideal not above ideal + 0.1", "ideal + 0.1 not above ideal + 0.3",
        "constant not missing or below random",
    ]  # fmt: skip


def test_an_order_is_told_from_best_to_worst_and_what_has_no_value_last():
    told = {"ideal": [1.0, 1.01], "ideal_+_0.1": [0.5, 0.9], "dense": [0.1, 0.1]}
    rows = frame(**told, empty=[np.nan, np.nan]).replace({"kind": {"ideal_+_0.1": "ideal + 0.1"}})
    said = "ideal = ideal + 0.1 = dense; no value: empty"
    assert calibration_tables.order(rows, "t", AXIS) == said
    rows.loc[rows["kind"] == "dense", AXIS] = [-9.0, -9.0]
    assert calibration_tables.order(rows, "t", AXIS) == said.replace("= dense", "> dense")


def test_a_calibration_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    given = {"draws": 2, "kinds": ("ideal", "dense"), "parts": tmp_path}
    first = calibration.calibrate([SMALL], names=["modularity_q"], **given)
    more = calibration.calibrate([SMALL], names=["modularity_q", "ncut"], **given)
    pd.testing.assert_frame_equal(more.drop(columns="ncut"), first)
    assert more["ncut"].notna().all()
    monkeypatch.setattr(calibration, "make", None)  # nothing is made again
    again = calibration.calibrate([SMALL], names=["modularity_q", "ncut"], **given)
    pd.testing.assert_frame_equal(again, more)


def test_networks_trained_on_random_places_keep_them(monkeypatch):
    monkeypatch.setitem(trained_networks.SHORTER, SMALL, (30, 2))
    scored = trained_networks.trained("trained sparse", SMALL, draws=5)
    assert scored.seeds == (0, 1) and trained_networks.RandomPlaces.name not in RECIPES
    weights = torch.cat([w.flatten(1) for w in scored.population.weights.values()], dim=1)
    assert torch.allclose((weights != 0).double().mean(dim=1), torch.tensor(0.5).double(), atol=0.1)
    assert ((weights[0] != 0) != (weights[1] != 0)).any()
    assert (scored.population.parameters[scored.wiring.attachments[0].parameter] != 0).all()
