"""The docs on data: their examples run, and they say all that there is."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml
from sklearn.datasets import load_iris

import bimt_bench
from bimt_bench import data, plugins
from bimt_bench.data import functions_page
from bimt_bench.spec import DATA, catalog

DOCS = Path(__file__).parents[2] / "docs"
SHORT = {"steps": 40, "shuffles": 2}


def section(page: str, heading: str) -> str:
    """What stands under a heading."""
    text = (DOCS / page).read_text()
    return text.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def task_file(folder: Path, block: str) -> Path:
    """A whole task with the fields of a block in the place of its own."""
    given = catalog.task("symbolic/independence").model_dump(mode="json", by_alias=True)
    path = folder / "task.yaml"
    path.write_text(yaml.safe_dump(given | {"name": "own/task"} | yaml.safe_load(block)))
    return path


@pytest.fixture
def flowers(tmp_path) -> Path:
    iris = load_iris(as_frame=True)
    table = iris.data.assign(species=pd.Series(iris.target_names)[iris.target].to_numpy())
    table.to_csv(tmp_path / "flowers.csv", index=False)
    return tmp_path


def test_the_examples_of_a_formula_and_a_table_are_trained(flowers) -> None:
    formula, table = blocks(section("extending.md", "A formula or a table"), "yaml")
    for block in (formula, table):
        frame = bimt_bench.train(str(task_file(flowers, block)), **SHORT).frame
        assert (frame["status"] == "ok").all()
    loaded = data.load(catalog.task(str(flowers / "task.yaml")).data)
    assert loaded.output_names == ("setosa", "versicolor", "virginica")
    assert loaded.train_inputs.shape == (120, 4)


def test_the_example_of_a_data_kind_is_trained(tmp_path) -> None:
    (block,) = blocks(section("extending.md", "Data of your own kind"), "python")
    (tmp_path / "circle.py").write_text(block)
    loaded = plugins.load(tmp_path / "circle.py")
    try:
        file = task_file(
            tmp_path,
            "{data: {kind: circle, radius: 0.5}, loss: cross_entropy, performance: accuracy}",
        )
        frame = bimt_bench.train(str(file), **SHORT).frame
        assert (frame["status"] == "ok").all()
        assert len(data.load(catalog.task(str(file)).data).train_inputs) == 200
    finally:
        DATA.drop(loaded.source)


def test_the_example_of_ranges_is_data(tmp_path) -> None:
    (block,) = blocks(section("data.md", "`formula`"), "yaml")
    loaded = data.load(catalog.task(str(task_file(tmp_path, block))).data)
    assert loaded.truth is not None
    assert loaded.truth.depends.tolist() == [[True, True, True], [True, True, False]]


def test_the_list_of_functions_is_made_from_the_code() -> None:
    assert "\n".join(functions_page()) in section("data.md", "`formula`")


@pytest.mark.parametrize("kind", [name for name in DATA if DATA.source_of(name).built_in])
def test_the_docs_name_every_kind_and_setting(kind: str) -> None:
    told = section("data.md", f"`{kind}`")
    for name in DATA[kind].Settings.model_fields:
        assert f"`{name}`" in told or name in ("kind", "seed"), f"docs/data.md: say what {name} is"
