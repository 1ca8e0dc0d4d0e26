"""What travels with the package: builds, pins, metadata, and nothing of one machine."""

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import bimt_bench

ROOT = Path(__file__).parents[1]
SKIPPED = {"build", "dist", "runs", "mlruns", "mlartifacts", "__pycache__"}
TEXT = {".py", ".toml", ".txt", ".yaml", ".yml", ".md", ".json", ".cff", ".sh", ".html", ""}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def catalogue() -> list[str]:
    return sorted(
        path.relative_to(ROOT).as_posix()
        for folder in ("tasks", "sweeps")
        for path in (ROOT / folder).rglob("*.yaml")
    )


def pins() -> dict[str, Requirement]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    requirements = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(pin.name): pin for pin in requirements}


# --------------------------------------------------------------------------- builds


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution, and the wheel built from it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (path,) = built.glob("*.whl")
    return path


def test_wheel_carries_tasks_sweeps_and_types_but_no_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert catalogue()
    assert {f"bimt_bench/_catalog/{path}" for path in catalogue()} <= names
    assert "bimt_bench/py.typed" in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"bimt_bench"}


def test_wheel_metadata(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (record,) = (name for name in archive.namelist() if name.endswith("dist-info/METADATA"))
        metadata = archive.read(record).decode()
    assert f"\nVersion: {bimt_bench.__version__}\n" in metadata
    assert "\nLicense-Expression: Apache-2.0\n" in metadata
    assert "\nRequires-Python: >=3.11\n" in metadata


def test_installed_wheel_finds_its_tasks_from_any_folder(wheel: Path, tmp_path: Path) -> None:
    target, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(target), str(wheel)], check=True)
    program = (
        "from bimt_bench.spec import catalog; print(catalog.__file__); "
        "print(*(task.name for task in catalog.tasks()))"
    )
    environment = {key: value for key, value in os.environ.items() if key != "BIMT_BENCH_TASKS"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=elsewhere,
        env=environment | {"PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        check=True,
    )
    where, names = done.stdout.splitlines()
    assert Path(where).is_relative_to(target)
    expected = {
        path.removeprefix("tasks/").removesuffix(".yaml")
        for path in catalogue()
        if path.startswith("tasks/")
    }
    assert set(names.split()) == expected


def test_source_distribution_builds_and_carries_what_make_needs(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {"Makefile", "constraints.txt", "LICENSE", "scripts/chromium.sh", *catalogue()} <= names
    assert not [name for name in names if name.split("/")[0] in SKIPPED | {".venv", "results"}]


# --------------------------------------------------------------------------- pins


def declared() -> list[str]:
    """What the package, its extras and its build need; an extra may name another of ours."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    extras = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    foreign = [line for line in extras if Requirement(line).name != PROJECT["name"]]
    return [*PROJECT["dependencies"], *foreign, *build]


@pytest.mark.parametrize("line", declared())
def test_every_dependency_has_a_pin_that_it_admits(line: str) -> None:
    requirement = Requirement(line)
    pin = pins()[canonicalize_name(requirement.name)]
    (exact,) = pin.specifier
    assert requirement.specifier.contains(exact.version, prereleases=True)


def test_pins_are_exact_public_and_unique() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line) for line in lines)
    assert len(pins()) == len(lines)


def test_everything_that_dependencies_need_is_pinned() -> None:
    """Walks the installed packages, so that an upgrade cannot bring an unpinned one along."""
    needed, waiting = set(), [Requirement(line) for line in declared()]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if (name, *sorted(requirement.extras)) in needed:
            continue
        needed.add((name, *sorted(requirement.extras)))
        for line in importlib.metadata.requires(name) or []:
            child = Requirement(line)
            extras = [*requirement.extras, ""]
            if not child.marker or any(child.marker.evaluate({"extra": e}) for e in extras):
                waiting.append(child)
    unpinned = {name for name, *_ in needed} - set(pins()) - {"setuptools", "pip"}
    # A CUDA build of torch brings its own libraries, pinned exactly by torch itself.
    assert not {name for name in unpinned if not name.startswith(("nvidia", "cuda", "triton"))}


def imported() -> Iterator[str]:
    for path in (ROOT / "bimt_bench").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.split(".")[0]


def test_every_import_of_the_package_is_a_declared_dependency() -> None:
    distributions = importlib.metadata.packages_distributions()
    extras = [PROJECT["optional-dependencies"][extra] for extra in ("leaderboard", "onnx")]
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in extra)]
    allowed = {canonicalize_name(Requirement(line).name) for line in lines}
    foreign = set(imported()) - set(sys.stdlib_module_names) - {"bimt_bench"}
    undeclared = {
        module
        for module in foreign
        if not allowed & {canonicalize_name(name) for name in distributions.get(module, [])}
    }
    assert not undeclared


# --------------------------------------------------------------------------- metadata


def test_versions_agree() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == bimt_bench.__version__
    assert f"## [{bimt_bench.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_citation_has_what_its_format_requires() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(citation)
    (paper,) = citation["references"]
    assert {"type", "title", "authors"} <= set(paper)
    assert [author["family-names"] for author in paper["authors"]] == ["Liu", "Gan", "Tegmark"]
    assert paper["identifiers"][0]["value"] == "arXiv:2305.08746"


def test_licences_agree() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["license"] == PROJECT["license"] == "Apache-2.0"


# --------------------------------------------------------------------------- one machine's things


def ours(path: Path) -> bool:
    folders = path.relative_to(ROOT).parts[:-1]
    hidden = any(part.startswith(".") and part != ".ci" for part in folders)
    tied = path.name == ".git"  # in a worktree a file, which names the checkout
    return not (hidden or tied or SKIPPED & {*folders[:1], path.parent.name})


def texts() -> Iterator[tuple[str, str]]:
    for path in ROOT.rglob("*"):
        if path.suffix in TEXT and ours(path) and path.is_file():
            yield path.relative_to(ROOT).as_posix(), path.read_text(errors="replace")


# Written in pieces, so that this file does not name them either.
FOREIGN = re.compile(
    "|".join(
        [
            r"pypi\." + r"org",
            r"python" + r"hosted\.org",
            r"registry\." + r"npmjs",
            r"deb\." + r"debian\.org",
            r"download\." + r"pytorch\.org",
            r"(?:extra-)?index" + r"-url",
            r"find" + r"-links",
            r"(?<![\w.~$}/-])/(?:home|Users|root|work|opt|mnt)/\w",
        ]
    )
)


def test_no_file_names_a_package_index_or_a_path_of_one_machine() -> None:
    found = [
        f"{name}: {match.group()}" for name, text in texts() for match in FOREIGN.finditer(text)
    ]
    assert not found


# --------------------------------------------------------------------------- scripts


@pytest.mark.parametrize("script", [".ci/run", "scripts/chromium.sh", "scripts/leaderboard_ci.sh"])
def test_scripts_are_executable(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)


@pytest.mark.parametrize(
    ("user", "commands", "told"),
    [
        ("1000", {"apt-get": "exit 0"}, "no Chromium here"),
        ("0", {}, "no Chromium here"),
        ("0", {"apt-get": "echo unreachable; exit 100"}, "could not be installed"),
        ("1000", {"chromium": "exit 0"}, ""),
    ],
)
def test_chromium_script_goes_on_without(
    user: str, commands: dict[str, str], told: str, tmp_path: Path
) -> None:
    for name in ("bash", "mktemp", "tail", "rm"):
        (found,) = [f for f in (Path("/bin") / name, Path("/usr/bin") / name) if f.exists()][:1]
        (tmp_path / name).symlink_to(found)
    for name, body in {"id": f"echo {user}", **commands}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        [tmp_path / "bash", ROOT / "scripts/chromium.sh"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert told in done.stderr
    assert bool(done.stderr) == bool(told)


def test_make_refuses_an_interpreter_that_is_none() -> None:
    done = subprocess.run(
        ["make", "PYTHON=no-such-python", "python-version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "PYTHON=no-such-python is no Python 3.11 or newer" in done.stderr
