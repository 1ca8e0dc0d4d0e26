import json

import pytest

from bimt_bench import data, recipes
from bimt_bench.spec import Configuration, catalog
from bimt_bench.tuning import pace

TASK = catalog.task("symbolic/independence")
DATA = data.load(TASK.data)


def members(count):
    return [recipes.resolve(TASK, Configuration(), seed) for seed in range(count)]


def test_many_members_take_less_time_each_than_one():
    one, many = (pace.member_step_seconds(TASK, DATA, members(n), seconds=0.1) for n in (1, 32))
    assert 0 < many < one / 2  # a tiny network's step is nearly all overhead


def test_the_smallest_pack_that_is_nearly_fastest_is_taken(monkeypatch, tmp_path):
    times = {4: 3.0, 8: 1.04, 16: 1.0, 32: 1.2}
    timed = []

    def fake(task, data, chosen, *, device):
        timed.append(len(chosen))
        return times[len(chosen)]

    monkeypatch.setattr(pace, "member_step_seconds", fake)
    assert pace.best_pack(TASK, DATA, sizes=tuple(times), cache=tmp_path) == 8
    assert timed == [4, 8, 16, 32]
    assert pace.best_pack(TASK, DATA, sizes=tuple(times), cache=tmp_path) == 8
    assert timed == [4, 8, 16, 32]  # read, not timed again


@pytest.mark.parametrize(
    "content", ["", "[1]", "{", 'KEY: "y"', "KEY: -1", "KEY: true", "KEY: 99999999"]
)
def test_a_damaged_cache_is_timed_anew(content, monkeypatch, tmp_path):
    monkeypatch.setattr(pace, "member_step_seconds", lambda *_, **__: 1.0)
    key, _, value = content.partition(": ")
    content = f'{{"{pace._key(TASK, "cpu")}": {value}}}' if key == "KEY" else content
    (tmp_path / "pack_sizes.json").write_text(content)
    assert pace.best_pack(TASK, DATA, sizes=(2, 4), cache=tmp_path) == 2
    assert list(json.loads((tmp_path / "pack_sizes.json").read_text()).values()) == [2]


def test_other_networks_and_batches_are_timed_apart(monkeypatch, tmp_path):
    monkeypatch.setattr(pace, "member_step_seconds", lambda *_, **__: 1.0)
    wider = TASK.model_copy(update={"model": TASK.model.model_copy(update={"hidden": (50,)})})
    longer = TASK.model_copy(
        update={"training": TASK.training.model_copy(update={"steps": 7, "learning_rate": 0.1})}
    )
    for task in (TASK, wider, longer):
        pace.best_pack(task, DATA, sizes=(2, 4), cache=tmp_path)
    assert len(json.loads((tmp_path / "pack_sizes.json").read_text())) == 2
