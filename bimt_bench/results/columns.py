"""What the columns of a frame are: identity, settings, circumstances or metrics."""

from typing import Any

import pandas as pd

from bimt_bench.metrics import METRICS
from bimt_bench.recipes import RECIPES, settings_for
from bimt_bench.spec import CIRCUMSTANCES, IDENTITY, SEARCHED, Setting, is_of_validation


def known_settings() -> dict[str, Setting]:
    """The settings of all registered recipes by name: what recipes own, then what all share."""
    everyone = [(recipe, settings_for(RECIPES[recipe])) for recipe in RECIPES]
    own = {n: s for recipe, found in everyone for n, s in found.items() if s.owner == recipe}
    return own | {n: s for _, found in everyone for n, s in found.items() if n not in own}


def setting_columns(frame: pd.DataFrame) -> tuple[str, ...]:
    """The columns of a frame that are settings, in an order that its own does not change.

    Those of registered recipes; `placement` and `distance`, which are the geometry's; and where a
    recipe is not registered here, the columns that nothing else explains: they say one thing a
    configuration, and nothing of registered recipes.
    """
    held = set(frame.columns)
    found = [name for name in known_settings() if name in held]
    found += [name for name in ("placement", "distance") if name in held]
    is_known = frame["recipe"].isin(list(RECIPES))
    if is_known.all():
        return tuple(found)
    explained = {*found, *IDENTITY, *CIRCUMSTANCES, *SEARCHED, "pack", *METRICS}
    foreign, ours = frame[~is_known], frame[is_known]
    unexplained = (str(column) for column in held - explained)
    others = sorted(column for column in unexplained if not is_of_validation(column))
    said = foreign.groupby("configuration")[others].nunique(dropna=False).max()
    own = [name for name in others if said[name] <= 1 and ours[name].isna().all()]
    return (*own, *found)


def plain_cell(value: Any) -> Any:
    """A cell as a Python value; None where it is missing."""
    if pd.isna(value):
        return None
    return value.item() if hasattr(value, "item") else value
