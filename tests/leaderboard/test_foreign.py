"""Methods that do not ship enter as weights: of a plug-in's recipe, or trained by anything."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

import bimt_bench
from bimt_bench import leaderboard, plugins
from bimt_bench.ground import InputError
from bimt_bench.leaderboard import Board, read
from bimt_bench.recipes import RECIPES
from tests.leaderboard.conftest import PUBLISHED, TASK

EXAMPLE = Path(__file__).parents[2] / "examples" / "extending" / "reweighted.py"
METHOD = {"method": "by_hand", "title": "By hand", "steps": 500, "seconds": 3.0, "task": TASK}


@pytest.fixture
def board(tmp_path) -> Board:
    return Board(tmp_path / "board")


def of_sizes(*sizes: int, seed: int = 0) -> dict[str, torch.Tensor]:
    """A perceptron as somebody's own training may leave it."""
    layers = [torch.nn.Linear(a, b) for a, b in pairwise(sizes)]
    for layer in layers:
        torch.nn.init.normal_(layer.weight, std=0.1 * (1 + seed))
    return torch.nn.ModuleDict({"layers": torch.nn.ModuleList(layers)}).state_dict(keep_vars=True)


def test_networks_of_ones_own_are_measured_like_everybodys(board) -> None:
    networks = {
        (dial, seed): of_sizes(4, 20, 20, 2, seed=seed) for dial in (0.1, 1.0) for seed in range(5)
    }
    made = leaderboard.add_networks(
        networks, dial="grip", name="mine", board=board, **METHOD, **PUBLISHED
    )
    found = read(made.folder)
    assert not found.entry.retrainable and found.entry.environment.training_digest is None
    assert (found.entry.grid, found.entry.seeds, found.entry.dial) == ((0.1, 1.0), 5, "grip")
    assert {"performance", "module_excess"} <= {*found.entry.metrics}
    for record in found.members:
        arrays = found.arrays(record.member)
        given = networks[record.dial_value, record.seed]["layers.0.weight"].detach().numpy()
        np.testing.assert_array_equal(arrays["layers.0.weight"], given)
        assert np.isfinite(record.metrics["performance"])


def test_another_model_and_lost_networks_are_entered(board) -> None:
    networks = {(None, seed): of_sizes(4, 8, 2) if seed else None for seed in range(5)}
    made = leaderboard.add_networks(
        networks, name="small", model={"kind": "mlp", "hidden": [8]}, board=board,
        settings={"geometry": "ring", "grip": 3}, **METHOD, **PUBLISHED,
    )  # fmt: skip
    found = read(made.folder)
    assert [one.status for one in found.members] == ["diverged", *["ok"] * 4]
    assert found.task.model.model_dump()["hidden"] == (8,)
    assert found.entry.task_digest == bimt_bench.spec.catalog.task(TASK).digest()
    assert found.geometry().hidden.kind == "ring"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"networks": {}}, "each value needs seeds 0 to 4"),
        ({"networks": {(None, 1): of_sizes(4, 20, 20, 2)}}, "none left out"),
        ({"networks": {(None, s): of_sizes(4, 20, 20, 2) for s in range(4)}}, "seeds: 4 given"),
        ({"networks": {(None, s): of_sizes(4, 20, 2) for s in range(5)}}, "'layers.1.weight' is "),
        ({"networks": {(None, s): {} for s in range(5)}}, "'layers.0.weight' is missing"),
        ({"dial": "grip"}, "dial: is given where networks have dial values"),
        ({"method": "bimt"}, "'bimt' ships with bimt_bench"),
        ({"method": "By hand"}, "recipe: 'By hand' given"),
        ({"model": {"kind": "mine"}}, "model: "),
        ({"settings": {"dtype": "int8"}}, "settings.dtype: 'int8' given"),
        ({"task": "symbolic/independance"}, "did you mean"),
    ],
)
def test_what_is_no_entry_is_refused(board, changes, told: str) -> None:
    given = {"networks": {(None, seed): of_sizes(4, 20, 20, 2) for seed in range(5)}}
    asked = {**given, **METHOD, **PUBLISHED, "name": "mine", "board": board, **changes}
    with pytest.raises(InputError, match=told):
        leaderboard.add_networks(asked.pop("networks"), **asked)
    assert not board.entries()


def test_a_plugins_recipe_enters_by_its_weights_alone(board) -> None:
    plugins.load_all([EXAMPLE])
    try:
        held = bimt_bench.train(TASK, {"recipe": "reweighted", "steps": 20}, seeds=range(5))
        asked = {"name": "reweighted", "board": board, **PUBLISHED}
        with pytest.raises(InputError, match="which the leaderboard never loads"):
            leaderboard.add(held, **asked)
        made = leaderboard.add(held, retrainable=False, **asked)
    finally:
        RECIPES.drop(RECIPES.source_of("reweighted"))
    assert "reweighted" not in RECIPES
    found = read(made.folder)  # without the plug-in
    assert found.entry.recipe == "reweighted" and not found.entry.retrainable
    assert found.entry.settings["softness"] == 0.1 and found.entry.dial == "strength"
    trained = held.network(found.members[0].member).population.arrays(0)
    for name, array in found.arrays(found.members[0].member).items():
        np.testing.assert_array_equal(array, trained[name])
    with pytest.raises(InputError, match="is not retrainable"):
        found.resolved(found.members[0])


def test_a_shipped_recipe_is_not_entered_as_another(run, board) -> None:
    with pytest.raises(InputError, match="ships with bimt_bench, so its entries are retrainable"):
        leaderboard.add(run, recipe="l1", retrainable=False, name="l1", board=board, **PUBLISHED)
