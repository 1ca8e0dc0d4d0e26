"""Proposals: complete grids in a fixed order, and Optuna rounds that can be replayed."""

import pytest

from bimt_bench.spec import PLACEMENTS, GeometrySpec, SweepSpec, choose
from bimt_bench.tuning.faults import Faults
from bimt_bench.tuning.proposals import GridProposals, OptunaProposals, Together
from bimt_bench.tuning.spaces import spaces_of

RING = GeometrySpec(name="rings", hidden=choose(PLACEMENTS, "ring"))
SPACE = {
    "strength": {"low": 0.01, "high": 10.0},
    "geometry": ["line", RING],
    "locality": [None, 2.0],
    "top_k": {"low": 1, "high": 10},
}
TWO = [{"metric": "performance"}, {"metric": "modularity_q"}]


def search(**changes):
    return {"kind": "optuna", "trials": 20, "round": 8, "objectives": TWO, **changes}


def swept(space, *, recipes=None, search=None):
    """The search of a sweep and the spaces of its recipes."""
    spec = SweepSpec.model_validate(
        {
            "name": "small",
            "title": "Small",
            "tasks": [{"task": "symbolic/independence"}],
            "space": space,
            "recipes": recipes or {},
            "seeds": [0],
            "search": search or {"kind": "grid"},
        }
    )
    faults = Faults()
    spaces = spaces_of(spec, 0, faults)
    faults.refuse()
    return spec.search, spaces


def optuna(space, *, directions=("higher", "lower"), **changes):
    found, (one,) = swept(space, search=search(**changes))
    return OptunaProposals(one, found, directions=directions)


def rounds(proposals, *, lose=()):
    """All rounds; scores are a function of the configuration, `lose` are told as failed."""
    asked, number = [], 0
    while found := proposals.ask():
        scores = []
        for configuration in found:
            scores.append(None if number in lose else (-configuration.settings["strength"], 1.0))
            number += 1
        proposals.tell(scores)
        asked.append(found)
    return asked


def grid(space, **recipes):
    _, spaces = swept(space, recipes=recipes)
    return Together([GridProposals(space) for space in spaces])


def test_grid_is_every_combination_in_the_order_in_which_settings_are_declared():
    proposals = grid({"locality": [3, 4], "strength": [1.0, 2.0], "recipe": ["l1", "bimt"]})
    asked = [(c.recipe, c.settings) for c in proposals.ask()]
    assert asked == [
        *(("l1", {"strength": s}) for s in (1.0, 2.0)),
        *(("bimt", {"strength": s, "locality": a}) for s in (1.0, 2.0) for a in (3, 4)),
    ]
    assert proposals.ask() == []


def test_grid_order_does_not_depend_on_the_order_of_fields_in_the_file():
    one = grid({"strength": [1.0, 2.0], "locality": [1, 2], "steps": [10, 20]})
    other = grid({"steps": [10, 20], "locality": [1, 2], "strength": [1.0, 2.0]})
    assert one.ask() == other.ask()


def test_each_recipe_has_its_own_space_and_what_all_have_together():
    proposals = grid(
        {"recipe": ["vanilla"], "learning_rate": [0.1, 0.2], "strength": [5]},
        bimt={"strength": [1, 3], "learning_rate": [0.3]},
        l1={},
    )
    assert [(c.recipe, c.settings) for c in proposals.ask()] == [
        ("vanilla", {"learning_rate": 0.1}),
        ("vanilla", {"learning_rate": 0.2}),
        ("bimt", {"strength": 1, "learning_rate": 0.3}),
        ("bimt", {"strength": 3, "learning_rate": 0.3}),
        ("l1", {"strength": 5, "learning_rate": 0.1}),
        ("l1", {"strength": 5, "learning_rate": 0.2}),
    ]


def test_without_a_recipe_it_is_bimt():
    (only,) = grid({}).ask()
    assert only.recipe == "bimt" and only.settings == {}


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_same_scores_give_the_same_proposals(sampler):
    def run():
        return rounds(optuna(SPACE, sampler=sampler), lose={3, 9})

    asked = run()
    assert [len(found) for found in asked] == [8, 8, 4]
    assert asked == run()
    for configuration in (c for found in asked for c in found):
        settings = configuration.settings
        assert 0.01 <= settings["strength"] <= 10.0
        assert settings["geometry"] in ("line", RING.model_dump(mode="json"))
        assert settings.get("locality") in (None, 2.0)
        assert isinstance(settings["top_k"], int) and 1 <= settings["top_k"] <= 10


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_search_follows_the_direction(sampler):
    free = {"low": 0.0, "high": 10.0, "log": False}
    # In one dimension NSGA-II mutates every child, which makes it a random search.
    space = {"strength": free, "locality": free, "spacing": free}

    def last(direction):
        one = [{"metric": "r2"}]
        proposals = optuna(
            space, directions=[direction], sampler=sampler, trials=80, round=8, objectives=one
        )
        for _ in range(10):
            found = proposals.ask()
            proposals.tell([(c.settings["strength"],) for c in found])
        return sum(c.settings["strength"] for c in found) / len(found)

    assert last("higher") > 6.5
    assert last("lower") < 3.5


def test_a_range_is_drawn_as_its_setting_says_unless_the_file_does():
    def drawn(**how):
        space = {"strength": {"low": 0.001, "high": 10.0, **how}}
        asked = rounds(optuna(space, sampler="random", trials=200, round=200))[0]
        return sorted(c.settings["strength"] for c in asked)[100]

    assert drawn() == drawn(log=True) < 0.3  # a logarithmic scale has its middle at 0.1
    assert drawn(log=False) > 4.0


def test_another_seed_proposes_otherwise():
    asked = [rounds(optuna(SPACE, seed=seed))[0] for seed in (0, 1)]
    assert asked[0] != asked[1]


def test_a_study_does_not_know_of_other_recipes():
    """One study a recipe, each with all trials, whatever else is swept and in which order."""
    strength = {"strength": SPACE["strength"]}

    def asked(*recipes):
        found, spaces = swept({"recipe": list(recipes), **strength}, search=search())
        sources = [OptunaProposals(s, found, directions=["higher", "lower"]) for s in spaces]
        return rounds(Together(sources))

    both = asked("l1", "bimt")
    assert [len(found) for found in both] == [16, 16, 8]
    for recipe in ("l1", "bimt"):
        alone = [c for found in asked(recipe) for c in found]
        assert [c for found in both for c in found if c.recipe == recipe] == alone
        other = [c for found in asked("bimt", "l1") for c in found if c.recipe == recipe]
        assert other == alone
    one, two = ([c.settings for f in both for c in f if c.recipe == r] for r in ("l1", "bimt"))
    assert one != two


def test_parameters_of_a_study_carry_the_name_of_the_recipe():
    proposals = optuna(SPACE)
    proposals.ask()
    names = {name for trial in proposals._study.get_trials() for name in trial.distributions}
    assert names == {"bimt.strength", "bimt.geometry", "bimt.locality", "bimt.top_k"}


def test_a_round_must_be_told_before_the_next():
    proposals = optuna(SPACE)
    proposals.ask()
    with pytest.raises(RuntimeError, match="not told"):
        proposals.ask()
