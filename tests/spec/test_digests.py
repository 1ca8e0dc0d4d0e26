"""Digests are for good: what is published keeps its own, and a new field or default moves none."""

import pytest

from bimt_bench.recipes import resolve
from bimt_bench.spec import Configuration, SweepSpec, catalog
from bimt_bench.spec.base import Spec, later, told

TASKS = {
    "classification/two_moons": "06cc97373f6f",
    "groups/s4": "20c91b08fba4",
    "incontext/linear": "c73fb99599ae",
    "modular/addition_59": "cf498f331e9b",
    "symbolic/compositionality": "166599f733cd",
    "symbolic/feature_sharing": "387592e20f65",
    "symbolic/independence": "f124e3ad6b96",
    "vision/digits": "ae5b196a1ca0",
    "vision/mnist": "fbf7f915925b",
}


def test_every_shipped_task_has_its_published_digest():
    found = {task.name: task.digest() for task in catalog.tasks()}
    assert found.keys() == TASKS.keys(), "pin the digest of a new task here"
    moved = [name for name, digest in found.items() if digest != TASKS[name]]
    assert not moved, (
        f"the digests of {moved} moved: a published task never changes; give the changed one a new "
        "version and leave the old one as it was"
    )


CONFIGURATIONS = {
    "bimt": Configuration(),
    "bimt, shortened": Configuration(steps=400),
    "l1 at strength 3": Configuration(recipe="l1", strength=3.0),
    "vanilla": Configuration(recipe="vanilla"),
}
PINNED = {
    "bimt": "bc666373dcd5",
    "bimt, shortened": "64d47ee7dcc3",
    "l1 at strength 3": "1b3bea4643a1",
    "vanilla": "757d5699962d",
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_members_keep_their_digests(name):
    task = catalog.task("symbolic/independence")
    assert resolve(task, CONFIGURATIONS[name], 0).configuration == PINNED[name], (
        "a configuration's digest moved: a new setting needs an `absent` value, and a setting's "
        "`absent` is never edited"
    )


def test_members_that_leave_out_data_have_digests_of_their_own():
    task, one = catalog.task("symbolic/independence"), Configuration()
    found = [resolve(task, one, 0, held_out=share) for share in (0.0, 0.2, 0.3)]
    assert found[0] == resolve(task, one, 0) and "held_out" not in found[0].row()
    assert len({member.digest for member in found}) == 3
    assert len({member.configuration for member in found}) == 3
    assert found[1].row()["held_out"] == 0.2


SWEEPS = {"optuna_nsga2": "99f1fc753528", "quick": "bb8306671cba"}


@pytest.mark.parametrize("name", SWEEPS)
def test_sweeps_keep_their_digests(name):
    assert catalog.sweep(name).digest() == SWEEPS[name]


def test_what_is_given_and_what_is_published_are_one():
    task = catalog.task("symbolic/independence")
    implicit = resolve(task, Configuration(), 0)
    explicit = resolve(task, Configuration(recipe="bimt", **implicit.settings), 0)
    assert (explicit.configuration, explicit.digest) == (implicit.configuration, implicit.digest)


class Published(Spec):
    steps: int
    title: str = told("")


class Grown(Published):
    decay: float = later(0.0, absent=0.0)


class GrownWithAnotherDefault(Published):
    decay: float = later(0.1, absent=0.0)


def test_a_new_field_leaves_old_digests_as_they_are():
    assert Grown(steps=3).digest() == Published(steps=3).digest()
    assert Grown(steps=3, decay=0.1).digest() != Published(steps=3).digest()


def test_a_changed_default_does_not_merge_two_computations():
    before, after = Grown(steps=3), GrownWithAnotherDefault(steps=3)
    assert before.digest() != after.digest()
    assert Grown(steps=3, decay=0.1).digest() == after.digest()
    assert GrownWithAnotherDefault(steps=3, decay=0.0).digest() == before.digest()


def test_titles_do_not_matter():
    assert Published(steps=3, title="One").digest() == Published(steps=3, title="Two").digest()
    assert Published.told_fields() == {"title"}
    task = catalog.task("symbolic/independence")
    renamed = task.model_copy(update={"title": "Another", "description": "", "source": "nowhere"})
    assert renamed.digest() == task.digest()


@pytest.mark.parametrize("asked", ["all", ["all"], ["sparsity", "modularity_q"]])
def test_what_is_measured_is_no_part_of_a_sweep(asked):
    plain = catalog.sweep("quick")
    spec = SweepSpec.model_validate({**plain.model_dump(mode="json"), "metrics": asked})
    assert spec.metrics == ((asked,) if isinstance(asked, str) else tuple(asked))
    assert plain.metrics == ("usual",) and spec.digest() == plain.digest()
