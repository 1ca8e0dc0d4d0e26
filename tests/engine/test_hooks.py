"""What a recipe's hooks may do wrong, and how it is told."""

import pytest
import torch

from bimt_bench import data, recipes
from bimt_bench.engine import RECIPES, Every, Recipe, RecipeSettings, train_population
from bimt_bench.ground import InputError, Source, entering
from bimt_bench.spec import Configuration, NonNegative, catalog, setting, trained_as

HOOKS = ("start", "prices", "penalty", "noise", "events", "project")
VALUES = ("prices", "penalty", "noise")


class ToySettings(RecipeSettings):
    bad: NonNegative = setting(0.0, "1: a member whose hook gives something that is no number")
    since: int = setting(0, "from this step on")


def nan_of(m):
    """NaN for members that are bad, 0 for the others."""
    if m.step < m.settings.since:
        return torch.zeros(len(m))
    return torch.where(m["bad"] > 0.0, torch.nan, 0.0)


def add_nan(m):
    m.flat.add_(nan_of(m)[:, None])


BROKEN = {
    "start": lambda self, m: add_nan(m),
    "prices": lambda self, m: torch.zeros_like(m.flat) + nan_of(m)[:, None],
    "penalty": lambda self, m, theta: theta["layers.0.weight"].sum(dim=(1, 2)) * nan_of(m),
    "noise": lambda self, m, group, active: torch.ones_like(active) + nan_of(m)[:, None, None],
    "events": lambda self, m: [Every(1, add_nan)],
    "project": lambda self, m: add_nan(m),
}


@pytest.fixture
def toy():
    """Registers a recipe 'toy' with some hooks, and takes it out again."""
    source = Source("test", "0", "abc")

    def register(**hooks):
        facts = {"name": "toy", "title": "Toy", "equation": "loss", "source": "none"}
        kind = type("Toy", (Recipe,), {**facts, "Settings": ToySettings, **hooks})
        with entering(source):
            RECIPES.register(kind)

    yield register
    RECIPES.drop(source)


def train(*members, recipe="toy", seeds=None, steps=8, log_every=1, **given):
    task = catalog.task("symbolic/independence")
    found = [
        recipes.resolve(
            task,
            Configuration.model_validate({"recipe": recipe, "steps": steps, **given, **one}),
            seed,
        )
        for seed, one in zip(seeds or range(len(members)), members, strict=True)
    ]
    training = task.training.model_copy(update={"log_every": log_every})
    task = trained_as(task.model_copy(update={"training": training}), found[0])
    return train_population(task, data.load(task.data), found)


def told(error):
    """The message of an error, which is one line."""
    text = str(error.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("hook", [hook for hook in HOOKS if hook != "events"])
def test_no_number_for_any_member_at_the_first_step_is_an_error(toy, hook):
    toy(**{hook: BROKEN[hook]})
    with pytest.raises(InputError) as error:
        train({"bad": 1.0}, {"bad": 1.0})
    text = told(error)
    assert text.startswith(f"recipe 'toy': {hook}: member ")
    assert text.endswith("and 1 more, step 0: is not finite for any member at the first step")


@pytest.mark.parametrize("hook", HOOKS)
def test_no_number_for_some_members_is_why_they_diverge(toy, hook):
    toy(**{hook: BROKEN[hook]})
    trained = train({}, {"bad": 1.0}, {})
    assert trained.status == ("ok", "diverged", "ok")
    assert trained.reason[1].startswith("diverged by step ")
    assert trained.reason[1].endswith(f": {hook} of recipe 'toy' was not finite")
    without = train({}, {}, seeds=[0, 2])
    assert torch.equal(trained.population.flat[[0, 2]], without.population.flat)


@pytest.mark.parametrize("hook", [hook for hook in HOOKS if hook != "start"])
def test_no_number_later_is_why_they_diverge(toy, hook):
    toy(**{hook: BROKEN[hook], "edges": lambda self, m: [m.settings.since]})
    trained = train({"bad": 1.0}, {"bad": 1.0}, since=3)
    assert trained.status == ("diverged", "diverged")
    for reason in trained.reason:
        assert reason.endswith(f": {hook} of recipe 'toy' was not finite")


@pytest.mark.parametrize("hook", HOOKS)
def test_the_reason_is_known_though_nothing_was_logged_when_it_happened(toy, hook):
    if hook == "start":
        since = 0
    else:
        since = 3
    toy(**{hook: BROKEN[hook], "edges": lambda self, m: [m.settings.since]})
    trained = train({}, {"bad": 1.0}, since=since, log_every=8, steps=100)
    assert trained.status == ("ok", "diverged")
    assert trained.reason[1].endswith(f": {hook} of recipe 'toy' was not finite")


def test_a_hook_is_not_blamed_for_what_it_was_given():
    trained = train({"learning_rate": 1e39}, {}, recipe="l2")
    assert trained.status == ("diverged", "ok")
    assert "recipe" not in trained.reason[0]


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_that_raises_is_named(toy, hook):
    def broken(self, m, *_):
        raise RuntimeError("out of\nluck")

    toy(**{hook: broken})
    with pytest.raises(InputError) as error:
        train({}, {})
    text = told(error)
    assert text.startswith(f"recipe 'toy': {hook}: member ")
    assert "(seed 0) and 1 more, step 0: test_hooks.py, line " in text
    assert text.endswith(": RuntimeError: out of luck")


@pytest.mark.parametrize("hook", VALUES)
def test_a_hook_that_gives_another_shape_is_named(toy, hook):
    toy(**{hook: lambda self, m, *_: torch.zeros(len(m), 1)})
    with pytest.raises(InputError) as error:
        train({}, {})
    text = told(error)
    assert text.startswith(f"recipe 'toy': {hook}: member ")
    wanted = {"prices": "(2, ", "penalty": "(2,)", "noise": "(2, 20, 100)"}[hook]
    assert "gave a tensor (2, 1) of float32" in text
    assert f"but must give a tensor of real numbers {wanted}" in text


def test_every_group_that_noise_is_made_for_is_looked_at(toy):
    def noise(self, m, group, active):
        return torch.ones_like(active) if group == "hidden1" else torch.ones(len(m))

    toy(noise=noise)
    with pytest.raises(InputError, match=r"noise: .* gave a tensor \(1,\)"):
        train({})


@pytest.mark.parametrize(
    ("hook", "given", "line"),
    [
        ("prices", None, "gave NoneType"),
        ("penalty", 0.0, "gave float"),
        ("penalty", torch.zeros(1, dtype=torch.int64), "gave a tensor (1,) of int64"),
        ("penalty", torch.zeros(1), "does not require grad"),
        ("events", [3], "gave 3, but must give Every"),
    ],
)
def test_a_hook_that_gives_something_else_is_named(toy, hook, given, line):
    toy(**{hook: lambda self, m, *_: given})
    with pytest.raises(InputError) as error:
        train({})
    assert f"recipe 'toy': {hook}: member " in told(error)
    assert line in told(error)


def test_an_interval_of_no_steps_is_refused(toy):
    toy(events=lambda self, m: [Every(0, add_nan)])
    with pytest.raises(InputError, match="events: .*steps: 0 given; must be at least 1"):
        train({})
