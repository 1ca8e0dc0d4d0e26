"""The doctor: what this machine has, what is missing, and how to get it."""

import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import joblib
import psutil
import torch
from packaging.requirements import Requirement
from rich.table import Table
from rich.text import Text

from bimt_bench.data import mnist
from bimt_bench.ground import InputError, Source, __version__
from bimt_bench.spec import SETS

Status = Literal["ok", "warn", "missing"]

GIB = 2**30
OLDEST_PYTHON = (3, 11)
ENOUGH_MEMORY = 4 * GIB  # a driver, one MNIST worker under 2 GiB, and Ray's object store
ENOUGH_DISK = 2 * GIB  # MNIST, Ray's session files and the results of a few sweeps
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
COLOURS: dict[Status, str] = {"ok": "green", "warn": "yellow", "missing": "red"}


@dataclass(frozen=True)
class Check:
    """One finding; `advice` says what to do and is empty when nothing needs doing.

    `warn`: everything runs, though something may be slower, fetched later or skipped. `missing`:
    something cannot run before the advice is followed.
    """

    name: str
    status: Status
    value: str
    advice: str = ""


def checkup(data_dir: Path | None = None, folder: Path | None = None) -> list[Check]:
    """Examine this machine; `folder` is where results would go (default: the current one)."""
    return [
        check_python(sys.version_info[:3]),
        *check_installation(),
        *check_devices(),
        check_cores(),
        check_memory(psutil.virtual_memory().available, psutil.virtual_memory().total),
        check_disk(folder or Path.cwd()),
        *check_data(data_dir),
        *check_plugins(),
        check_program(
            "npm", ["npm"], advice="only one of the ways to fetch MNIST; package npm has it"
        ),
        check_program(
            "chromium", BROWSERS, advice="only the tests' browser checks; package chromium has it"
        ),
    ]


def check_python(version: tuple[int, ...]) -> Check:
    """Whether the interpreter is new enough."""
    value = ".".join(map(str, version))
    if version >= OLDEST_PYTHON:
        return Check("Python", "ok", value)
    oldest = ".".join(map(str, OLDEST_PYTHON))
    return Check("Python", "missing", value, f"needs Python {oldest} or newer")


def check_installation() -> list[Check]:
    """bimt_bench itself and every package it requires."""
    try:
        requirements = importlib.metadata.requires("bimt-bench") or []
    except importlib.metadata.PackageNotFoundError:
        advice = "imported from a folder on the path: run `pip install .` there"
        return [Check("bimt-bench", "warn", f"{__version__}, not installed", advice)]
    return [Check("bimt-bench", "ok", __version__), *check_packages(requirements)]


def check_packages(
    requirements: Iterable[str], installed: Callable[[str], str] = importlib.metadata.version
) -> list[Check]:
    """One check a requirement of the package itself; those of extras are left out."""
    checks = [
        check_package(requirement, installed)
        for requirement in map(Requirement, requirements)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    ]
    return sorted(checks, key=lambda check: check.name)


def check_package(requirement: Requirement, installed: Callable[[str], str]) -> Check:
    """Whether a requirement is installed, in a version it admits."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    command = f"pip install '{requirement.name}{extras}{requirement.specifier}'"
    try:
        version = installed(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return Check(requirement.name, "missing", "not installed", command)
    if not requirement.specifier.contains(version, prereleases=True):
        return Check(requirement.name, "warn", version, f"outside the tried range: {command}")
    return Check(requirement.name, "ok", version)


def check_devices() -> list[Check]:
    """The devices torch can train on: always the CPU, then each CUDA device with its memory."""
    cuda = [
        Check(f"cuda:{i}", "ok", f"{device.name}, {device.total_memory / GIB:.0f} GiB")
        for i in range(torch.cuda.device_count())
        for device in [torch.cuda.get_device_properties(i)]
    ]
    return [Check("cpu", "ok", platform.processor() or platform.machine()), *cuda]


def check_cores() -> Check:
    """Cores this process may use: an affinity mask or a container's quota can withhold some."""
    usable, everything = joblib.cpu_count(), os.cpu_count() or 1
    return Check("cores", "ok", f"{usable} of {everything}" if usable < everything else f"{usable}")


def check_memory(available: int, total: int) -> Check:
    """Whether a sweep with MNIST fits; sizes in bytes."""
    value = f"{available / GIB:.1f} GiB free of {total / GIB:.1f} GiB"
    if available >= ENOUGH_MEMORY:
        return Check("memory", "ok", value)
    need = f"below {ENOUGH_MEMORY / GIB:.0f} GiB: sweep with a smaller pack_size, or close programs"
    return Check("memory", "warn", value, need)


def check_disk(folder: Path) -> Check:
    """Free space where results go; a folder not made yet counts as its nearest parent."""
    existing = next(path for path in [folder, *folder.absolute().parents] if path.exists())
    free = shutil.disk_usage(existing).free
    value = f"{free / GIB:.1f} GiB free at {existing}"
    if free >= ENOUGH_DISK:
        return Check("disk", "ok", value)
    need = f"below {ENOUGH_DISK / GIB:.0f} GiB: free some, or write results elsewhere"
    return Check("disk", "warn", value, need)


def check_data(data_dir: Path | None) -> list[Check]:
    """The files of MNIST: where each lies, or what to do about it."""
    try:
        return [check_file(*found) for found in mnist.status(data_dir)]
    except InputError as error:
        return [Check("MNIST", "missing", "no folder", str(error))]


def check_file(file: str, state: str, where: str) -> Check:
    """An absent file is fetched when needed; an altered one stops training on it."""
    if state == "ok":
        return Check(file, "ok", where)
    return Check(file, "warn" if state == "missing" else "missing", state, where)


def check_plugins() -> list[Check]:
    """What comes from outside, a check each plug-in; those that could not be had say why."""
    brought: dict[Source, list[str]] = {}
    for kinds in SETS:
        for name in kinds:
            source = kinds.source_of(name)
            if not source.built_in:
                brought.setdefault(source, []).append(f"{kinds.word} {name}")
    found = [
        Check(f"plug-in {source}", "ok", f"{', '.join(names)} (digest {source.digest})")
        for source, names in brought.items()
    ]
    lines = dict.fromkeys(line for kinds in SETS for line in kinds.left_out)
    advice = "mend or remove it; all else works without"
    return [*found, *(Check("plug-in left out", "warn", line, advice) for line in lines)]


def check_program(name: str, commands: Sequence[str], *, advice: str) -> Check:
    """Whether any of the commands is on the PATH; none of them is needed to train."""
    for command in commands:
        path = shutil.which(command)
        if path is not None:
            return Check(name, "ok", path)
    return Check(name, "warn", "not found", advice)


def render(checks: Sequence[Check]) -> Table:
    """The checks as a table for the terminal."""
    table = Table(title="bimt-bench doctor", title_justify="left")
    for heading in ("what", "status", "found", "what to do"):
        table.add_column(heading, overflow="fold")
    for check in checks:
        status = Text(check.status, style=COLOURS[check.status])
        table.add_row(Text(check.name), status, Text(check.value), Text(check.advice))
    return table
