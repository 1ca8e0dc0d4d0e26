"""Every registered recipe, and some toys, against the rules of the contract (`conformance`)."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from bimt_bench import data, packs, recipes
from bimt_bench.engine import Autograd, memory
from bimt_bench.engine import loop as engine_loop
from bimt_bench.spec import Configuration, Member, settings_of
from tests.recipes import toys
from tests.recipes.conformance import (
    final_state,
    members_of,
    prices_read_only_what_events_wrote,
    remembers_nothing_on_itself,
    resumed,
    same_member,
    short_task,
    small_tiles,
    steps_of,
    trained,
)

SHIPPED = sorted(recipes.RECIPES)
NAMES = [*SHIPPED, *(toy.name for toy in toys.SOUND)]
TASK = short_task("symbolic/independence", steps=40)
RULES = short_task("symbolic/independence", steps=16, log_every=5)
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(autouse=True, scope="module")
def with_toys():
    with toys.registered():
        yield


@cache
def everybody() -> list[Member]:
    """All recipes at once, in no order, seeds and settings mixed; some diverge at their times."""
    found = [member for name in NAMES for member in members_of(name, TASK)]
    order = np.random.default_rng(0).permutation(len(found))
    found = [found[place] for place in order]
    for place, (name, rate) in enumerate([("bimt", 1e6), ("pruning", 1e4), (NAMES[-3], 1e38)]):
        lost = Configuration(recipe=name, learning_rate=rate)
        found.insert(9 * place + 4, recipes.resolve(TASK, lost, 7))
    return found


@cache
def together():
    return trained(TASK, everybody())


@cache
def alone(member_at: int):
    return trained(TASK, [everybody()[member_at]])


def places_of(name: str) -> list[int]:
    return [place for place, member in enumerate(everybody()) if member.recipe == name]


# --------------------------------------------------------------------------- pack mates


@pytest.mark.parametrize("name", NAMES)
def test_a_member_of_a_mixed_pack_is_its_solo_run_to_the_bit(name):
    """Beside all others, three of which leave on the way."""
    assert sum(status == "diverged" for status in together().status) >= 3
    assert len(places_of(name)) >= 4
    for place in places_of(name):
        same_member(together(), place, alone(place), 0)


def test_a_few_members_at_a_time_give_the_same_bits(monkeypatch):
    with small_tiles(monkeypatch, 3):
        found = trained(TASK, everybody())
    for place in range(len(everybody())):
        same_member(found, place, together(), place, mates=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_trains_otherwise_than_the_baseline(name):
    """Else all of the above would say little of it."""
    plain = recipes.resolve(TASK, Configuration(recipe="vanilla"), 0)
    first = next(p for p in places_of(name) if everybody()[p].seed == 0)
    if name != "vanilla":
        expected = trained(TASK, [plain]).population.flat[0]
        assert not torch.equal(together().population.flat[first], expected)


def test_a_recipe_that_mixes_members_is_caught():
    members = members_of("toy_mixing", RULES)
    found, solo = trained(RULES, members), trained(RULES, members[:1])
    with pytest.raises(AssertionError, match="parameters"):
        same_member(found, 0, solo, 0)


# --------------------------------------------------------------------------- interruptions


@pytest.mark.parametrize("stops", [(19,), (5, 29)], ids=["once", "twice"])
def test_an_interrupted_pack_goes_on_to_the_same_bits(tmp_path, stops):
    whole = resumed(TASK, everybody(), (), tmp_path / "whole")
    found = resumed(TASK, everybody(), stops, tmp_path / "parts")
    for place in range(len(everybody())):
        same_member(found, place, whole, place, mates=True)
        same_member(found, place, together(), place, mates=True)
    kept, expected = (final_state(TASK, everybody(), tmp_path / f) for f in ("parts", "whole"))
    tables = {name for name in expected if name.startswith("recipe.")}
    assert tables == {
        f"recipe.{name}/{table.name}" for name in NAMES for table in recipes.RECIPES[name].tables
    }
    assert kept.keys() == expected.keys()
    for name, table in expected.items():
        torch.testing.assert_close(kept[name], table, rtol=0, atol=0, equal_nan=True)


def test_a_pack_split_for_memory_gives_the_same_frames():
    members = [members_of(name, RULES, seeds=(0,))[1] for name in NAMES]
    whole = packs.run_pack(RULES, members, shuffles=1)
    needed = memory.estimate(RULES, data.load(RULES.data), members)
    split = packs.run_pack(RULES, members, shuffles=1, memory_limit=needed.total(5))
    left_out = ["seconds"]
    pd.testing.assert_frame_equal(
        split.frame.drop(columns=left_out),
        whole.frame.drop(columns=left_out),
        rtol=1e-6,
        check_like=True,
    )
    pd.testing.assert_frame_equal(split.curves, whole.curves, check_exact=True)
    for member, arrays in whole.weights.items():
        for parameter, values in arrays.items():
            np.testing.assert_array_equal(split.weights[member][parameter], values)


# --------------------------------------------------------------------------- relocation


@pytest.mark.parametrize("way", ["permute", "greedy", "assignment"])
@pytest.mark.parametrize("task", ["symbolic/independence", "vision/digits", "modular/addition_59"])
def test_tables_travel_with_their_neurons_and_the_function_stays(task, way):
    task = short_task(task, steps=5)
    still = {"recipe": "toy_carried", "learning_rate": 1e-38, "way": way}
    members = [recipes.resolve(task, Configuration(**still), seed) for seed in (0, 1)]
    outputs = first = None
    for run, _ in steps_of(task, members):
        (cohort,) = run.cohorts
        m, tables = cohort.members, cohort.tables()
        now = run.population.outputs(
            run.data.test_inputs[:20].to(run.population.flat)
            if run.data.tokens is None
            else run.data.test_inputs[:20]
        )
        if outputs is None:
            outputs, first = now, m.flat.clone()
        torch.testing.assert_close(now, outputs, rtol=1e-4, atol=1e-5)
        assert torch.equal(tables["weight"], m.flat)
        for group, part in m.neurons_of(tables["bias"]).items():
            assert torch.equal(part, toys.mark_of(m, group)), group
        assert torch.equal(tables["stays"], first)
        assert torch.equal(tables["place"][0], torch.arange(tables["place"].shape[1]).float())
    assert first is not None and not torch.equal(first, m.flat), "nobody moved"


# --------------------------------------------------------------------------- rules


@pytest.mark.parametrize("name", NAMES)
def test_prices_read_only_what_start_and_events_wrote(name):
    asked = prices_read_only_what_events_wrote(RULES, members_of(name, RULES))
    assert (asked > 0) == recipes.RECIPES[name].overrides("prices")


def test_prices_that_read_more_are_caught():
    with pytest.raises(AssertionError, match="toy_forgetful"):
        prices_read_only_what_events_wrote(RULES, members_of("toy_forgetful", RULES))


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_remembers_nothing_on_itself(name):
    remembers_nothing_on_itself(RULES, members_of(name, RULES))


def test_a_recipe_that_does_is_caught():
    with pytest.raises(AssertionError, match="toy_hoarding"):
        remembers_nothing_on_itself(RULES, members_of("toy_hoarding", RULES))


def test_parameters_may_be_stored_transposed(monkeypatch):
    """As wide inputs are: all recipes in one pack, a few members at a time, against solo runs."""
    for module in ("columns", "mlp"):
        monkeypatch.setattr(f"bimt_bench.network.{module}.WIDE", 16)
    task = short_task("vision/digits", steps=9, log_every=4)
    members = [member for name in NAMES for member in members_of(name, task, seeds=(0,))]
    with small_tiles(monkeypatch, 3):
        pack = trained(task, members)
    assert "layers.0.weight" in pack.population.architecture.transposed
    for place, member in enumerate(members):
        same_member(pack, place, trained(task, [member]), 0)


@pytest.mark.parametrize("name", [n for n in NAMES if n in ("dropout", "toy_everything")])
@pytest.mark.parametrize("task", ["symbolic/independence", "modular/addition_59"])
def test_noise_is_differentiated_alike_on_the_fast_path_and_by_autograd(monkeypatch, task, name):
    task = short_task(task, steps=6, dtype="float64")
    members = members_of(name, task)
    fast = trained(task, members)
    monkeypatch.setattr(engine_loop, "choose_differentiation", Autograd)
    slow = trained(task, members)
    torch.testing.assert_close(fast.population.flat, slow.population.flat, rtol=1e-8, atol=1e-10)


# --------------------------------------------------------------------------- facts


@pytest.mark.parametrize("name", SHIPPED)
def test_a_recipe_says_what_it_is(name):
    recipe = recipes.RECIPES[name]
    for fact in ("title", "equation", "source"):
        assert getattr(recipe, fact).strip(), fact
    own = settings_of(recipe.Settings)
    assert all(one.doc for one in own), [one.name for one in own if not one.doc]
    assert recipe.dial is None or recipe.dial in {one.name for one in own}
    assert f"`{name}`" in (DOCS / "method.md").read_text()


def test_titles_differ_and_one_recipe_is_the_baseline():
    titles = [recipes.RECIPES[name].title for name in SHIPPED]
    assert len(set(titles)) == len(titles)
    assert [name for name in SHIPPED if recipes.RECIPES[name].baseline] == ["vanilla"]
