"""Rows of frames made by hand."""

import pandas as pd

from bimt_bench.recipes import RECIPES, settings_for


def member(recipe="bimt", strength=1.0, seed=0, *, x=0.5, y=0.5, status="ok", **other):
    """One row of a frame; members of equal settings share a configuration.

    x and y are its modularity_q and performance; `other` changes settings. Settings that the
    recipe does not have are missing; a recipe that is not registered has them all.
    """
    known = settings_for(RECIPES[recipe]) if recipe in RECIPES else None
    settings = {
        "strength": strength,
        "locality": 1.0,
        "spacing": 0.1,
        "swap_every": 200,
        "relocation": "greedy",
        "top_k": 5,
        "moments": "stay",
        "steps": 100,
        "learning_rate": 2e-3,
        "geometry": "line",
    } | {name: value for name, value in other.items() if name not in ("task", "shortened")}
    settings = {
        name: value if known is None or name in known or name not in SETTINGS else pd.NA
        for name, value in settings.items()
    }
    dial = RECIPES[recipe].dial if recipe in RECIPES else "strength"
    identity = {
        "task": other.get("task", "toy/one"),
        "recipe": recipe,
        "dial": dial,
        "dial_value": None if dial is None else settings[dial],
        **settings,
        "distance": "l1",
        "shortened": other.get("shortened", False),
    }
    configuration = "-".join(str(v) for v in identity.values())
    return identity | {
        "seed": seed,
        "configuration": configuration,
        "member": f"{configuration}-{seed}",
        "status": status,
        "modularity_q": x,
        "performance": y,
    }


SETTINGS = frozenset(name for recipe in RECIPES.values() for name in settings_for(recipe))
