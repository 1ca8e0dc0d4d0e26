"""The search adapter speaks Ray's language: packs, waiting, the end, failure, pickling."""

import pickle

import pytest
from ray.tune.search import Searcher

from bimt_bench.tuning.search import PackSearcher


class Three:
    """An agenda of two packs, then one that waits for both."""

    def __init__(self):
        self.handed, self.outcomes = 0, []

    def take(self):
        from bimt_bench.tuning.plan import Pack

        ready = 2 if len(self.outcomes) < 2 else 3
        if self.handed >= ready:
            return None
        self.handed += 1
        return Pack(f"p{self.handed}", "symbolic/independence", (), 1.0)

    def done(self, pack):
        self.outcomes.append((pack.digest, "done"))

    def failed(self, pack, reason):
        self.outcomes.append((pack.digest, reason))

    @property
    def finished(self):
        return len(self.outcomes) == 3


@pytest.fixture
def searcher():
    return PackSearcher(Three(), slots=5, reason_of=lambda pack: f"{pack.digest} was unlucky")


def test_packs_then_waiting_then_the_end(searcher):
    agenda = searcher._agenda
    assert searcher.set_search_properties(None, None, {}, spec=1) is True
    assert [searcher.suggest(t)["pack"].digest for t in ("t1", "t2")] == ["p1", "p2"]
    assert searcher.suggest("t3") is None
    searcher.on_trial_complete("t2", result={"failed": False})
    searcher.on_trial_complete("t1", error=True)
    assert searcher.suggest("t3")["pack"].digest == "p3"
    searcher.on_trial_complete("t3", result={"failed": True})
    assert searcher.suggest("t4") == Searcher.FINISHED
    assert agenda.outcomes == [
        ("p2", "done"),
        ("p1", "p1 was unlucky"),
        ("p3", "p3 was unlucky"),
    ]


def test_no_more_packs_than_slots(searcher):
    searcher._slots = 1
    searcher.suggest("t1")
    assert searcher.suggest("t2") is None
    searcher.on_trial_complete("t1", result={"failed": False})
    assert searcher.suggest("t2")["pack"].digest == "p2"


def test_a_snapshot_lists_packs_under_way_and_restores_to_none(searcher, tmp_path):
    searcher.suggest("t1")
    searcher.save(str(tmp_path / "state"))
    assert (tmp_path / "state").read_text() == '{"t1": "p1"}'
    searcher.restore(str(tmp_path / "state"))
    assert searcher._live == {}


def test_a_copy_has_no_agenda(searcher):
    copy = pickle.loads(pickle.dumps(searcher))  # noqa: S301
    with pytest.raises(RuntimeError, match="no agenda"):
        copy.suggest("t1")
