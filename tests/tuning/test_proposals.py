"""Proposals: complete grids in a fixed order, and Optuna rounds that can be replayed."""

import pytest

from bimt_bench.spec import GeometrySpec, Objective, OptunaSearch, Placement, Range
from bimt_bench.tuning.proposals import GridProposals, OptunaProposals

RING = GeometrySpec(name="rings", hidden=Placement(kind="ring"))
SPACE = {
    "strength": Range(low=0.01, high=10.0, log=True),
    "geometry": ("line", RING),
    "locality": (None, 2.0),
}


def search(**changes):
    settings = {
        "kind": "optuna",
        "trials": 20,
        "round": 8,
        "objectives": (Objective(metric="performance"), Objective(metric="modularity_q")),
    }
    return OptunaSearch.model_validate({**settings, **changes})


def rounds(proposals, *, lose=()):
    """All rounds; scores are a function of the configuration, `lose` are told as failed."""
    asked, number = [], 0
    while found := proposals.ask():
        scores = []
        for configuration in found:
            scores.append(None if number in lose else (-configuration.strength, 1.0))
            number += 1
        proposals.tell(scores)
        asked.append(found)
    return asked


def test_grid_is_every_combination_in_canonical_order():
    grid = GridProposals({"strength": (1.0, 2.0), "recipe": ("l1", "bimt")})
    asked = [(c.recipe, c.strength) for c in grid.ask()]
    assert asked == [("l1", 1.0), ("l1", 2.0), ("bimt", 1.0), ("bimt", 2.0)]
    assert grid.ask() == []


def test_grid_order_does_not_depend_on_the_order_in_the_file():
    one = GridProposals({"strength": (1.0, 2.0), "recipe": ("l1", "bimt")})
    other = GridProposals({"recipe": ("l1", "bimt"), "strength": (1.0, 2.0)})
    assert one.ask() == other.ask()


def test_grid_refuses_a_range():
    with pytest.raises(ValueError, match=r"space\.strength: a grid needs a list"):
        GridProposals({"strength": Range(low=0.0, high=1.0)})


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_same_scores_give_the_same_proposals(sampler):
    def run():
        return rounds(
            OptunaProposals(SPACE, search(sampler=sampler), directions=["higher", "lower"]),
            lose={3, 9},
        )

    asked = run()
    assert [len(found) for found in asked] == [8, 8, 4]
    assert asked == run()
    for configuration in (c for found in asked for c in found):
        assert 0.01 <= configuration.strength <= 10.0
        assert configuration.geometry in ("line", RING)
        assert configuration.locality in (None, 2.0)


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_search_follows_the_direction(sampler):
    free = Range(low=0.0, high=10.0)
    # In one dimension NSGA-II mutates every child, which makes it a random search.
    space = {"strength": free, "locality": free, "spacing": free}
    one = search(sampler=sampler, trials=80, round=8, objectives=(Objective(metric="r2"),))

    def last(direction):
        proposals = OptunaProposals(space, one, directions=[direction])
        for _ in range(10):
            found = proposals.ask()
            proposals.tell([(c.strength,) for c in found])
        return sum(c.strength for c in found) / len(found)

    assert last("higher") > 6.5
    assert last("lower") < 3.5


def test_another_seed_proposes_otherwise():
    asked = [
        rounds(OptunaProposals(SPACE, search(seed=seed), directions=["higher", "lower"]))[0]
        for seed in (0, 1)
    ]
    assert asked[0] != asked[1]


def test_a_round_must_be_told_before_the_next():
    proposals = OptunaProposals(SPACE, search(), directions=["higher", "lower"])
    proposals.ask()
    with pytest.raises(RuntimeError, match="not told"):
        proposals.ask()
