"""Packs: every member once, seeds together, bounded size, named by all their content."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimt_bench.identity import pack_digest
from bimt_bench.recipes import resolve
from bimt_bench.spec import Configuration, catalog
from bimt_bench.tuning.plan import SweepTask, compose, split

TASK = catalog.task("symbolic/independence")


def members(configurations, seeds):
    return [
        [resolve(TASK, Configuration(strength=1.0 + c), seed) for seed in range(seeds)]
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
        pack_digest(TASK.model_copy(update={"loss": "huber"}), chosen, circumstances=now),
    ]
    assert len({digest, *others}) == 5


def test_expected_seconds_order_tasks_as_they_were_measured():
    def seconds(work, steps):
        training = TASK.training.model_copy(update={"steps": steps})
        spec = TASK.model_copy(update={"training": training})
        return SweepTask(spec, 20000, {}, work).expected_seconds(1)

    assert seconds(5e4, 1000) < seconds(9e6, 1000) < seconds(2.4e7, 1000)
    assert seconds(5e4, 2000) == pytest.approx(2 * seconds(5e4, 1000))


def test_compose_marks_packs_with_their_task():
    task = SweepTask(TASK, TASK.training.steps, {}, 5e4)
    packs = compose(task, members(4, 2), size=4, circumstances=[{"device": "cpu"}])
    assert [pack.task for pack in packs] == [TASK.name] * 2
    assert len({pack.digest for pack in packs}) == 2
    assert not task.shortened
