"""Addresses of Ray that cannot be joined: one line within seconds, before anything starts."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import ray

from bimt_bench import api
from bimt_bench.ground import InputError
from bimt_bench.tuning.address import check_address, cluster_address

SETTINGS = ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")


@pytest.fixture(autouse=True)
def unset(monkeypatch, tmp_path):
    """Nothing of Ray's in the environment, no token at home, and this process not connected."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(ray, "is_initialized", lambda: False)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


REFUSED = [
    ("127.0.0.1:{port}", "no Ray cluster answers at 127.0.0.1:"),
    ("no-such-host.invalid:6379", "no Ray cluster answers at no-such-host.invalid:6379"),
    ("ray://head:10001", "'ray://head:10001' is an address for Ray's client"),
    ("http://head:8265", "'http://head:8265' is that of Ray's dashboard"),
    ("https://head", "'https://head' is that of Ray's dashboard"),
    ("redis://head:6379", "neither 'auto' nor host:port"),
    ("head", "neither 'auto' nor host:port"),
    ("head:99999", "neither 'auto' nor host:port"),
]


@pytest.mark.parametrize("place", ["address", "RAY_ADDRESS"])
@pytest.mark.parametrize(("value", "message"), REFUSED)
def test_an_address_that_cannot_be_used_is_named_at_once(monkeypatch, place, value, message):
    value = value.format(port=free_port())
    if place == "RAY_ADDRESS":
        monkeypatch.setenv(place, value)
    began = time.monotonic()
    with pytest.raises(InputError, match=f"^{place}: .*{re.escape(message)}") as refused:
        check_address(value if place == "address" else None)
    assert time.monotonic() - began < 60  # Ray itself takes a quarter of an hour
    assert len(str(refused.value).splitlines()) == 1
    unset = "unset RAY_ADDRESS" if place == "RAY_ADDRESS" else "leave --address out"
    assert unset in str(refused.value)


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 400 Bad Request\r\n"])
def test_a_server_that_is_not_ray_is_named(says):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(100)
                connection.sendall(says)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(InputError, match="is not a Ray cluster"):
            check_address(f"127.0.0.1:{server.getsockname()[1]}")
        thread.join()


def test_an_unreachable_address_leaves_no_trace(tmp_path, monkeypatch, sweep_spec):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{free_port()}")
    with pytest.raises(InputError, match="RAY_ADDRESS: no Ray cluster answers"):
        api.sweep(sweep_spec(), results_dir=tmp_path / "runs")
    assert not (tmp_path / "runs").exists() and not (tmp_path / "mlflow.db").exists()


def test_what_is_joined_follows_ray(monkeypatch):
    assert cluster_address(None) is None and cluster_address("local") is None
    assert cluster_address("auto") == "auto" and cluster_address("a:1") == "a:1"
    monkeypatch.setenv("RAY_ADDRESS", "b:2")
    assert cluster_address(None) == "b:2" and cluster_address("auto") == "b:2"
    assert cluster_address("a:1") == "a:1" and cluster_address("local") is None
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    assert cluster_address(None) is None


@pytest.mark.parametrize("content", [None, " \n"])
def test_a_token_file_that_holds_none_is_named(tmp_path, monkeypatch, content):
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(file))
    with pytest.raises(InputError, match="^RAY_AUTH_TOKEN_PATH: '.*token' should hold the token"):
        check_address("head:6379")


TOKEN = "0123456789abcdef" * 4


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """The address of a Ray that asks for a token."""
    home, port = tmp_path_factory.mktemp("home"), free_port()
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"]
    command += [f"--port={port}", "--num-cpus=0", "--include-dashboard=false"]
    environment = {k: v for k, v in os.environ.items() if k not in SETTINGS}
    head = subprocess.Popen(
        command,
        env={**environment, "HOME": str(home), "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert head.stdout is not None
    for line in head.stdout:
        if "Ray runtime started" in line:
            break
    else:
        pytest.fail("the head did not start")
    yield f"127.0.0.1:{port}"
    os.killpg(head.pid, signal.SIGKILL)
    head.wait()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_cluster_that_asks_for_a_token_takes_the_right_one_only(guarded, monkeypatch):
    with pytest.raises(InputError, match="asks for its token; set RAY_AUTH_MODE=token, and"):
        check_address(guarded)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    with pytest.raises(InputError, match="RAY_AUTH_MODE: 'token' given, but no token"):
        check_address(guarded)
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN[::-1])
    with pytest.raises(InputError, match="does not take the token given here") as refused:
        check_address(guarded)
    assert len(str(refused.value).splitlines()) == 1
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    check_address(guarded)
    joined = "\n".join(
        (
            "from bimt_bench.tuning.session import session",
            f"with session(address={guarded!r}, workers=None):",
            "    import ray; print(ray.cluster_resources().get('CPU', 0.0))",
        )
    )
    asked = subprocess.run([sys.executable, "-c", joined], capture_output=True, text=True)
    assert asked.stdout.strip() == "0.0", asked.stderr
