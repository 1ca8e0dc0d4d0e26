"""A new SQLite database for MLflow: there whole or not at all, whoever else makes it too.

MLflow makes its tables one by one, in the file itself, in some seconds. A process that is killed
meanwhile, a full disk, or a second process that begins at the same time leaves a file that no
MLflow ever opens again.
"""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import filelock

from bimt_bench.ground import InputError, undisturbed, write
from bimt_bench.results.tracking.address import PROBE_SECONDS, sqlite_uri

LOCK_SECONDS = 120


def prepare(file: Path) -> None:
    """Makes the database if there is none yet; InputError if it cannot be used.

    A file without any table counts as none; one that was left half-made is refused.
    """
    _check_place(file)
    if _is_there(file):
        _check_writable(file)
        return
    with _locked(file):
        if not _is_there(file):
            # What a link points to, and not the link.
            write(Path(os.path.realpath(file)), _new_database())


@contextmanager
def as_written(file: Path) -> Iterator[None]:
    """Removes the folder that MLflow makes where it takes an encoded path for the path itself."""
    made = Path(sqlite_uri(file).removeprefix("sqlite:///")).parent
    absent = [folder for folder in (made, *made.parents) if not folder.exists()]
    try:
        yield
    finally:
        for folder in absent:
            with suppress(OSError):
                folder.rmdir()


def _new_database() -> bytes:
    from mlflow import MlflowClient

    with tempfile.TemporaryDirectory(prefix="bimt-bench-mlflow-") as folder:
        file = Path(folder) / "mlflow.db"
        with as_written(file), _unhurried(), undisturbed():
            MlflowClient(tracking_uri=sqlite_uri(file)).search_experiments(max_results=1)
        with closing(sqlite3.connect(file)) as connection:
            return connection.serialize()


@contextmanager
def _unhurried() -> Iterator[None]:
    """No database that is opened within waits for the disk: one in the making may be lost.

    MLflow writes its hundreds of steps one by one, each of which would be waited for.
    """
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def opened(connection: object, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA journal_mode = MEMORY")

    event.listen(Engine, "connect", opened)
    try:
        yield
    finally:
        event.remove(Engine, "connect", opened)


def _is_there(file: Path) -> bool:
    """Whether MLflow has made its tables there; InputError for half of them, or another's file.

    Tables are made before the first experiment, 'Default', and no run is without an experiment.
    """
    if not file.exists():
        return False
    tables, experiments = _content(file)
    if not tables:
        return False
    if "experiments" not in tables:
        raise InputError(f"tracking_uri: '{file}' is a database of another program, not MLflow's")
    if not experiments:
        raise InputError(
            f"tracking_uri: '{file}' is half-made: what made it was stopped, or is making it now; "
            "it holds no runs; move it away, and a new one is made"
        )
    return True


def _content(file: Path) -> tuple[set[str], bool]:
    """Names of the tables, and whether there is an experiment."""
    try:
        with closing(sqlite3.connect(file, timeout=PROBE_SECONDS)) as connection:
            found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            tables = {str(name) for (name,) in found}
            if "experiments" not in tables:
                return tables, False
            query = "SELECT EXISTS (SELECT 1 FROM experiments)"
            return tables, bool(connection.execute(query).fetchone()[0])
    except sqlite3.Error as error:
        raise InputError(f"tracking_uri: '{file}' cannot be read: {error}") from None


def _check_place(file: Path) -> None:
    if not file.parent.is_dir():
        raise InputError(f"tracking_uri: the folder of '{file}' does not exist; create it first")
    if file.is_dir():
        raise InputError(f"tracking_uri: '{file}' is a folder; name a file in it, as mlflow.db")
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise InputError(f"tracking_uri: no permission to write '{file}'")


def _check_writable(file: Path) -> None:
    try:
        with closing(sqlite3.connect(file, timeout=PROBE_SECONDS)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
    except sqlite3.Error as error:
        raise InputError(f"tracking_uri: '{file}' cannot be written to: {error}") from None


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """One process at a time makes the database; the lock lies beside it."""
    try:
        with filelock.FileLock(file.with_name(f".{file.name}.lock"), timeout=LOCK_SECONDS):
            yield
    except filelock.Timeout as error:
        raise InputError(
            f"tracking_uri: another program has been making '{file}' for {LOCK_SECONDS} s"
        ) from error
