import json

import pytest

from bimt_bench.tuning import pace, sizes
from bimt_bench.tuning.prepare import check


@pytest.fixture
def find(monkeypatch, tmp_path, sweep_spec):
    """Pack sizes of a small sweep, where timing finds 24."""
    timed = []

    def fake(task, data, *, device):
        timed.append((task.name, device))
        return 24

    monkeypatch.setattr(pace, "best_pack", fake)

    def sizes_of(*, device="cpu", address=None, note=print, **changes):
        checked = check(sweep_spec(**{"pack_size": None, **changes}))
        return sizes.pack_sizes(checked, tmp_path, device=device, address=address, note=note)

    sizes_of.timed = timed
    return sizes_of


def test_the_users_size_is_not_questioned(find):
    assert set(find(pack_size=3).values()) == {3}
    assert find.timed == []


def test_a_short_sweep_is_not_timed(find):
    assert set(find().values()) == {None}
    assert find.timed == []


def test_a_long_sweep_is_timed_once(find, monkeypatch, tmp_path):
    monkeypatch.setattr(sizes, "WORTH_SECONDS", 0.0)
    found = find()
    assert set(found.values()) == {24}
    assert find.timed == [(name, "cpu") for name in found]
    assert json.loads((tmp_path / sizes.FILE).read_text()) == found
    assert find() == found
    assert len(find.timed) == len(found)  # the folder remembers


@pytest.mark.parametrize(
    "content",
    [
        '{"symbolic/independence": 24',
        "not JSON",
        '{"symbolic/independence": "24"}',
        '{"symbolic/independence": -4}',
        '{"symbolic/independence": 1e99}',
        '{"symbolic/independence": 100000000000000000000}',
        '{"symbolic/independence": true}',
        "[24]",
        "{}",
        '{"symbolic/independence": 24, "another/task": 3}',
        "[" * 100_000,
        "",
    ],
)
def test_damaged_sizes_are_noted_and_found_again(find, monkeypatch, tmp_path, content):
    monkeypatch.setattr(sizes, "WORTH_SECONDS", 0.0)
    (tmp_path / sizes.FILE).write_text(content)
    noted = []
    found = find(note=noted.append)
    assert set(found.values()) == {24}
    assert noted == [f"{tmp_path / sizes.FILE} is damaged; pack sizes are found again"]
    assert json.loads((tmp_path / sizes.FILE).read_text()) == found


def test_gpus_of_another_machine_are_not_timed_on_this_cpu(find, monkeypatch):
    monkeypatch.setattr(sizes, "WORTH_SECONDS", 0.0)
    monkeypatch.setattr(sizes.torch.cuda, "is_available", lambda: False)
    assert set(find(device="auto", address="127.0.0.1:6379").values()) == {None}
