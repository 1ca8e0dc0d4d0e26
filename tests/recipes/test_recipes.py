import pytest

from bimt_bench import recipes
from bimt_bench.errors import InputError
from bimt_bench.spec import Configuration, catalog


@pytest.fixture(scope="module")
def task():
    return catalog.task("symbolic/independence")


@pytest.mark.parametrize(
    ("name", "lam", "locality", "swap_every"),
    [
        ("vanilla", 0.0, 0.0, 0),
        ("l1", 1e-3, 0.0, 0),
        ("l1_local", 1e-3, 1.0, 0),
        ("l1_swap", 1e-3, 0.0, 200),
        ("bimt", 1e-3, 1.0, 200),
    ],
)
def test_recipes_mean_the_published_settings(task, name, lam, locality, swap_every):
    member = recipes.resolve(task, Configuration(recipe=name), 0)
    assert (member.lam, member.locality, member.swap_every) == (lam, locality, swap_every)
    assert member.learning_rate == 2e-3
    assert member.spacing == 0.1


def test_every_recipe_is_covered_above():
    assert set(recipes.RECIPES) == {"vanilla", "l1", "l1_local", "l1_swap", "bimt"}


@pytest.mark.parametrize(
    ("recipe", "change"),
    [
        ("vanilla", {"strength": 3.0}),
        ("vanilla", {"locality": 3.0}),
        ("vanilla", {"top_k": 3}),
        ("l1", {"locality": 3.0}),
        ("l1_local", {"swap_every": 3}),
        ("l1_local", {"relocation": "assignment"}),
        ("vanilla", {"moments": "travel"}),
        ("l1_swap", {"locality": 3.0}),
    ],
)
def test_a_setting_without_effect_does_not_make_a_new_configuration(task, recipe, change):
    plain = recipes.resolve(task, Configuration(recipe=recipe), 0)
    changed = recipes.resolve(task, Configuration.model_validate({"recipe": recipe, **change}), 0)
    assert plain == changed


@pytest.mark.parametrize(
    "change",
    [{"strength": 2.0}, {"locality": 2.0}, {"spacing": 0.3}, {"learning_rate": 0.1},
     {"swap_every": 7}, {"top_k": 7}, {"geometry": "ring"}, {"relocation": "assignment"},
     {"moments": "travel"}],
)  # fmt: skip
def test_a_setting_with_effect_makes_a_new_configuration(task, change):
    plain = recipes.resolve(task, Configuration(), 0)
    changed = recipes.resolve(task, Configuration.model_validate(change), 0)
    assert plain.configuration != changed.configuration


def test_top_k_counts_only_where_relocation_is_greedy(task):
    plain = recipes.resolve(task, Configuration(relocation="assignment"), 0)
    changed = recipes.resolve(task, Configuration(relocation="assignment", top_k=3), 0)
    assert plain == changed
    assert (plain.relocation, plain.top_k, plain.swap_every) == ("assignment", 0, 200)


def test_a_task_may_bring_its_own_way_of_relocating(task):
    own = task.relocation.model_copy(update={"method": "assignment", "moments": "travel"})
    moved = recipes.resolve(task.model_copy(update={"relocation": own}), Configuration(), 0)
    assert (moved.relocation, moved.moments) == ("assignment", "travel")
    asked = Configuration(relocation="greedy", moments="stay")
    back = recipes.resolve(task.model_copy(update={"relocation": own}), asked, 0)
    assert (back.relocation, back.moments, back.top_k) == ("greedy", "stay", 5)


def test_the_seed_changes_the_member_but_not_the_configuration(task):
    first, second = (recipes.resolve(task, Configuration(), seed) for seed in (0, 1))
    assert first.configuration == second.configuration
    assert first.digest != second.digest


def test_a_shortened_task_makes_other_members(task):
    short = task.model_copy(update={"training": task.training.model_copy(update={"steps": 10})})
    a = recipes.resolve(task, Configuration(), 0)
    b = recipes.resolve(short, Configuration(), 0)
    assert a.digest != b.digest


def test_unknown_recipe_names_the_closest(task):
    with pytest.raises(InputError, match="unknown recipe 'bimbt'; did you mean 'bimt'"):
        recipes.resolve(task, Configuration(recipe="bimbt"), 0)
