"""Ray on this machine: folders and homes that do not suit it, and a start that fails."""

import os
import subprocess
import sys

import pytest
import ray

from bimt_bench.ground import InputError
from bimt_bench.tuning import starting

LONG = "x" * 100


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    for name in ("RAY_TMPDIR", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def shared(tmp_path_factory, monkeypatch):
    """What stands for /tmp and its like: the first cannot be written to, the second can."""
    folder = tmp_path_factory.mktemp("s")
    monkeypatch.setattr(starting, "SHARED", (str(folder / "absent"), str(folder)))
    monkeypatch.setattr(starting, "SOCKET_BYTES", 107 + len(str(folder)))
    return folder


def test_the_usual_folder_is_used_where_it_suits(tmp_path, monkeypatch, shared):
    monkeypatch.setenv("TMPDIR", str(shared))
    assert starting.ray_folder() == shared / "ray"


@pytest.mark.parametrize("name", [LONG, "grün", "a-file"])
def test_a_folder_that_does_not_suit_ray_is_passed_over(tmp_path, monkeypatch, shared, name):
    unfit = tmp_path / name
    if name == "a-file":
        unfit.touch()
    else:
        unfit.mkdir()
    monkeypatch.setenv("TMPDIR", str(unfit))
    assert starting.ray_folder() == shared / f"bimt-bench-{os.getuid()}" / "ray"


def test_where_no_folder_suits_one_line_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr(starting, "SHARED", (str(tmp_path / "absent"),))
    monkeypatch.setenv("TMPDIR", str(tmp_path / LONG))
    with pytest.raises(InputError, match="^TMPDIR: .*is too long; set TMPDIR to one") as refused:
        starting.ray_folder()
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (Exception("The current node timed out during startup. This\ncould"), "fewer --workers"),
        (OSError(28, "No space left on device"), "No space left on device"),
    ],
)
def test_a_start_that_fails_is_one_line(monkeypatch, error, advice):
    def init(**how):
        raise error

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    with pytest.raises(InputError, match="^ray: cannot start on this machine, in ") as refused:
        starting.start(1)
    assert advice in str(refused.value) and len(str(refused.value).splitlines()) == 1


STARTED = """
from bimt_bench.tuning.session import session
with session(address=None, workers=1):
    import ray
    print(ray.get(ray.remote(lambda: 7).remote()))
"""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ray_starts_without_a_home_and_in_a_folder_that_does_not_suit_it(tmp_path):
    (tmp_path / LONG).mkdir()
    (tmp_path / "file").touch()
    home = str(tmp_path / "file" / "home")
    environment = {**os.environ, "HOME": home, "TMPDIR": str(tmp_path / LONG)}
    asked = subprocess.run(
        [sys.executable, "-c", STARTED], env=environment, capture_output=True, text=True
    )
    assert asked.stdout.strip() == "7", asked.stderr
