"""Packs: every member once, seeds together, bounded size, shared settings apart, named by all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimt_bench.identity import pack_digest
from bimt_bench.recipes import resolve
from bimt_bench.spec import Configuration, catalog
from bimt_bench.tuning.packing import SweepTask, compose, opening, split

TASK = catalog.task("symbolic/independence")
NOW = [{"device": "cpu"}]
SWEPT = SweepTask(TASK, (), sample_work=520.0, samples=100)


def members(configurations, seeds, **settings):
    return [
        [resolve(TASK, Configuration(strength=1.0 + c, **settings), seed) for seed in range(seeds)]
        for c in range(configurations)
    ]


@given(
    configurations=st.integers(0, 30),
    seeds=st.integers(1, 12),
    size=st.none() | st.integers(1, 40),
    work=st.sampled_from([1e4, 1e7]),
)
def test_every_member_travels_once_in_a_bounded_pack(configurations, seeds, size, work):
    # Only the identity of members matters to `split`, so numbers stand for them.
    wanted = [[(c, s) for s in range(seeds)] for c in range(configurations)]
    packs = split(wanted, size=size, work=work)
    assert sorted(m for pack in packs for m in pack) == [m for ms in wanted for m in ms]
    bound = size or (64 if work < 1e6 else 16)
    assert all(0 < len(pack) <= bound for pack in packs)
    if seeds <= bound:
        for c in range(configurations):
            assert sum((c, 0) in pack and (c, seeds - 1) in pack for pack in packs) == 1


@pytest.mark.parametrize(
    ("configurations", "size", "work", "sizes"),
    [
        (1, None, 1e4, [3]),
        (16, None, 1e4, [24, 24]),
        (9, None, 1e7, [15, 12]),
        (16, 48, 1e7, [48]),
        (2, 2, 1e4, [2, 2, 2]),
    ],
)
def test_sizes(configurations, size, work, sizes):
    packs = split(members(configurations, 3), size=size, work=work)
    assert [len(pack) for pack in packs] == sizes


def test_digest_names_all_that_results_depend_on():
    chosen = members(1, 2)[0]
    now = {"device": "cpu", "torch": "2.9"}
    digest = pack_digest(TASK, chosen, circumstances=now)
    assert digest == pack_digest(TASK, members(1, 2)[0], circumstances=now)
    others = [
        pack_digest(TASK, chosen[:1], circumstances=now),
        pack_digest(TASK, chosen, circumstances={**now, "device": "cuda"}),
        pack_digest(TASK, chosen, circumstances={**now, "torch": "2.10"}),
        pack_digest(TASK.model_copy(update={"loss": "cross_entropy"}), chosen, circumstances=now),
    ]
    assert len({digest, *others}) == 5


def test_expected_seconds_order_tasks_as_they_were_measured():
    def seconds(sample_work, steps, **settings):
        found = SweepTask(TASK, (), sample_work, samples=100)
        return found.seconds_of(members(1, 1, steps=steps, **settings)[0])

    assert seconds(5e2, 1000) < seconds(9e4, 1000) < seconds(2.4e5, 1000)
    assert seconds(5e2, 2000) == pytest.approx(2 * seconds(5e2, 1000))
    assert seconds(1e5, 1000, batch_size=10) < seconds(1e5, 1000) / 5


def test_compose_marks_packs_with_their_task():
    packs = compose(SWEPT, members(4, 2), size=4, circumstances=NOW)
    assert [pack.task for pack in packs] == [TASK.name] * 2
    assert len({pack.digest for pack in packs}) == 2


def test_a_shared_setting_is_one_in_every_pack_and_others_are_not():
    chosen = [
        *members(4, 2, steps=100),
        *members(2, 2, steps=200, learning_rate=0.5),
        *members(2, 2, steps=200, batch_size=10),
        *members(3, 2, steps=200),
    ]
    packs = compose(SWEPT, chosen, size=None, circumstances=NOW)
    kinds = [{(m["steps"], m["batch_size"]) for m in pack.members} for pack in packs]
    assert kinds == [{(100, None)}, {(200, None)}, {(200, 10)}]
    assert {m["learning_rate"] for m in packs[1].members} == {0.5, TASK.training.learning_rate}
    assert [len(pack.members) for pack in packs] == [8, 10, 4]
    assert packs[2].expected_seconds < packs[0].expected_seconds
    everyone = {m.digest for ms in chosen for m in ms}
    assert {m.digest for pack in packs for m in pack.members} == everyone


def test_recipes_travel_together():
    chosen = [
        [resolve(TASK, Configuration(recipe=recipe), seed) for seed in range(2)]
        for recipe in ("vanilla", "l1", "bimt")
    ]
    (pack,) = compose(SWEPT, chosen, size=6, circumstances=NOW)
    assert {member.recipe for member in pack.members} == {"vanilla", "l1", "bimt"}


def test_a_long_sweep_is_opened_by_an_eighth_of_its_first_pack():
    packs = compose(SWEPT, members(128, 4), size=None, circumstances=NOW)
    small, rest = opening(SWEPT, packs, circumstances=NOW)
    assert (len(small.members), len(rest.members)) == (8, 56)
    assert {*small.members, *rest.members} == {*packs[0].members}
    assert not {*small.configurations.values()} & {*rest.configurations.values()}
    assert small.digest == pack_digest(TASK, small.members, circumstances=NOW[0])
    assert small.opens and not rest.opens
    assert small.expected_seconds == pytest.approx(packs[0].expected_seconds / 8)


@pytest.mark.parametrize(
    ("configurations", "size", "settings"),
    [(7, 4, {}), (64, 8, {"steps": 1000}), (16, 4, {"steps": 20000})],
    ids=["few packs", "short packs", "one configuration a pack"],
)
def test_other_sweeps_are_not_opened(configurations, size, settings):
    packs = compose(SWEPT, members(configurations, 4, **settings), size=size, circumstances=NOW)
    assert opening(SWEPT, packs, circumstances=NOW) == []
