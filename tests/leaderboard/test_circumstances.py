"""What bits depend on is told of this machine, and changes when kernels are forced."""

import json
import os
import subprocess
import sys

import pytest

from bimt_bench.leaderboard.circumstances import here

TOLD = "import json; from bimt_bench.ground import on_processor; print(json.dumps(on_processor()))"


def told(**environment: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", TOLD],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


def test_a_process_agrees_with_itself_and_with_another() -> None:
    found = here()
    assert found.bits == here().bits
    other = told()
    assert (other["cpu_features"], other["processor"]) == (found.cpu_features, found.processor)
    assert other["kernels"] == found.kernels


@pytest.mark.parametrize(
    "forced",
    [{"MKL_CBWR": "COMPATIBLE"}, {"NUMBA_CPU_NAME": "generic"}, {"ATEN_CPU_CAPABILITY": "default"}],
)
def test_kernels_that_are_forced_are_told(forced: dict[str, str]) -> None:
    assert told(**forced)["kernels"] != here().kernels
