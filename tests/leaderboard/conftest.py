"""A small leaderboard, made once from what was really trained: one task, three recipes, 5 seeds."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bimt_bench import ground, leaderboard, results
from bimt_bench.leaderboard import Board
from bimt_bench.spec import catalog, configured
from bimt_bench.tuning import train_pack

TASK = "symbolic/independence"
STEPS = 200
STRENGTHS = (0.3, 3.0)
SEEDS = range(5)
PUBLISHED: dict[str, Any] = {
    "authors": ["Ada Lovelace (ada)"],
    "tuned": "Nothing was tuned: all settings but the strength are the task's.",
    "licence": "CC-BY-4.0",
}


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> results.Results:
    """Vanilla, L1 and BIMT at two strengths, five seeds each, in a folder."""
    asked = [configured({"recipe": "vanilla", "steps": STEPS})]
    asked += [
        configured({"recipe": recipe, "steps": STEPS, "strength": strength})
        for recipe in ("l1", "bimt")
        for strength in STRENGTHS
    ]
    pack = train_pack(catalog.task(TASK), asked, seeds=SEEDS, device="cpu", shuffles=20)
    frame = pack.frame.assign(pack="0123456789ab")
    found = results.of_pack(type(pack)(frame, pack.curves, pack.weights))
    folder = found.save(tmp_path_factory.mktemp("trained") / "run")
    told = {**ground.environment(), **ground.on_processor()}  # as a sweep writes it
    (folder / "environment.json").write_text(json.dumps(told))
    return results.load(folder)


@pytest.fixture(scope="session")
def small_board(run: results.Results, tmp_path_factory: pytest.TempPathFactory) -> Board:
    """A board with an entry a recipe: vanilla-plain, l1-plain, bimt-plain. Never change it."""
    board = Board(tmp_path_factory.mktemp("board") / "leaderboard")
    for recipe in ("vanilla", "l1", "bimt"):
        leaderboard.add(run, recipe=recipe, name=f"{recipe}-plain", board=board, **PUBLISHED)
    return board


@pytest.fixture
def own_board(small_board: Board, tmp_path: Path) -> Board:
    """A copy of the small board, to be changed."""
    return Board(Path(shutil.copytree(small_board.folder, tmp_path / "leaderboard")))


@pytest.fixture
def tampered(own_board: Board) -> Callable[..., Path]:
    """The folder of an entry of a copied board, its files as they are: to be altered."""

    def folder(name: str = "bimt-plain") -> Path:
        return own_board.entry(TASK, name)

    return folder
