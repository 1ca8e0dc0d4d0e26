"""The doctor's checks, each on a machine made up for it, and once on this one."""

import importlib.metadata
import io
import shutil
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from rich.console import Console

from bimt_bench.app import doctor
from bimt_bench.app.doctor import GIB, Check
from bimt_bench.data import mnist


def text_of(checks: list[Check], width: int = 200) -> str:
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(doctor.render(checks))
    return console.export_text()


@pytest.mark.parametrize(
    ("version", "status"), [((3, 11, 0), "ok"), ((3, 14, 2), "ok"), ((3, 10, 9), "missing")]
)
def test_old_python_is_missing(version: tuple[int, ...], status: str) -> None:
    check = doctor.check_python(version)
    assert check.status == status
    assert ("3.11" in check.advice) == (status == "missing")


def installed(name: str) -> str:
    versions = {"torch": "2.13.0+cpu", "ray": "2.40.0"}
    if name not in versions:
        raise importlib.metadata.PackageNotFoundError(name)
    return versions[name]


@pytest.mark.parametrize(
    ("requirement", "status", "value", "advice"),
    [
        ("torch>=2.9", "ok", "2.13.0+cpu", ""),
        ("ray[tune]>=2.50", "warn", "2.40.0", "pip install 'ray[tune]>=2.50'"),
        ("optuna>=5.0", "missing", "not installed", "pip install 'optuna>=5.0'"),
    ],
)
def test_package_is_installed_in_an_admitted_version(
    requirement: str, status: str, value: str, advice: str
) -> None:
    check = doctor.check_package(Requirement(requirement), installed)
    assert (check.status, check.value) == (status, value)
    assert check.advice.endswith(advice)
    assert bool(check.advice) == (status != "ok")


def test_requirements_of_extras_and_other_systems_are_left_out() -> None:
    requirements = [
        "torch>=2.9",
        'pytest>=8; extra == "dev"',
        'pywin32; sys_platform == "win32"',
        'ray>=2; python_version >= "3.11"',
    ]
    names = [check.name for check in doctor.check_packages(requirements, installed)]
    assert names == ["ray", "torch"]


@pytest.mark.parametrize(("available", "status"), [(8 * GIB, "ok"), (1 * GIB, "warn")])
def test_little_memory_is_a_warning(available: int, status: str) -> None:
    check = doctor.check_memory(available, 16 * GIB)
    assert check.status == status
    assert "16.0 GiB" in check.value
    assert ("pack_size" in check.advice) == (status == "warn")


@pytest.mark.parametrize(("free", "status"), [(100 * GIB, "ok"), (GIB, "warn")])
def test_disk_counts_the_nearest_existing_folder(
    free: int, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    asked = []
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: asked.append(path) or usage._replace(free=free)
    )
    check = doctor.check_disk(tmp_path / "not" / "yet")
    assert check.status == status
    assert asked == [tmp_path]


def test_cores_respect_the_affinity_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {3}, raising=False)
    assert doctor.check_cores() == Check("cores", "ok", "1 of 64")


def test_each_cuda_device_is_listed_with_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    class Properties:
        name = "Accelerator X"
        total_memory = 80 * GIB

    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda i: Properties)
    assert [check.name for check in doctor.check_devices()] == ["cpu", "cuda:0", "cuda:1"]
    assert doctor.check_devices()[2].value == "Accelerator X, 80 GiB"


def test_without_cuda_the_cpu_remains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    assert [check.name for check in doctor.check_devices()] == ["cpu"]


def test_first_command_found_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", {"b": "/bin/b"}.get)
    assert doctor.check_program("x", ["a", "b"], advice="get it") == Check("x", "ok", "/bin/b")
    assert doctor.check_program("x", ["a"], advice="get it") == Check(
        "x", "warn", "not found", "get it"
    )


@pytest.fixture
def no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist, "cache_folder", lambda: tmp_path / "cache")


@pytest.mark.usefixtures("no_cache")
def test_absent_mnist_says_how_to_get_it(tmp_path: Path) -> None:
    checks = doctor.check_data(tmp_path)
    assert [check.name for check in checks] == list(mnist.FILES)
    assert {(check.status, check.value) for check in checks} == {("warn", "missing")}
    assert all("BIMT_BENCH_DATA" in check.advice for check in checks)


@pytest.mark.usefixtures("no_cache")
def test_altered_mnist_is_named_and_to_be_deleted(tmp_path: Path) -> None:
    file = tmp_path / list(mnist.FILES)[1]
    file.write_bytes(b"truncated")
    check = doctor.check_data(tmp_path)[1]
    assert (check.status, check.value) == ("missing", "altered")
    assert str(file) in check.advice
    assert "delete it" in check.advice


def test_data_folder_that_is_none_is_a_finding_not_a_crash(tmp_path: Path) -> None:
    (check,) = doctor.check_data(tmp_path / "nowhere")
    assert check.status == "missing"
    assert "nowhere" in check.advice


def test_checkup_covers_every_requirement_and_renders() -> None:
    checks = doctor.checkup()
    names = [check.name for check in checks]
    assert len(set(names)) == len(names)
    assert {"Python", "torch", "ray", "mlflow", "cpu", "cores", "memory", "disk", "npm"} <= set(
        names
    )
    text = text_of(checks)
    assert all(name in text for name in names)


def test_render_shows_text_as_it_is() -> None:
    text = text_of([Check("ray", "warn", "2.40", "pip install 'ray[tune]>=2.50'")])
    assert "ray[tune]>=2.50" in text
