"""Where runs are logged: resolving an MLflow tracking URI, and checking it before training."""

import os
import re
import shlex
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from bimt_bench.ground import InputError, closest

DEFAULT_URI = "sqlite:///mlflow.db"
DEFAULT_EXPERIMENT = "bimt_bench"
PROBE_SECONDS = 4

_SQLITE = "sqlite:///"
_DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
_SCHEMES = ("sqlite", "http", "https", *_DATABASE_PORTS, "databricks")
_EXPERIMENT_LENGTH = 500  # MLflow's limit


def resolve_uri(tracking_uri: str | None = None) -> str:
    """The argument, else MLFLOW_TRACKING_URI, else `sqlite:///mlflow.db`.

    Raises InputError if MLflow could not keep runs there: an unknown scheme, a bare file name,
    an in-memory database, options of SQLite.
    """
    uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI
    if uri == "databricks":
        return uri
    scheme, colon, rest = uri.partition(":")
    dialect = scheme.split("+")[0]
    if not colon or dialect in ("", "file"):
        file = rest.removeprefix("//") if colon else uri
        suggestion = Path(file) if file.endswith((".db", ".sqlite")) else Path(file) / "mlflow.db"
        raise InputError(
            f"tracking_uri: '{uri}' is a file or folder, not a database or server; "
            f"did you mean '{sqlite_uri(suggestion)}'?"
        )
    if dialect not in _SCHEMES:
        raise InputError(
            f"tracking_uri: unknown scheme '{scheme}' in '{masked(uri)}'; "
            f"allowed are {', '.join(_SCHEMES)}{closest(dialect, _SCHEMES)}"
        )
    if dialect == "sqlite":
        _check_names_a_file(uri)
    elif _host_and_port(uri)[0] is None and dialect in ("http", "https"):
        raise InputError(f"tracking_uri: '{uri}' names no host; write 'http://host:5000'")
    return uri


def resolve_experiment(experiment: str | None = None) -> str:
    """The argument, else MLFLOW_EXPERIMENT_NAME, else `bimt_bench`; InputError for no name."""
    given = os.environ.get("MLFLOW_EXPERIMENT_NAME") or None if experiment is None else experiment
    name = DEFAULT_EXPERIMENT if given is None else given
    if not name.strip() or len(name) > _EXPERIMENT_LENGTH:
        raise InputError(
            f"experiment: {name[:40]!r} given; a name has 1 to {_EXPERIMENT_LENGTH} characters"
        )
    return name


def sqlite_file(uri: str) -> Path | None:
    """The absolute path of a SQLite database, or None for another kind of address."""
    if not uri.startswith(_SQLITE):
        return None
    from sqlalchemy import make_url

    return Path(make_url(uri).database or "").absolute()


def sqlite_uri(file: Path) -> str:
    """The address of a SQLite database, whatever characters its path has."""
    from sqlalchemy import URL, make_url

    plain = f"{_SQLITE}{file}"
    # MLflow makes the folder of an address as it is written, so that no more is encoded than must.
    if "?" not in plain and make_url(plain).database == str(file):
        return plain
    return URL.create("sqlite", database=str(file)).render_as_string()


def masked(uri: str) -> str:
    """The address without the password that it may contain."""
    if "@" not in uri or uri.startswith(_SQLITE):
        return uri
    try:
        parts = urlsplit(uri)
        user, at, host = parts.netloc.rpartition("@")
    except ValueError:
        user, at, host = "", "", ""
    if not at:  # a password with characters that end an address: hide up to the last @
        return re.sub(r"(?<=://)([^:/@]*).*@", r"\1:***@", uri)
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}:***@{host}"))


def open_command(tracking_uri: str | None = None) -> str:
    """What a person types (or, for a server, the address to visit) to see the runs."""
    uri = resolve_uri(tracking_uri)
    if uri.startswith(("http://", "https://", "databricks")):
        return masked(uri)
    return f"{_mlflow_program()} ui --backend-store-uri {shlex.quote(masked(uri))}"


def restore_command(uri: str, experiment_id: str) -> str:
    """What a person types to bring back a deleted experiment."""
    where = f"MLFLOW_TRACKING_URI={shlex.quote(masked(uri))}"
    return f"{where} {_mlflow_program()} experiments restore --experiment-id {experiment_id}"


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
    """Raise InputError at once if no database host answers, which MLflow would retry for minutes.

    HTTP servers are checked by the first real request, made under `requests_within`.
    """
    dialect = uri.partition(":")[0].split("+")[0]
    if usual := _DATABASE_PORTS.get(dialect):
        host, port = _host_and_port(uri)
        if host:
            _check_host(masked(uri), host, port or usual)


def _check_names_a_file(uri: str) -> None:
    """Raise InputError unless the whole address of SQLite is the path of a file."""
    if not uri.startswith(_SQLITE) or uri[len(_SQLITE) :] in ("", ":memory:"):
        raise InputError(
            f"tracking_uri: '{uri}' names no database file; a file is written "
            f"'{DEFAULT_URI}' (here) or '{_SQLITE}/data/mlflow.db' (absolute)"
        )
    if "?" in uri:
        whole = sqlite_uri(Path(uri[len(_SQLITE) :]))
        raise InputError(
            f"tracking_uri: '{uri}' has options, after its '?', and SQLite takes none here; "
            f"if the '?' is part of the path, write '{whole}'"
        )


def _host_and_port(uri: str) -> tuple[str | None, int | None]:
    """Of a server or a database; InputError if the address cannot be read."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        if uri.startswith(("http://", "https://")):
            parts = urlsplit(uri)
            return parts.hostname, parts.port
        url = make_url(uri)  # takes characters in a password that end an address elsewhere
        return url.host, url.port
    except (ValueError, ArgumentError) as error:
        raise InputError(f"tracking_uri: '{masked(uri)}' is no address: {error}") from None


def _check_host(shown: str, host: str, port: int) -> None:
    try:
        socket.create_connection((host, port), timeout=PROBE_SECONDS).close()
    except OSError as error:
        raise InputError(
            f"tracking_uri: no database answers at '{shown}' (port {port}): {error}"
        ) from None


@contextmanager
def requests_within(seconds: int, *, retries: int, unless_told: bool = False) -> Iterator[None]:
    """While open, an HTTP request of MLflow gives up after so many seconds and retries.

    MLflow's settings are environment variables, and its defaults wait for minutes. unless_told:
    what the user has set stays.
    """
    wanted = {
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": str(retries),
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(seconds),
    }
    before = {name: os.environ.get(name) for name in wanted}
    told = {name for name, value in before.items() if unless_told and value is not None}
    os.environ.update({name: value for name, value in wanted.items() if name not in told})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
