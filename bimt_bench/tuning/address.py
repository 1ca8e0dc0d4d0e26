"""The Ray cluster that a sweep joins, asked within seconds and before anything starts."""

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bimt_bench.ground import InputError

ENVIRONMENT = "RAY_ADDRESS"
MODE = "RAY_AUTH_MODE"
TOKEN = "RAY_AUTH_TOKEN"
TOKEN_FILE = "RAY_AUTH_TOKEN_PATH"
PROBE_SECONDS = 3.0
STATUS_SECONDS = 60.0
# RFC 9113, sections 3.4 and 6.5: the preface, then an empty SETTINGS frame.
HTTP2_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
SETTINGS_FRAME = b"\x04"


@dataclass(frozen=True)
class _Given:
    """An address and where it comes from: the field that a message begins with."""

    field: str
    value: str

    @property
    def otherwise(self) -> str:
        """How to use this machine instead."""
        if self.field == ENVIRONMENT:
            return f"unset {ENVIRONMENT} to use this machine"
        return "leave --address out to use this machine"


def cluster_address(address: str | None) -> str | None:
    """What is joined: `address`, else what RAY_ADDRESS says; None for this machine.

    As in Ray, 'auto' gives way to RAY_ADDRESS, and 'local' to nothing. A process that is connected
    already needs no address.
    """
    found = _given(address)
    return None if found is None else found.value


def is_connected() -> bool:
    """Whether this process uses a Ray already; Ray is not loaded to find out."""
    if "ray" not in sys.modules:
        return False
    import ray

    return ray.is_initialized()


def check_address(address: str | None) -> None:
    """InputError within seconds if no Ray can be joined at `address`, or where RAY_ADDRESS says."""
    given = _given(address)
    if given is None:
        return
    check_token_file()
    if os.environ.get(MODE, "").lower() == "token" and not has_token():
        raise InputError(
            f"{MODE}: 'token' given, but no token: set {TOKEN} to it, or {TOKEN_FILE} to a file "
            "with it ('ray get-auth-token' on a node of the cluster prints it)"
        )
    if given.value != "auto":
        host, port = _parts(given)
        _check_ray(given, host, port)
    _check_status(given)


def check_token_file() -> None:
    """InputError if the file that should hold Ray's token cannot be read: Ray would abort."""
    path = os.environ.get(TOKEN_FILE)
    mode = os.environ.get(MODE, "token").lower()
    if not path or os.environ.get(TOKEN) or mode == "disabled":
        return
    try:
        fault = None if Path(path).read_text(encoding="utf-8").strip() else "it is empty"
    except (OSError, ValueError) as error:
        fault = getattr(error, "strerror", None) or str(error)
    if fault is not None:
        raise InputError(
            f"{TOKEN_FILE}: '{path}' should hold the token of the Ray cluster ({fault}); "
            "'ray get-auth-token' says which one a node has"
        )


def has_token() -> bool:
    """Whether Ray finds a token: in the environment, in the file it names, or at home."""
    if os.environ.get(TOKEN) or os.environ.get(TOKEN_FILE):
        return True
    try:
        kept = Path.home() / ".ray" / "auth_token"
        return kept.is_file() and bool(kept.read_bytes())
    except (OSError, RuntimeError):  # RuntimeError: no home at all
        return False


def _given(address: str | None) -> _Given | None:
    named = os.environ.get(ENVIRONMENT, "")
    if address is None and is_connected():
        return None
    if named and address in (None, "auto"):
        found = _Given(ENVIRONMENT, named)
    elif address is not None:
        found = _Given("address", address)
    else:
        return None
    return None if found.value == "local" else found


def _parts(given: _Given) -> tuple[str, int]:
    """Host and port; InputError with advice for what is the address of something else."""
    scheme = urlsplit(given.value).scheme if "://" in given.value else ""
    told = f"{given.field}: '{given.value}' is"
    joins = (
        "a sweep runs on a node of the cluster and joins it at host:port, as 'ray start' printed "
        f"it (port 6379 unless it says otherwise), or at auto; {given.otherwise}"
    )
    if scheme == "ray":
        raise InputError(f"{told} an address for Ray's client, which sweeps do not use; {joins}")
    if scheme in ("http", "https"):
        raise InputError(f"{told} that of Ray's dashboard, which takes jobs; {joins}")
    host, _, port = given.value.rpartition(":")
    if scheme or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise InputError(f"{told} neither 'auto' nor host:port; {given.otherwise}")
    return host.strip("[]"), int(port)


def _check_ray(given: _Given, host: str, port: int) -> None:
    try:
        answer = _answer(host, port)
    except (OSError, UnicodeError) as error:
        raise InputError(
            f"{given.field}: no Ray cluster answers at {given.value} ({error}); start one with "
            f"'ray start --head', or {given.otherwise}"
        ) from error
    if answer[3:4] != SETTINGS_FRAME and os.environ.get("RAY_USE_TLS") != "1":
        raise InputError(
            f"{given.field}: what answers at {given.value} is not a Ray cluster; {given.otherwise}"
        )


def _answer(host: str, port: int) -> bytes:
    """The first bytes a server says to an HTTP/2 greeting; Ray's are those of gRPC.

    `ray.init` itself would try a server that is not Ray for minutes.
    """
    with socket.create_connection((host, port), timeout=PROBE_SECONDS) as connection:
        connection.sendall(HTTP2_GREETING)
        return connection.recv(9)


def _check_status(given: _Given) -> None:
    """InputError if `ray status`, in a process of its own, says that we may not or cannot join.

    `ray.init` would try for 20 seconds, and write a line to the terminal in each.
    """
    command = [sys.executable, "-m", "ray.scripts.scripts", "status", "--address", given.value]
    environment = {name: value for name, value in os.environ.items() if name != ENVIRONMENT}
    if given.value == "auto" and has_token():  # as `ray.init` does
        environment.setdefault(MODE, "token")
    try:
        asked = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=STATUS_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(
            f"{given.field}: the Ray cluster at {given.value} gave no status within "
            f"{STATUS_SECONDS:.0f} s; look at it with 'ray status', or {given.otherwise}"
        ) from error
    if asked.returncode == 0:
        return
    if "AuthenticationError" in asked.stderr:
        raise InputError(f"{given.field}: {_token_line(given.value)}")
    if "Could not find any running Ray" in asked.stderr:
        raise InputError(
            f"{given.field}: no Ray runs on this machine; start one with 'ray start --head', name "
            f"the cluster's host:port, or {given.otherwise}"
        )


def _token_line(address: str) -> str:
    if os.environ.get(MODE, "").lower() != "token":
        return (
            f"the Ray cluster at {address} asks for its token; set {MODE}=token, and "
            f"{TOKEN} to the token or {TOKEN_FILE} to a file with it ('ray get-auth-token' "
            "on a node of the cluster prints it)"
        )
    return (
        f"the Ray cluster at {address} does not take the token given here ({TOKEN}, else "
        f"{TOKEN_FILE}, else ~/.ray/auth_token); 'ray get-auth-token' on a node of the cluster "
        "prints the right one"
    )
