"""The timing of a whole sweep: a real one, small, by the command line."""

import sys

import pytest
import yaml

from benchmarks import sweep_time
from bimt_bench.spec import SweepSpec


def test_the_specification_is_a_sweep_of_so_many_members():
    spec = sweep_time.specification(strengths=256, seeds=4, steps=2000)
    found = SweepSpec.model_validate(yaml.safe_load(spec))
    assert len(found.space["strength"]) == 256 and found.seeds == (0, 1, 2, 3)
    assert len(set(found.space["strength"])) == 256


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_sweep_is_timed_from_the_command_to_its_end():
    spec = sweep_time.specification(strengths=2, seeds=1, steps=5)
    found = sweep_time.timed(spec, "--no-track", "--workers", "1")
    assert 0.0 < found.first <= found.last < found.whole
    assert found.tail > 0.0 and found.processor > 1.0, "those of its children are counted"


def test_a_sweep_that_fails_says_why(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(RuntimeError):
        sweep_time.timed("name: none\n")
