"""The calibration: what no metric may say of networks that are made, and that doctoring is seen."""

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks import calibration
from benchmarks.reference_networks import DOCTORED, MADE, make
from bimt_bench import data
from bimt_bench.metrics import METRICS
from bimt_bench.spec import catalog

TASKS = ("symbolic/independence", "classification/two_moons", "modular/addition_59")
SMALL = TASKS[0]
AXIS = "module_excess"
WITHOUT_FUNCTION = ("dense", "sparse", "giant", *calibration.NOTHING)

# what a member answers says nothing of its modules, and a share of errors may be any number
JUDGED = [name for name, one in METRICS.items() if one.family != "performance"]


def loaded(name):
    task = catalog.task(name)
    return task, data.load(task.data)


@pytest.fixture(scope="module")
def found():
    return calibration.calibrate([SMALL], draws=3)


@pytest.fixture(scope="module")
def axes():
    names = (AXIS, "module_excess_cautious", "cross_cluster_mass", "modularity_q")
    return calibration.calibrate([SMALL], draws=8, names=names)


@pytest.mark.parametrize("kind", WITHOUT_FUNCTION)
def test_no_metric_gives_an_untrained_or_empty_or_collapsed_network_its_best_value(found, kind):
    rows = found[found["kind"] == kind]
    for name in JUDGED:
        if name.endswith("_error"):  # how well a figure is known, not how good it is
            continue
        one = METRICS[name]
        best = one.high if one.direction == "higher" else one.low
        known = rows[name].dropna()
        assert not np.isclose(known, best, atol=1e-9).any(), f"{name}: {known.tolist()}"


def test_the_axis_orders_the_made_networks(axes):
    for axis in (AXIS, "module_excess_cautious"):
        assert calibration.faults(axes, SMALL, axis) == []
    assert calibration.faults(axes, SMALL, "cross_cluster_mass") != []
    ideal = axes.set_index("kind").loc[["ideal", "permuted"], AXIS]
    np.testing.assert_allclose(ideal, 1.0)


def test_doctored_networks_do_not_outrank_their_clean_selves_and_by_raw_weights_they_do(axes):
    gains = calibration.doctored_gains(axes, SMALL, AXIS)
    assert gains.keys() == {*DOCTORED} - {"spare", "rescaled"}
    assert max(gains.values()) < 0.03
    assert calibration.doctored_gains(axes, SMALL, "modularity_q")["useless wires"] > 0.2


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
    assert calibration.faults(frame(**right, **noisy), "t", AXIS) == []
    blurred = {**right, **noisy, "ideal + 0.1": [0.0, 2.0], "constant": [5.0, 5.0]}
    assert calibration.faults(frame(**blurred), "t", AXIS) == [
        "ideal not above ideal + 0.1", "ideal + 0.1 not above ideal + 0.3",
        "constant not missing or below random",
    ]  # fmt: skip
