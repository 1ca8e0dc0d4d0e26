"""The notebook under examples/ runs from its first cell to two networks side by side."""

import base64
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "examples" / "notebook.ipynb"


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The notebook after a run in a real kernel, in a folder that has nothing of the checkout."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = {"metadata": {"path": str(tmp_path_factory.mktemp("notebook"))}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=folder).execute()
    return notebook


def pictures(notebook, text):
    """The PNGs that the cell with this text shows."""
    (cell,) = [cell for cell in notebook.cells if text in cell.source]
    found = [output.data.get("image/png") for output in cell.outputs if "data" in output]
    return [base64.b64decode(png) for png in found if png]


def test_it_draws_curves_and_two_networks_side_by_side(executed):
    for text in ("curves.plot", "best().draw"):
        (png,) = pictures(executed, text)
        assert png.startswith(b"\x89PNG")
        assert int.from_bytes(png[16:20]) >= 600  # pixels wide


def test_every_cell_of_code_ran_and_said_what_the_kept_one_says(executed):
    kept = nbformat.read(NOTEBOOK, as_version=4)
    for cell, before in zip(executed.cells, kept.cells, strict=True):
        if cell.cell_type != "code":
            continue
        assert cell.execution_count is not None
        named = {o.output_type for o in before.outputs}
        assert named <= {o.output_type for o in cell.outputs}, cell.source


def test_the_kept_outputs_name_no_folder_of_a_machine():
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert all(place not in text for place in ("/home/", "/work/", "/root/", "/Users/"))
