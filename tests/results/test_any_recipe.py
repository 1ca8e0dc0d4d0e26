"""A recipe that nobody here has heard of: its title, dial and setting go through all results."""

from collections.abc import Iterator

import pandas as pd
import pytest
from matplotlib.text import Text

from bimt_bench.engine import RECIPES, Recipe, RecipeSettings
from bimt_bench.ground import Source, entering
from bimt_bench.packs import identity_frame
from bimt_bench.recipes import resolve
from bimt_bench.results import (
    Courier,
    SweepFacts,
    SweepTracking,
    plots,
    tradeoff_of,
    tradeoff_table,
)
from bimt_bench.results.titles import drawing_title, published_settings
from bimt_bench.results.tracking import Tracker
from bimt_bench.results.words import in_order
from bimt_bench.spec import Configuration, catalog, setting

TOY = Source("toy", "0.1", "f" * 12)
TASK = catalog.task("symbolic/independence")


@pytest.fixture
def toy() -> Iterator[None]:
    """The recipe 'thin_wires', registered as a plug-in's for as long as a test lasts."""

    class ThinWires(Recipe):
        name = "thin_wires"
        title = "Thin wires"
        equation = "loss"
        source = "here"
        dial = "kept"

        class Settings(RecipeSettings):
            kept: float = setting(0.5, "share of the wires that is kept", gt=0.0, le=1.0)
            schedule: str = setting("cubic", "how wires go")
            warm_steps: int = setting(10, "steps before the first goes", unit="steps")

    with entering(TOY):
        RECIPES.register(ThinWires)
    try:
        yield
    finally:
        RECIPES.drop(TOY)


def swept(*configurations: Configuration, seeds: int = 2) -> pd.DataFrame:
    """A frame as packs make it, its metrics invented."""
    members = [resolve(TASK, c, seed) for c in configurations for seed in range(seeds)]
    place = pd.Series(range(len(members)), dtype=float)
    return identity_frame(members).assign(
        status="ok",
        reason=None,
        seconds=1.0,
        shortened=False,
        task_digest=TASK.digest(),
        performance_metric="r2",
        performance=0.9 - place / 100,
        cross_cluster_mass=0.5 + place / 50,
    )


def toy_sweep() -> pd.DataFrame:
    return swept(
        Configuration(recipe="vanilla"),
        Configuration(recipe="bimt", strength=3.0),
        Configuration(recipe="thin_wires", kept=0.1),
        Configuration(recipe="thin_wires", kept=0.02),
        Configuration(recipe="thin_wires", kept=0.02, schedule="linear", warm_steps=20),
    )


def curves_of(frame: pd.DataFrame) -> pd.DataFrame:
    steps = frame[["member"]].merge(pd.DataFrame({"step": [0, 100, 200]}), how="cross")
    return steps.assign(train_loss=1.0, test_loss=1.0, performance=0.5, cost=2.0, charged_cost=0.5)


@pytest.mark.usefixtures("toy")
def test_the_table_has_its_title_dial_and_settings():
    table = tradeoff_table(toy_sweep())
    own = table[table["recipe"] == "thin_wires"]
    assert set(own["title"]) == {"Thin wires"} and set(own["dial"]) == {"kept"}
    assert own["dial_value"].tolist() == own["kept"].tolist() == [0.02, 0.02, 0.1]
    assert own["schedule"].tolist() == ["cubic", "linear", "cubic"]
    assert own["warm_steps"].tolist() == [10, 20, 10]
    assert own[["strength", "swap_every", "top_k"]].isna().all(axis=None)
    others = table[table["recipe"] != "thin_wires"]
    assert others[["kept", "schedule", "warm_steps"]].isna().all(axis=None)
    assert table["warm_steps"].dtype == table["swap_every"].dtype == "Int64"


@pytest.mark.usefixtures("toy")
def test_a_series_differs_in_its_dial_only():
    lines = {line.recipe: line for line in tradeoff_of(TASK, toy_sweep()).lines}
    assert list(lines) == ["vanilla", "bimt", "thin_wires"]
    runs = [[p.settings.dial_value for p in run] for run in lines["thin_wires"].series]
    assert runs == [[0.02, 0.1], [0.02]]


@pytest.mark.usefixtures("toy")
def test_figures_say_its_title_and_dial_in_a_colour_of_its_own():
    frame = toy_sweep()
    figure = plots.tradeoff_figure(tradeoff_of(TASK, frame), title="Toy", x_label="x", y_label="y")
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend[:3] == ["Vanilla", "BIMT", "Thin wires"]
    assert {"strength 3", "kept 0.02 to 0.1"} <= set(legend)
    learning = plots.curves_figure(curves_of(frame), frame)
    labels = [text.get_text() for text in learning.legends[0].get_texts()]
    assert labels == [
        "Vanilla",
        "BIMT, strength 3",
        "Thin wires, kept 0.1, schedule cubic, warm steps 10",
    ]
    written = {text.get_text() for text in learning.findobj(Text)}
    assert "connection cost" in written
    colours = plots.theme.colours(in_order(frame["recipe"]))
    assert len(set(colours.values())) == 3
    row = frame[frame["recipe"] == "thin_wires"].iloc[0]
    usual = published_settings(TASK, "thin_wires")
    first = "symbolic/independence: Thin wires, kept 0.1, seed 0"
    assert drawing_title(row, usual).splitlines()[0] == first
    changed = drawing_title(row, {**usual, "schedule": "linear", "warm_steps": 20}).splitlines()
    assert changed[:2] == [first, "schedule cubic, warm steps 10"]
    assert len(changed) == len(drawing_title(row, usual).splitlines()) + 1


@pytest.mark.usefixtures("toy")
def test_mlflow_has_its_settings_as_parameters_and_its_title_in_names(tmp_path):
    frame = toy_sweep()
    tracker = Tracker.open(f"sqlite:///{tmp_path / 'mlflow.db'}", "toy")
    facts = SweepFacts(name="toy", digest="a" * 12, spec_text="", environment={}, seeds=[0, 1])
    courier = Courier(SweepTracking(tracker, facts))
    courier.pack_done(TASK, frame, curves_of(frame))
    courier.finish()
    assert courier.error is None
    runs = tracker.client.search_runs(
        [tracker.experiment_id], "tags.`bimt_bench.kind` = 'configuration'"
    )
    names = {run.info.run_name.removeprefix(f"{TASK.name} · "): run.data.params for run in runs}
    assert set(names) == {
        "Vanilla",
        "BIMT strength=3",
        "Thin wires kept=0.1",
        "Thin wires kept=0.02",
        "Thin wires kept=0.02 schedule=linear warm_steps=20",
    }
    found = names["Thin wires kept=0.02 schedule=linear warm_steps=20"]
    wanted = {"recipe": "thin_wires", "dial": "kept", "dial_value": "0.02", "kept": "0.02"}
    wanted |= {"schedule": "linear", "warm_steps": "20", "learning_rate": "0.002"}
    assert wanted.items() <= found.items()
    assert found["source"] == f"toy 0.1:{'f' * 12}"
    assert not {"strength", "phases", "swap_every", "status", "member"} & set(found)


def test_a_frame_of_a_recipe_that_is_not_registered_here_still_has_its_settings(toy):
    frame = toy_sweep().assign(toy_metric=lambda f: range(len(f)))
    RECIPES.drop(TOY)
    table = tradeoff_table(frame)
    own = table[table["recipe"] == "thin_wires"]
    assert set(own["title"]) == {"thin wires"}
    assert own["dial_value"].tolist() == own["kept"].tolist() == [0.02, 0.02, 0.1]
    assert own["schedule"].tolist() == ["cubic", "linear", "cubic"]
    assert own["warm_steps"].tolist() == [10, 20, 10]
    assert not {"toy_metric", "status", "seconds", "task_digest", "source"} & set(table)
