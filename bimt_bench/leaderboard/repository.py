"""A board in git: what a commit changes of it, and its files as data.

Nothing of a commit is checked out, so that no filter, hook or attribute of it has a part in this.
Files are taken out of git's own store, once it is known that they are files of no more than their
size.
"""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bimt_bench.ground import InputError, fitting, listed

_FILE = "100644"


@dataclass(frozen=True)
class Kind:
    """A file of a commit: its mode, its size in bytes, and the object that holds its content."""

    mode: str
    size: int
    digest: str


@dataclass(frozen=True)
class Repository:
    """The folder of a board below a checkout, and two commits or branches; InputError if not."""

    folder: Path
    base: str
    head: str = "HEAD"

    def __post_init__(self) -> None:
        if not self.folder.is_dir():
            raise InputError(f"board: '{self.folder}' is no folder")
        for name in ("base", "head"):
            if not getattr(self, name).strip():
                raise InputError(f"git: {name}: is empty; name a commit or a branch")

    def commit(self, name: str) -> str:
        """The digest of the commit that a name stands for."""
        return self.said("rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}")

    def changed(self) -> list[tuple[str, str]]:
        """Status and path below the board of each file that differs since `head` left `base`."""
        words = self._differing("--name-status", "--relative", "--", ".")
        return list(zip(words[::2], words[1::2], strict=True))

    def beside(self) -> list[str]:
        """The files that differ and do not lie below the board."""
        own = self.said("rev-parse", "--show-prefix")
        return [name for name in self._differing("--name-only", "--") if not name.startswith(own)]

    def kinds(self, name: str, files: Sequence[PurePosixPath]) -> dict[PurePosixPath, Kind]:
        """Those of these files that a commit has, by path below the board."""
        words = ["-z", "-l", self.commit(name), "--", *map(str, files)]
        told = self.said("--literal-pathspecs", "ls-tree", *words)
        found = {}
        for line in told.split("\0")[:-1]:
            facts, _, name = line.partition("\t")
            mode, _, digest, size = facts.split()
            found[PurePosixPath(name)] = Kind(mode, int(size) if size.isdigit() else 0, digest)
        return found

    def content(self, digest: str) -> bytes:
        """What an object holds, as it was committed."""
        return self._run("cat-file", "blob", digest)

    def said(self, *words: str) -> str:
        """What git says, as text; InputError."""
        return self._run(*words).decode(errors="replace").removesuffix("\n")

    def _differing(self, what: str, *words: str) -> list[str]:
        """The words of a comparison of both; what stands before -- are options."""
        place = words.index("--")
        options, paths = words[:place], words[place:]
        both = ("--end-of-options", f"{self.base}...{self.head}")
        found = self.said("diff", what, "--no-renames", "-z", *options, *both, *paths)
        return found.split("\0")[:-1]

    def _run(self, *words: str) -> bytes:
        try:
            done = subprocess.run(
                ["git", *words], cwd=self.folder, capture_output=True, check=False
            )
        except OSError as error:
            raise InputError(f"git: cannot be run: {error.strerror}") from error
        if done.returncode:
            told = done.stderr.decode(errors="replace").strip()
            raise InputError(f"git: {fitting(told, 300)}")
        return done.stdout


def taken(repository: Repository, limits: Mapping[PurePosixPath, int], to: Path) -> Path:
    """A copy of the board, with files of `head` beside what is published; returns its folder.

    limits: the files, each with the bytes that it may have. InputError for what is no plain file,
    is larger, or is in `base` already, and where the folder is not new.
    """
    kinds = repository.kinds(repository.head, [*limits])
    published = repository.kinds(repository.base, [*limits])
    faults = [
        fault
        for path, most in limits.items()
        if (fault := _fault(path, kinds.get(path), most, taken=path in published)) is not None
    ]
    if faults:
        raise InputError(listed(faults))
    try:
        shutil.copytree(repository.folder, to, symlinks=True)
        for path in limits:
            (to / path).unlink(missing_ok=True)  # no link may lead the content elsewhere
            (to / path).parent.mkdir(parents=True, exist_ok=True)
            (to / path).write_bytes(repository.content(kinds[path].digest))
    except OSError as error:
        raise InputError(f"take: cannot write to '{to}': {error.strerror or error}") from error
    return to


def _fault(path: PurePosixPath, kind: Kind | None, most: int, *, taken: bool) -> str | None:
    """Why a file of a commit is not taken."""
    if kind is None or kind.mode != _FILE:
        return f"{path}: is no plain file"
    if kind.size > most:
        return f"{path}: has {kind.size:,} bytes; at most {most:,}"
    if taken:
        return f"{path}: is published already; what is published is never changed or removed"
    return None
