"""Where runs are logged: resolving an MLflow tracking URI, and checking it before training."""

import os
import shlex
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from bimt_bench.ground import InputError, closest

DEFAULT_URI = "sqlite:///mlflow.db"
PROBE_SECONDS = 4

_SQLITE = "sqlite:///"
_DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
_SCHEMES = ("sqlite", "http", "https", *_DATABASE_PORTS, "databricks")


def resolve_uri(tracking_uri: str | None = None) -> str:
    """The argument, else MLFLOW_TRACKING_URI, else `sqlite:///mlflow.db`.

    Raises InputError if MLflow could not keep runs there: an unknown scheme, a bare file name,
    an in-memory database.
    """
    uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI
    if uri == "databricks":
        return uri
    scheme, colon, rest = uri.partition(":")
    dialect = scheme.split("+")[0]
    if not colon or dialect in ("", "file"):
        file = rest.removeprefix("//") if colon else uri
        suggestion = file if file.endswith((".db", ".sqlite")) else str(Path(file) / "mlflow.db")
        raise InputError(
            f"tracking_uri: '{uri}' is a file or folder, not a database or server; "
            f"did you mean '{_SQLITE}{suggestion}'?"
        )
    if dialect not in _SCHEMES:
        raise InputError(
            f"tracking_uri: unknown scheme '{scheme}' in '{masked(uri)}'; "
            f"allowed are {', '.join(_SCHEMES)}{closest(dialect, _SCHEMES)}"
        )
    if dialect == "sqlite" and (
        not uri.startswith(_SQLITE) or uri[len(_SQLITE) :] in ("", ":memory:")
    ):
        raise InputError(
            f"tracking_uri: '{uri}' names no database file; a file is written "
            f"'{DEFAULT_URI}' (here) or '{_SQLITE}/data/mlflow.db' (absolute)"
        )
    if dialect in ("http", "https") and not urlsplit(uri).hostname:
        raise InputError(f"tracking_uri: '{uri}' names no host; write 'http://host:5000'")
    return uri


def sqlite_file(uri: str) -> Path | None:
    """The absolute path of a SQLite database, or None for another kind of address."""
    if not uri.startswith(_SQLITE):
        return None
    return Path(uri[len(_SQLITE) :].partition("?")[0]).absolute()


def masked(uri: str) -> str:
    """The address without the password that it may contain."""
    if "@" not in uri:
        return uri
    parts = urlsplit(uri)
    user, _, host = parts.netloc.rpartition("@")
    hidden = f"{user.partition(':')[0]}:***@{host}"
    return urlunsplit(parts._replace(netloc=hidden))


def open_command(tracking_uri: str | None = None) -> str:
    """What a person types (or, for a server, the address to visit) to see the runs."""
    uri = resolve_uri(tracking_uri)
    if uri.startswith(("http://", "https://", "databricks")):
        return masked(uri)
    return f"{_mlflow_program()} ui --backend-store-uri {shlex.quote(masked(uri))}"


def _mlflow_program() -> str:
    """`mlflow` if the shell would find this environment's own, else its path."""
    own = Path(sys.executable).parent / "mlflow"
    found = shutil.which("mlflow")
    if not own.exists() or (found and Path(found).absolute() == own):
        return "mlflow"
    here = Path.cwd()
    return shlex.quote(str(own.relative_to(here) if own.is_relative_to(here) else own))


# --------------------------------------------------------------------------- checks


def check_reachable(uri: str) -> None:
    """Raise InputError at once if a database file or database host cannot be used.

    MLflow itself would retry for minutes. HTTP servers are checked by the first real request,
    made under `short_requests`.
    """
    if file := sqlite_file(uri):
        _check_sqlite(file)
    elif port := _DATABASE_PORTS.get(uri.partition(":")[0].split("+")[0]):
        parts = urlsplit(uri)
        if parts.hostname:
            _check_host(masked(uri), parts.hostname, parts.port or port)


def _check_sqlite(file: Path) -> None:
    import sqlite3

    if not file.parent.is_dir():
        raise InputError(f"tracking_uri: the folder of '{file}' does not exist; create it first")
    if file.is_dir():
        raise InputError(f"tracking_uri: '{file}' is a folder; name a file in it, as mlflow.db")
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise InputError(f"tracking_uri: no permission to write '{file}'")
    if not file.exists():
        return
    try:
        with closing(sqlite3.connect(file, timeout=PROBE_SECONDS)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
    except sqlite3.DatabaseError as error:
        raise InputError(f"tracking_uri: '{file}' cannot be written to: {error}") from None


def _check_host(shown: str, host: str, port: int) -> None:
    try:
        socket.create_connection((host, port), timeout=PROBE_SECONDS).close()
    except OSError as error:
        raise InputError(
            f"tracking_uri: no database answers at '{shown}' (port {port}): {error}"
        ) from None


@contextmanager
def short_requests() -> Iterator[None]:
    """While open, MLflow's HTTP requests give up after `PROBE_SECONDS`, without a retry.

    MLflow's settings are environment variables and its defaults wait for minutes, which is
    right in the middle of a sweep and wrong before it.
    """
    wanted = {
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(PROBE_SECONDS),
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
