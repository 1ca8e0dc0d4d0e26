"""A small search of real networks on a real Ray: on points drawn anew, and on data held out."""

import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from sklearn.metrics import accuracy_score, r2_score

import bimt_bench
from bimt_bench import data, packs
from bimt_bench.engine import train_population
from bimt_bench.recipes import resolve
from bimt_bench.spec import Configuration, SweepSpec, trained_as
from bimt_bench.store import Store
from bimt_bench.tuning.proposals import OptunaProposals

# Waits for processes, which a busy machine may not start for minutes.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

FORMULAS, DIGITS = "symbolic/independence", "vision/digits"
STEPS, SHARE = 30, 0.2
SEARCH = {
    "name": "searched",
    "title": "Searched",
    "tasks": [{"task": task, "steps": STEPS} for task in (FORMULAS, DIGITS)],
    "space": {"recipe": ["l1"], "strength": {"low": 0.1, "high": 30.0}},
    "seeds": [0, 1],
    "shuffles": 2,
    "search": {
        "kind": "optuna",
        "sampler": "nsga2",
        "trials": 4,
        "round": 2,
        "finals": 2,
        "objectives": [{"metric": "performance"}, {"metric": "modularity_axis"}],
    },
}


@pytest.fixture(scope="module")
def swept(ray_session, tmp_path_factory):
    """The sweep's results, what its proposals were told, and its runs in MLflow."""
    folder = tmp_path_factory.mktemp("searched")
    told, usual = [], OptunaProposals.tell

    def tell(self, scores):
        told.append(list(scores))
        usual(self, scores)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OptunaProposals, "tell", tell)
        found = bimt_bench.sweep(
            SweepSpec.model_validate(SEARCH),
            results_dir=folder / "runs",
            workers=1,
            device="cpu",
            tracking_uri=f"sqlite:///{folder / 'mlflow.db'}",
        )
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    (experiment,) = [one for one in client.search_experiments() if one.name == "bimt_bench"]
    runs = client.search_runs(
        [experiment.experiment_id], "tags.`bimt_bench.kind` = 'configuration'"
    )
    return SimpleNamespace(results=found, told=told, runs=runs)


def rows_of(swept, task, phase=None):
    rows = swept.results.frame
    rows = rows[rows["task"] == task]
    return rows if phase is None else rows[rows["phase"] == phase]


def validated(swept, task):
    return data.validated(swept.results.task(task).data, share=SHARE)


def member_of(swept, row: pd.Series, *, held_out: float):
    asked = Configuration(recipe=row["recipe"], steps=STEPS, strength=row["strength"])
    return resolve(swept.results.task(row["task"]), asked, row["seed"], held_out=held_out)


def test_the_searcher_is_told_the_validation_figures_of_the_frame(swept):
    means = set()
    for task, phase in ((FORMULAS, "final"), (DIGITS, "search")):
        axis = swept.results.task(task).modularity_axis
        columns = ["validation_performance", f"validation_{axis}"]
        found = rows_of(swept, task, phase).groupby("configuration")[columns].mean()
        assert len(found) == 4
        means |= {tuple(one) for one in found.to_numpy()}
    told = [one for scores in swept.told for one in scores]
    assert len(told) == 2 * 4 and set(told) == means


@pytest.mark.parametrize(
    ("task", "phase", "measure"),
    [(FORMULAS, "final", r2_score), (DIGITS, "search", accuracy_score)],
)
def test_validation_figures_are_measured_on_validation_data(swept, task, phase, measure):
    points = validated(swept, task).measured
    for _, row in rows_of(swept, task, phase).iloc[:2].iterrows():
        network = swept.results.network(row["member"])
        predicted = np.asarray(network.predict(points.test_inputs))
        wanted = measure(points.test_targets.numpy(), predicted)
        assert row["validation_performance"] == pytest.approx(wanted, abs=1e-5)
        assert row["validation_performance"] != row["performance"]
        assert network.performance() == pytest.approx(row["performance"], abs=1e-6)


def test_what_is_searched_does_not_see_what_is_held_out(swept):
    task = swept.results.task(DIGITS)
    rows = rows_of(swept, DIGITS, "search")
    pack = rows["pack"].iloc[0]
    members = [
        member_of(swept, row, held_out=SHARE) for _, row in rows[rows["pack"] == pack].iterrows()
    ]
    stored = Store(swept.results.folder).read(pack)
    order = {member.digest: member for member in members}
    members = [order[digest] for digest in stored.frame["member"]]
    shortened = trained_as(task, members[0])
    alone = train_population(shortened, validated(swept, DIGITS).trained, members).population
    assert_same_arrays(members, alone, stored.weights)


@pytest.mark.parametrize("task", [FORMULAS, DIGITS])
def test_results_are_those_of_plain_members_to_the_bit(swept, task):
    finals = rows_of(swept, task, "final")
    assert finals["held_out"].isna().all()
    store = Store(swept.results.folder)
    for pack in finals["pack"].unique():
        stored = store.read(pack)
        members = [member_of(swept, row, held_out=0.0) for _, row in stored.frame.iterrows()]
        assert [member.digest for member in members] == list(stored.frame["member"])
        plain = packs.run_pack(swept.results.task(task), members, shuffles=2)
        for digest, arrays in plain.weights.items():
            for name, array in arrays.items():
                assert np.array_equal(array, stored.weights[digest][name])
        facts = [name for name in plain.frame if name != "seconds"]
        pd.testing.assert_frame_equal(
            plain.frame[facts], stored.frame[facts], check_exact=True, check_dtype=False
        )


def test_figures_and_tables_are_made_of_results_alone(swept):
    reports = {report.task.name: report.tradeoff for report in swept.results.reports}
    for task, told in (
        (FORMULAS, "validation points drawn anew"),
        (DIGITS, "20 % of the training data, held out"),
    ):
        finals = rows_of(swept, task, "final")
        found = {point.settings.configuration for point in reports[task].points}
        assert found == {*finals["configuration"]} and reports[task].searched_on == told
        assert swept.results.best(task).member in {*finals["member"]}
    assert len(rows_of(swept, DIGITS, "final")) <= 2 * 2
    again = bimt_bench.tradeoff(swept.results.folder, task=DIGITS)
    assert set(again["configuration"]) == {*rows_of(swept, DIGITS, "final")["configuration"]}


def test_mlflow_says_on_which_data_each_configuration_was_searched(swept):
    frame = swept.results.frame
    assert len(swept.runs) == frame["configuration"].nunique()
    for run in swept.runs:
        own = frame[frame["configuration"] == run.data.tags["bimt_bench.configuration"]].iloc[0]
        assert run.data.params["phase"] == own["phase"]
        assert run.data.params["searched_on"] == own["searched_on"]
        assert not [name for name in run.data.params if name.startswith("validation_")]
        is_read = pd.notna(own["validation_performance"])
        assert ("validation_performance" in run.data.metrics) == is_read
        assert ("(search)" in run.info.run_name) == (own["phase"] == "search")


def assert_same_arrays(members, population, weights):
    for i, member in enumerate(members):
        for name, array in population.arrays(i).items():
            assert np.array_equal(array, weights[member.digest][name]), (member.digest, name)


def test_a_sweep_that_lost_packs_of_either_phase_goes_on(swept, tmp_path):
    folder = tmp_path / swept.results.folder.name
    shutil.copytree(swept.results.folder, folder)
    lost = {rows_of(swept, DIGITS, phase)["pack"].iloc[0] for phase in ("search", "final")}
    for pack in lost:
        (folder / f"packs/{pack}.json").unlink()
    (folder / "frame.parquet").unlink()
    again = bimt_bench.sweep(
        SweepSpec.model_validate(SEARCH),
        results_dir=tmp_path,
        resume=True,
        workers=1,
        device="cpu",
        track=False,
    )
    assert again.folder == folder
    seconds = again.frame["seconds"] != swept.results.frame["seconds"]
    assert set(again.frame.loc[seconds, "pack"]) == lost
    pd.testing.assert_frame_equal(
        again.frame.drop(columns="seconds"), swept.results.frame.drop(columns="seconds")
    )
