"""Ray on this machine: where its files go, and one line where it cannot start."""

import inspect
import logging
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bimt_bench.ground import InputError, private_folder, quiet
from bimt_bench.tuning.address import MODE, TOKEN, check_token_file, has_token

OBJECT_STORE_BYTES = 512 * 2**20
SOCKET_BYTES = 107  # the longest name of a socket, unix(7)
# What Ray adds to its folder, with the longest number of a process that Linux gives.
SOCKET = "session_0000-00-00_00-00-00_000000_4194304/sockets/plasma_store"
SHARED = ("/tmp", "/var/tmp", "/dev/shm")
PRELOADED = "bimt_bench.tuning.preloaded"
WORKER_BYTES = 400 * 2**20  # of a worker that has loaded it
LIGHT = {"BIMT_BENCH_LIGHT": "1"}  # in the environment of a process that does not load it
# Read by Ray and Tune when a session or an experiment starts.
SILENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_WARN_THRESHOLD_S": "30",
}


def start(workers: int | None, *, preload: bool = False) -> None:
    """A Ray of `workers` cores, or all this process may use; InputError if it cannot start.

    Any thread may call it, and must live as long as that Ray. preload: its workers load at once
    what packs need.
    """
    be_silent()
    check_token_file()
    folder = ray_folder()
    _have_token()
    import joblib  # as Ray, loaded beside other work
    import ray

    cores = workers or joblib.cpu_count()
    try:
        # it warns that a thread sets no handler of signals
        with quiet("ray._private.worker"), _without_helpers():
            ray.init(
                address="local",
                num_cpus=cores,
                object_store_memory=OBJECT_STORE_BYTES,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                _temp_dir=str(folder),
                _system_config=preloading(cores) if preload else None,
            )
    except Exception as error:
        # Ray raises all sorts of things, a bare Exception where its start timed out.
        ray.shutdown()
        raise InputError(_cannot_start(error, folder)) from error


@contextmanager
def _without_helpers() -> Iterator[None]:
    """Ray starts none of three processes that a sweep on one machine has no use for.

    The autoscaler's, the one that passes on what workers print, and the dashboard's, which runs
    without the dashboard too, to send statistics of use, and which Ray waits for. `ray start` has
    options against the first two, `ray.init` none; a Ray that has other names for them starts them.
    """
    from ray._private import parameter, services

    few = {"no_monitor": True, "include_log_monitor": False}
    parameters: Any = getattr(parameter, "RayParams", None)
    dashboard: Any = getattr(services, "start_api_server", None)
    known = inspect.signature(parameters).parameters if parameters else {}
    if dashboard is None or not few.keys() <= known.keys():
        yield
        return

    class Few(parameters):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **few | named)

    setattr(parameter, "RayParams", Few)  # noqa: B010
    setattr(services, "start_api_server", lambda *_, **__: (None, None))  # noqa: B010
    try:
        yield
    finally:
        parameter.RayParams, services.start_api_server = parameters, dashboard


def preloading(cores: int) -> dict[str, object] | None:
    """Ray's settings for workers that load as they start.

    None where that would take more than a quarter of the free memory, as a sweep may have fewer
    packs than there are cores, and where there is a GPU, as packs on it use more than one thread.
    """
    import psutil

    if Path("/dev/nvidia0").exists():
        return None
    if psutil.virtual_memory().available < 4 * cores * WORKER_BYTES:
        return None
    # one more than Ray keeps, for the collector: else it ends a worker that has loaded
    return {"preload_python_modules": [PRELOADED], "num_workers_soft_limit": cores + 1}


def be_silent() -> None:
    """Ray and Tune say nothing of their own, unless the user wants them to."""
    for name, value in SILENT.items():
        os.environ.setdefault(name, value)


def ray_folder() -> Path:
    """Where Ray's session goes: its usual place, or a folder that suits it where that does not.

    Names of sockets in it are limited to 107 bytes, and it may not leave ASCII.
    """
    usual = Path(os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or SHARED[0]) / "ray"
    faults: dict[Path, str] = {}
    for folder in _candidates(usual):
        fault = _fault(folder)
        if fault is None:
            return folder
        faults.setdefault(folder, fault)
    told = "; ".join(f"'{folder}' {fault}" for folder, fault in faults.items())
    raise InputError(
        f"TMPDIR: Ray finds no folder for its files: {told}; set TMPDIR to one that can be written "
        f"to, with at most {SOCKET_BYTES - len(SOCKET) - len('/ray/')} letters, all of them ASCII"
    )


def _candidates(usual: Path) -> Iterator[Path]:
    yield usual
    for shared in map(Path, SHARED):
        with suppress(OSError):
            yield private_folder(shared) / "ray"  # Ray opens its folder to all users


def _fault(folder: Path) -> str | None:
    """Why Ray cannot use a folder; None if it can."""
    name = str(folder / SOCKET)
    if not name.isascii():
        return "is not ASCII"
    if len(name) > SOCKET_BYTES:
        return "is too long"
    if not folder.is_absolute():
        return "is not an absolute path"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(b"written")
    except OSError as error:
        return f"cannot be written to ({error.strerror})"
    return None


def _have_token() -> None:
    """A token for this process and its children where Ray would keep one at home and cannot.

    Ray takes it from the environment first, else writes it to ~/.ray.
    """
    if os.environ.get(MODE, "token").lower() != "token" or has_token():
        return
    try:
        folder = Path.home() / ".ray"
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return
    except (OSError, RuntimeError):  # RuntimeError: no home at all
        os.environ[TOKEN] = secrets.token_hex(32)


def _cannot_start(error: Exception, folder: Path) -> str:
    """One line: Ray's own first one, and what to do."""
    lines = str(error).strip().splitlines()
    reason = lines[0].rstrip(".") if lines else type(error).__name__
    if "timed out" in str(error):
        advice = "the machine may be busy or short of memory: try again, or with fewer --workers"
    else:
        advice = "its own words are in the newest session's logs there"
    return f"ray: cannot start on this machine, in {folder} ({reason}); {advice}"
