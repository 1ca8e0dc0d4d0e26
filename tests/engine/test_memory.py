"""Memory: the estimate against what tensors take, and packs that train in parts."""

import pandas as pd
import pytest

from bimt_bench import data, packs, recipes
from bimt_bench.engine import memory
from bimt_bench.engine.working import Peak
from bimt_bench.spec import Configuration
from tests.configurations import configuration

CONFIGURATIONS = [
    configuration(r, swap_every=2, top_k=5, prune_every=2)
    for r in ("bimt", "l1", "pruning", "group_lasso_prox")
]


@pytest.mark.parametrize(
    "name", ["symbolic/independence", "symbolic/feature_sharing", "modular/addition_59",
             "vision/digits"]
)  # fmt: skip
def test_the_estimate_is_enough_and_not_absurd(shortened, name):
    task = shortened(name, steps=5, log_every=2)
    loaded = data.load(task.data)
    # one that is lost, so that the others are copied out
    configurations = [*CONFIGURATIONS, Configuration(learning_rate=1e38)]
    members = [recipes.resolve(task, c, seed) for c in configurations for seed in (0, 1, 2)]
    with Peak() as measured:
        packs.run_pack(task, members, shuffles=1)
    expected = memory.estimate(task, loaded, members).total(len(members))
    assert measured.peak <= expected <= 2 * measured.peak


def test_a_pack_that_does_not_fit_trains_in_parts_with_the_same_results(shortened):
    task = shortened("symbolic/independence", steps=30, log_every=10)
    members = [recipes.resolve(task, c, seed) for c in CONFIGURATIONS for seed in (0, 1, 2)]
    notes: list[str] = []
    fractions: list[float] = []
    whole = packs.run_pack(task, members, shuffles=2, on_note=notes.append)
    assert not notes
    needed = memory.estimate(task, data.load(task.data), members)
    split = packs.run_pack(
        task,
        members,
        shuffles=2,
        memory_limit=needed.total(4),
        on_note=notes.append,
        on_progress=fractions.append,
    )
    assert len(notes) == 1 and "12 members" in notes[0] and "in 3 parts" in notes[0]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    # the networks are the same to the bit; metrics are computed for all members at once
    pd.testing.assert_frame_equal(
        split.frame.drop(columns="seconds"),
        whole.frame.drop(columns="seconds"),
        rtol=1e-6,
        check_like=True,  # the order of columns is that of the recipes of the first part
    )
    pd.testing.assert_frame_equal(split.curves, whole.curves, check_exact=True)
    assert list(split.weights) == list(whole.weights)
    for member, arrays in whole.weights.items():
        for parameter, values in arrays.items():
            assert (split.weights[member][parameter] == values).all()


@pytest.mark.parametrize(
    ("limit", "sizes"),
    [(10**9, [7]), (170, [7]), (169, [4, 3]), (120, [2, 2, 2, 1]), (0, [1] * 7)],
)
def test_parts_are_as_few_as_fit(shortened, limit, sizes):
    task = shortened("symbolic/independence", steps=3)
    members = [recipes.resolve(task, Configuration(), seed) for seed in range(7)]
    needed = memory.Estimate(member=10, shared=100)
    found = memory.parts(members, needed, limit)
    assert [len(part) for part in found] == sizes
    assert [member for part in found for member in part] == members
    line = memory.split_line(task.name, needed, limit, found)
    assert ("one member alone" in line) == (limit == 0)
