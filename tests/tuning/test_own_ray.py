"""A Ray that is started ahead: it is there when it is needed, and leaves nothing behind."""

import subprocess
import sys

import pytest

from bimt_bench.ground import InputError
from bimt_bench.tuning import own_ray
from bimt_bench.tuning.own_ray import OwnRay, ahead

# In a process of its own, as this one may have a Ray already.
STARTED = """
import signal, psutil
from bimt_bench.ground import InputError
from bimt_bench.tuning.own_ray import ahead
from bimt_bench.tuning.session import session

before = signal.getsignal(signal.SIGTERM)
with ahead(address=None, workers=1) as own:
    with session(address=None, workers=1, own=own):
        import ray
        print(ray.get(ray.remote(lambda: 7).remote()))
        assert psutil.Process().children()
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
def test_ray_is_there_when_it_is_needed_and_gone_in_the_end():
    asked = subprocess.run([sys.executable, "-c", STARTED], capture_output=True, text=True)
    assert asked.stdout.split() == ["7", "0"], asked.stderr
    assert asked.stderr == ""


def test_a_start_that_fails_is_told_where_ray_is_waited_for(monkeypatch):
    def start(workers):
        raise InputError("ray: cannot start on this machine")

    monkeypatch.setattr(own_ray, "start", start)
    with own_ray.ended(OwnRay(1)) as nothing:
        assert nothing is None  # what needs no Ray hears nothing of it
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
