"""Free memory: of the machine, of a container, without loading torch."""

import subprocess
import sys

from bimt_bench.ground import machine
from bimt_bench.tuning import headroom


def test_free_memory_is_a_share_of_the_machines():
    whole, quarter = headroom.free("cpu"), headroom.free("cpu", share=0.25)
    assert 0 < quarter <= whole
    assert headroom.free("cpu", share=0.0) == 0


def test_a_container_bounds_the_memory(tmp_path, monkeypatch):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(machine, "_CGROUP_LIMIT", limit)
    limit.write_text("4096\n")
    assert headroom.free("cpu") == 4096
    assert headroom.free("cpu", share=0.5) == 2048
    limit.write_text("max\n")
    assert headroom.free("cpu") > 4096


def test_a_worker_is_up_before_torch_is_loaded():
    code = "import sys; from bimt_bench.tuning import trainable; print('torch' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    assert found.strip() == "False"
