"""Checkpoints: the state of a run on disk, whole or not at all, and read back only if it is sound.

    <folder>/<identity>-<step>.safetensors   tensors; whose they are, in their metadata
    <folder>/<identity>-<step>.json          format, state, identity, checksum; written last

The newest two are kept. One that is truncated, altered or of another run is passed over, with a
line that says so. Nothing is ever unpickled.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from bimt_bench.ground import InputError, check_format, metadata_of, write
from bimt_bench.spec import digest_of

FORMAT = 2
KEPT = 2
SECONDS = 60.0


class CorruptCheckpoint(Exception):
    """A checkpoint that cannot be used; the message says which file and why."""


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run after `step` steps: tensors by name, and what is no tensor."""

    step: int
    tensors: dict[str, Tensor]
    state: dict[str, Any]


class Checkpoints:
    """Where a run keeps its state, and how often.

    Every `every` steps if given, else every `seconds`. `on_note` is told what a user should
    know: a checkpoint passed over, a disk that is full (once). Several runs may share a folder.
    """

    def __init__(
        self,
        folder: Path,
        *,
        every: int | None = None,
        seconds: float = SECONDS,
        on_note: Callable[[str], None] | None = None,
    ) -> None:
        self.folder = folder
        self.note = on_note or logging.getLogger(__name__).warning
        self._every, self._seconds = every, seconds
        self._last = time.monotonic()
        self._failed = False
        self._unsound: set[Path] = set()

    def due(self, step: int) -> bool:
        """Whether it is time for a checkpoint, after `step` steps."""
        if self._every is not None:
            return step % self._every == 0
        return time.monotonic() - self._last >= self._seconds

    def keep(self, identity: str, checkpoint: Checkpoint) -> bool:
        """Writes a checkpoint and drops the oldest; False if the disk refuses, said once.

        What was kept before is left as it is until the new one is complete.
        """
        path = self._path(identity, checkpoint.step)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            tensors = {name: t.contiguous().cpu() for name, t in checkpoint.tensors.items()}
            content = safetensors.torch.save(
                tensors, metadata=_owner(identity, checkpoint.step, FORMAT)
            )
            write(path.with_suffix(".safetensors"), content)
            manifest = {
                "format": FORMAT,
                "identity": identity,
                "step": checkpoint.step,
                "state": checkpoint.state,
                "sha256": hashlib.sha256(content).hexdigest(),
            }
            sealed = {**manifest, "seal": digest_of(manifest)}
            write(path, json.dumps(sealed, indent=1).encode())
            self._unsound.discard(path)
            self._tidy(identity)
        except OSError as error:
            if not self._failed:
                self.note(
                    f"checkpoints: cannot write to {self.folder} ({error.strerror or error}); "
                    "training goes on without new ones, and what was kept stays"
                )
            self._failed = True
            return False
        finally:
            self._last = time.monotonic()
        self._failed = False
        return True

    def latest(self, identity: str) -> Checkpoint | None:
        """The newest sound checkpoint of a run; None if there is none.

        InputError if one has a newer format than this version reads.
        """
        found = self._manifests(identity)
        for path in found:
            try:
                return _read(path, identity)
            except CorruptCheckpoint as error:
                self._unsound.add(path)
                self.note(f"checkpoints: {error}; trying the one before")
        if found:
            self.note(f"checkpoints: none in {self.folder} is sound; training starts over")
        elif any(self.folder.glob("*.json")):
            self.note(
                f"checkpoints: those in {self.folder} are of other members, another task, start, "
                "code or version; they are left alone"
            )
        return None

    def _manifests(self, identity: str) -> list[Path]:
        """Manifests of a run, newest first."""
        return sorted(self.folder.glob(f"{identity}-*.json"), reverse=True)

    def _tidy(self, identity: str) -> None:
        """Drops what is older than the newest sound two, and what a killed process left behind."""
        sound = [path for path in self._manifests(identity) if path not in self._unsound]
        for path in sound[KEPT:]:
            path.unlink(missing_ok=True)  # first: tensors without a manifest do not exist
        kept = {path.stem for path in self._manifests(identity)}
        for path in self.folder.glob(f"{identity}-*.safetensors"):
            if path.stem not in kept:
                path.unlink(missing_ok=True)
        for path in self.folder.glob(f".{identity}-*"):
            path.unlink(missing_ok=True)

    def _path(self, identity: str, step: int) -> Path:
        return self.folder / f"{identity}-{step:012d}.json"


def identity_of(parts: Mapping[str, object], tensors: Mapping[str, Tensor]) -> str:
    """12 hex digits over what makes a run: plain values, and tensors to the bit."""
    return digest_of({"parts": dict(parts), "tensors": dict(_digests(tensors))})


def _owner(identity: str, step: int, form: int) -> dict[str, str]:
    """Whose tensors a file holds, as its metadata say."""
    return {"bimt_bench.format": str(form), "identity": identity, "step": str(step)}


def _digests(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, str]]:
    for name, tensor in tensors.items():
        values = tensor.detach().cpu().contiguous().numpy()
        yield name, hashlib.sha256(values.tobytes()).hexdigest()


def _read(path: Path, identity: str) -> Checkpoint:
    try:
        manifest = json.loads(path.read_bytes())
        seal = manifest.pop("seal")
        step, state = manifest["step"], manifest["state"]
        if seal != digest_of(manifest):
            raise CorruptCheckpoint(f"{path.name} was altered (its seal does not fit)")
        form = check_format(manifest.get("format"), newest=FORMAT, where=str(path))
        if manifest["identity"] != identity:
            raise CorruptCheckpoint(f"{path.name} belongs to run {manifest['identity']}")
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptCheckpoint(f"{path.name} cannot be read ({error})") from error
    file = path.with_suffix(".safetensors")
    try:
        content = file.read_bytes()
        if hashlib.sha256(content).hexdigest() != manifest["sha256"]:
            raise CorruptCheckpoint(f"{file.name} was truncated or altered (its SHA-256 differs)")
        if form > 1 and metadata_of(content) != _owner(identity, step, form):
            raise CorruptCheckpoint(f"{file.name} is of another run or step than its manifest")
        tensors = safetensors.torch.load(content)
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        raise CorruptCheckpoint(f"{file.name} cannot be read ({error})") from error
    return Checkpoint(step=step, tensors=tensors, state=state)
