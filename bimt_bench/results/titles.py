"""What a member is called, and what stands above its drawing: recipe, settings, performance."""

from collections.abc import Mapping
from textwrap import wrap
from typing import Any

import pandas as pd

from bimt_bench.recipes import RECIPES, resolve
from bimt_bench.results.columns import plain_cell
from bimt_bench.results.words import number, setting_words, title_with_dial, unpublished
from bimt_bench.spec import Configuration, TaskSpec

PRUNED = "strongest"
"""In the row of a pruned network: the share of its connections that were kept."""
_TITLE_WIDTH = 44  # letters of a line, bold, across the smallest drawing


def published_settings(task: TaskSpec, recipe: str) -> Mapping[str, object]:
    """The settings of a recipe as the task has them, as the frame holds them, by name."""
    return resolve(task, Configuration(recipe=recipe), 0).cells


def settings_beside(task: TaskSpec, row: pd.Series) -> Mapping[str, object]:
    """The settings that a member's own are compared with: those of the task it was trained on.

    None are known of a recipe that is not registered here. Of a task that was shortened the steps
    are told, as the task has been given those of the member.
    """
    recipe = str(row["recipe"])
    found = dict(published_settings(task, recipe)) if recipe in RECIPES else {}
    if "shortened" in row and plain_cell(row["shortened"]):
        found["steps"] = None
    return found


def member_name(row: pd.Series) -> str:
    """'BIMT, strength 1, seed 0', as far as the row says; 'network' if it says nothing."""
    cells = _cells(row)
    recipe, seed, kept = map(cells.get, ("recipe", "seed", PRUNED))
    parts = ["network"]
    if recipe is not None:
        parts = [title_with_dial(recipe, cells.get("dial"), cells.get("dial_value"))]
    parts += [] if seed is None else [f"seed {seed}"]
    parts += [] if kept is None else [f"strongest {number(100 * kept)}%"]
    return ", ".join(parts)


def drawing_title(row: pd.Series, published: Mapping[str, object]) -> str:
    """What stands above a member's drawing; its settings where they are not the `published` ones.

    They have lines of their own, so that the title stays inside the drawing.
    """
    cells = _cells(row)
    others = setting_words(cells, unpublished(cells, published))
    return "\n".join(
        [
            f"{row['task']}: {member_name(row)}",
            *wrap(others, _TITLE_WIDTH),
            f"{row['performance_metric']} {row['performance']:.4g}",
        ]
    )


def _cells(row: pd.Series) -> dict[str, Any]:
    return {str(name): plain_cell(value) for name, value in row.items()}
