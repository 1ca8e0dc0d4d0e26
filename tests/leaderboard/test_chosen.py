"""Which members an entry is made of: results, and none of those that only a search trained."""

import pytest

from bimt_bench import results
from bimt_bench.ground import InputError
from bimt_bench.leaderboard.chosen import choose
from bimt_bench.spec import catalog, configured
from bimt_bench.tuning import train_pack


@pytest.fixture(scope="module")
def pack():
    asked = [configured({"recipe": "l1", "steps": 20, "strength": s}) for s in (0.3, 3.0)]
    task = catalog.task("symbolic/independence")
    return train_pack(task, asked, seeds=range(5), device="cpu", shuffles=2)


@pytest.mark.parametrize(
    ("searched", "grid"), [((), (0.3, 3.0)), ((3.0,), (0.3,))], ids=["all", "results alone"]
)
def test_members_of_a_search_are_in_no_entry(pack, searched, grid):
    phase = pack.frame["strength"].isin(searched).map({True: "search", False: "final"})
    found = results.of_pack(type(pack)(pack.frame.assign(phase=phase), pack.curves, pack.weights))
    assert choose(found, task=None, recipe=None).grid == grid


def test_a_search_that_found_nothing_makes_no_entry(pack):
    frame = pack.frame.assign(phase="search")
    found = results.of_pack(type(pack)(frame, pack.curves, pack.weights))
    with pytest.raises(InputError, match="members: none is trained on all data; the search found"):
        choose(found, task=None, recipe=None)
