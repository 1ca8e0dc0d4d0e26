"""Recipes that break the contract are refused with every fault in one line."""

from typing import Literal

import pytest

from bimt_bench.engine import PenaltySettings, Recipe, RecipeSettings, Table, check_recipe
from bimt_bench.ground import InputError
from bimt_bench.metrics import METRICS
from bimt_bench.recipes import RECIPES
from bimt_bench.spec import setting


class Good(Recipe):
    """Keeps the contract."""

    name, title, equation, source, dial = "good", "Good", "loss", "here", "kept"
    tables = (Table("mask", per="parameter"), Table("dual", per="member", shape=(2,)))

    class Settings(RecipeSettings):
        kept: float = setting(0.5, gt=0.0)
        way: Literal["a", "b"] = setting("a")
        only: int = setting(1, when={"way": "b"})
        spacing: float = setting(of_task="penalty.spacing", unit="side of the unit square")

    def project(self, m):
        pass


def changed(**members):
    return type("Changed", (Good,), members)


def by_row():
    """What a user without a type checker can write."""
    table = Table("a", per="neuron")
    object.__setattr__(table, "per", "row")
    return table


def settings(base=RecipeSettings, **fields):
    """A Settings class with fields (type, setting(...))."""
    types = {name: kind for name, (kind, _) in fields.items()}
    values = {name: value for name, (_, value) in fields.items()}
    own = type("Settings", (base,), {"__annotations__": types, "__module__": __name__, **values})
    return changed(Settings=own, dial=next(iter(fields)) if fields else None)


@pytest.mark.parametrize("recipe", [*RECIPES.values(), Good], ids=lambda recipe: recipe.name)
def test_what_ships_keeps_the_contract(recipe):
    check_recipe(recipe, taken=METRICS)


@pytest.mark.parametrize(
    ("recipe", "fault"),
    [
        (changed(title=None), "title is missing"),
        (changed(source=" "), "source: ' ' is not a text"),
        (changed(equation=3), "equation: 3 is not a text"),
        (changed(name="My recipe"), "name: 'My recipe' given; small letters, digits and _"),
        (changed(charge="shrnk"), "charge: 'shrnk' given; allowed: gradient, shrink"),
        (changed(baseline=True), "baseline: there is one already, 'vanilla'"),
        (changed(__init__=lambda self: None), "__init__: a recipe holds nothing of its own"),
        (changed(Settings=dict), "Settings is not a subclass of RecipeSettings"),
        (changed(dial="kepd"), "dial: there is no setting 'kepd'; did you mean 'kept'?"),
        (changed(dial="way"), "dial: setting 'way' is not a number"),
        (settings(kept=(float, 0.5)), "Settings.kept is not made by setting(...)"),
        (settings(kept=(float, setting())), "'kept' has neither a default nor of_task"),
        (settings(kept=(float, setting(-1.0, ge=0.0))),
         "setting 'kept': its default should be greater than or equal to 0"),
        (settings(kept=(int, setting("3"))), "setting 'kept': its default should be a valid int"),
        (settings(kept=(float, setting(of_task="penalty.spaces"))),
         "setting 'kept': of_task: a task has no 'penalty.spaces'"),
        (settings(kept=(float, setting(1.0, when={"wey": 1}))),
         "setting 'kept': when: there is no setting 'wey'"),
        (settings(steps=(int, setting(1))), "'steps' has the name of one that every recipe has"),
        (settings(geometry=(str, setting("x"))), "'geometry' has the name of one that every"),
        (settings(seed=(int, setting(1))), "'seed' has the name of another column of the frame"),
        (settings(modularity_q=(float, setting(1.0))), "'modularity_q' has the name of another"),
        (settings(swap_every=(float, setting(1.0, unit="steps"))),
         "'swap_every' is Float64 in 'steps', but that of recipe 'l1_swap' is Int64 in 'steps'"),
        (settings(spacing=(float, setting(1.0))), "'spacing' is Float64, but that of recipe 'l1'"),
        (changed(tables=[Table("mask", per="parameter")]), "tables: must be a tuple of Table"),
        (changed(tables=("mask",)), "tables: must be a tuple of Table"),
        (changed(tables=(Table("a", per="neuron"), Table("a", per="member"))),
         "tables: 'a' is there 2 times"),
        (changed(tables=(Table("a/b", per="neuron"),)), "tables: 'a/b': small letters"),
        (changed(tables=(by_row(),)), "tables: 'a': per: 'row' given"),
        (changed(tables=(Table("a", per="neuron", shape=(2,)),)), "only a table per member has a"),
        (changed(penalty=lambda self, m: 0), "penalty(self, m): is called as penalty(self, m, th"),
        (changed(prices=lambda self, m, theta: 0), "prices(self, m, theta): is called as prices("),
        (changed(noise=lambda m, active: 0), "noise(m, active): is called as noise(self, m, grou"),
        (changed(events=staticmethod(lambda m: ())), "events is not a method"),
        (changed(project=3), "project is not a method"),
        (changed(penalti=lambda self, m, theta: 0), "'penalti' is not a hook; did you mean 'pena"),
        (type("Idle", (Recipe,), {"name": "idle", "title": "t", "equation": "e", "source": "s"}),
         "has no hook, so that it does nothing; hooks are start, prices, penalty, noise"),
    ],
)  # fmt: skip
def test_a_fault_is_named(recipe, fault):
    with pytest.raises(InputError) as refused:
        check_recipe(recipe, taken=METRICS)
    told = str(refused.value)
    assert fault in told
    assert told.startswith(f"recipe '{recipe.name}': ") and "\n" not in told


def test_all_faults_are_told_at_once():
    bad = changed(title=None, dial="kepd", penalty=lambda self: 0, Settings=PenaltySettings)
    with pytest.raises(InputError) as refused:
        check_recipe(bad)
    told = str(refused.value)
    assert "title is missing" in told and "dial: there is no" in told and "penalty(self)" in told


def test_what_is_no_recipe_is_named():
    with pytest.raises(InputError, match="is not a subclass of Recipe"):
        check_recipe(dict)
