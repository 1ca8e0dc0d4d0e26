import pytest

from bimt_bench import recipes
from bimt_bench.errors import InputError
from bimt_bench.spec import Configuration, catalog


@pytest.fixture(scope="module")
def task():
    return catalog.task("symbolic/independence")


PUBLISHED = {
    "vanilla": (0.0, None, None),
    "l1": (1e-3, None, None),
    "l1_local": (1e-3, 1.0, None),
    "l1_swap": (1e-3, None, 200),
    "bimt": (1e-3, 1.0, 200),
    "l2": (1e-3, None, None),
    "l1_prox": (1e-3, None, None),
    "l1_prox_local": (1e-3, 1.0, None),
    "l1_prox_bimt": (1e-3, 1.0, 200),
    "pruning": (0.0, None, None),
    "dropout": (0.0, None, None),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_recipes_mean_the_published_settings(task, name):
    member = recipes.resolve(task, Configuration(recipe=name), 0)
    found = (member.lam, member.settings.get("locality"), member.settings.get("swap_every"))
    assert found == PUBLISHED[name]
    assert member["learning_rate"] == 2e-3
    if "l1" in name or name == "bimt":
        assert member["spacing"] == 0.1
    else:
        assert "spacing" not in member.settings


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
        ("pruning", {"strength": 3.0}),
        ("dropout", {"kept": 0.5}),
    ],
)
def test_a_setting_that_the_recipe_lacks_is_refused(task, recipe, change):
    asked = Configuration.model_validate({"recipe": recipe, **change})
    (name,) = change
    with pytest.raises(InputError, match=f"^{name}: recipe '{recipe}' has no setting '{name}'"):
        recipes.resolve(task, asked, 0)


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
    assert (plain["relocation"], plain["swap_every"]) == ("assignment", 200)
    assert "top_k" in plain.empty and plain.row()["top_k"] is None


def test_a_task_may_bring_its_own_way_of_relocating(task):
    own = task.relocation.model_copy(update={"method": "assignment", "moments": "travel"})
    moved = recipes.resolve(task.model_copy(update={"relocation": own}), Configuration(), 0)
    assert (moved["relocation"], moved["moments"]) == ("assignment", "travel")
    asked = Configuration(relocation="greedy", moments="stay")
    back = recipes.resolve(task.model_copy(update={"relocation": own}), asked, 0)
    assert (back["relocation"], back["moments"], back["top_k"]) == ("greedy", "stay", 5)


def test_the_seed_changes_the_member_but_not_the_configuration(task):
    first, second = (recipes.resolve(task, Configuration(), seed) for seed in (0, 1))
    assert first.configuration == second.configuration
    assert first.digest != second.digest


def test_fewer_steps_make_other_members(task):
    a = recipes.resolve(task, Configuration(), 0)
    b = recipes.resolve(task, Configuration(steps=10), 0)
    assert a.digest != b.digest


def test_unknown_recipe_names_the_closest(task):
    with pytest.raises(InputError, match="unknown recipe 'bimbt'; did you mean 'bimt'"):
        recipes.resolve(task, Configuration(recipe="bimbt"), 0)
