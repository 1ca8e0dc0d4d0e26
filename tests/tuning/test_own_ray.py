"""A Ray that is started ahead: it is there when it is needed, and leaves nothing behind."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

import bimt_bench
from bimt_bench.ground import InputError
from bimt_bench.tuning import own_ray, starting
from bimt_bench.tuning.own_ray import OwnRay, ahead

# In a process of its own, as this one may have a Ray already.
STARTED = """
import signal, psutil
from bimt_bench.ground import InputError
from bimt_bench.tuning.own_ray import ahead
from bimt_bench.tuning.session import plain_workers, session
from bimt_bench.tuning.starting import LIGHT

class Asked:
    def has_loaded(self):
        import sys
        return "bimt_bench.packs" in sys.modules

before = signal.getsignal(signal.SIGTERM)
with ahead(address=None, workers=1) as own:
    with session(address=None, workers=1, own=own):
        import ray
        from ray.tune.execution.class_cache import _ActorClassCache
        with plain_workers():
            trial = _ActorClassCache().get(Asked).options(num_cpus=1).remote()
        collector = ray.remote(Asked).options(num_cpus=0, runtime_env={"env_vars": LIGHT}).remote()
        print(*ray.get([trial.has_loaded.remote(), collector.has_loaded.remote()]))
        del trial, collector
        mine = psutil.Process().children(recursive=True)
        scripts = {part.rpartition("/")[2] for one in mine for part in one.cmdline()}
        assert "raylet" in scripts
        assert not scripts & {"monitor.py", "log_monitor.py", "dashboard.py"}
    own.join()  # it was told to end, and the process goes on
    assert not ray.is_initialized() and not psutil.Process().children()
assert signal.getsignal(signal.SIGTERM) is before
try:
    with ahead(address=None, workers=1):
        raise InputError("a fault of the sweep")
except InputError:
    print(len(psutil.Process().children()))
"""


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ray_is_there_with_loaded_workers_when_it_is_needed_and_gone_in_the_end():
    preloads = starting.preloading(1) is not None  # not beside a GPU
    asked = subprocess.run([sys.executable, "-c", STARTED], capture_output=True, text=True)
    assert asked.stdout.split() == [str(preloads), "False", "0"], asked.stderr
    assert asked.stderr == ""


@pytest.mark.parametrize(("free", "cores"), [(1 << 40, 2), (1 << 30, 2)])
def test_workers_load_ahead_only_where_there_is_room_for_all_of_them(monkeypatch, free, cores):
    monkeypatch.setattr(Path, "exists", lambda path: False)  # no GPU
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=free))
    assert (starting.preloading(cores) is None) == (free < cores * starting.WORKER_BYTES * 4)
    monkeypatch.setattr(Path, "exists", lambda path: str(path) == "/dev/nvidia0")
    assert starting.preloading(cores) is None


def test_a_start_that_fails_is_told_where_ray_is_waited_for(monkeypatch):
    def start(workers, *, preload):
        raise InputError("ray: cannot start on this machine")

    monkeypatch.setattr(own_ray, "start", start)
    with own_ray.ended(unused := OwnRay(1)):
        unused.begin()  # what needs no Ray hears nothing of it
    with pytest.raises(InputError, match="^ray: cannot start"), own_ray.ended(own := OwnRay(1)):
        own.wait()


@pytest.mark.parametrize(
    ("address", "connected"), [("auto", False), ("127.0.0.1:6379", False), (None, True)]
)
def test_none_is_started_where_another_is_used(monkeypatch, address, connected):
    monkeypatch.setattr(own_ray, "is_connected", lambda: connected)
    monkeypatch.setattr(own_ray, "OwnRay", None)
    with ahead(address=address, workers=1) as own:
        assert own is None


def test_where_all_is_loaded_a_sweep_that_is_refused_starts_no_ray(monkeypatch, tmp_path):
    started: list[int] = []
    monkeypatch.setattr(own_ray, "start", lambda workers, *, preload: started.append(workers))
    monkeypatch.setattr(own_ray, "is_connected", lambda: False)
    assert "torch" in sys.modules
    with pytest.raises(InputError, match="^draw: 'al'"):
        bimt_bench.sweep("quick", draw="al", workers=1, results_dir=tmp_path)
    assert started == []
    with ahead(address=None, workers=7) as own:
        assert own is not None and started == []
        own.begin()
        own.begin()  # no second one
        own.wait()
    assert started == [7]
