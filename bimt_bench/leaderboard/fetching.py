"""Weights that lie at a URL: fetched within limits, and kept by their SHA-256.

A link that is dead is no fault of the entry's numbers: it cannot be verified as long as it is so.
"""

import hashlib
import time
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any
from urllib.error import URLError

from bimt_bench.ground import InputError, fitting, write
from bimt_bench.leaderboard.entry import Weights
from bimt_bench.leaderboard.reading import Submission, read

CACHE = Path.home() / ".cache" / "bimt_bench" / "leaderboard"
MOST_SECONDS = 300.0
_SILENT_SECONDS = 30.0  # without a byte
_PART = 2**20
Open = Callable[[str], AbstractContextManager[IO[bytes]]]


class DeadLink(Exception):
    """There is nothing to be had at a URL; the message says why."""


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str):
        """Refuses to be led to anything but https."""
        if not newurl.startswith("https://"):
            raise URLError(f"it leads to '{fitting(newurl)}', which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def open_url(url: str) -> AbstractContextManager[IO[bytes]]:
    """What lies at a URL, to be read; every redirection must lead to https."""
    return urllib.request.build_opener(_OnlyHttps).open(url, timeout=_SILENT_SECONDS)


def read_whole(
    folder: Path,
    *,
    tasks_dir: Path | None = None,
    data_dir: Path | None = None,
    cache: Path = CACHE,
    opened: Open = open_url,
) -> Submission:
    """The entry in a folder, with its weights wherever they lie; see `reading.read`.

    Where the link is dead they stay None, and `unfetched` says why. InputError for what is no
    entry, and where another file lies at the URL than entry.json tells of.
    """
    found = read(folder, tasks_dir=tasks_dir, data_dir=data_dir)
    if found.weights is not None:
        return found
    try:
        content = fetched(found.entry.weights, cache=cache, opened=opened)
    except DeadLink as stop:
        return replace(found, unfetched=str(stop))
    return read(folder, tasks_dir=tasks_dir, data_dir=data_dir, weights=content)


def fetched(weights: Weights, *, cache: Path = CACHE, opened: Open = open_url) -> bytes:
    """The file of weights from its URL, or from the cache; no more bytes than it says it has.

    DeadLink where nothing comes, InputError where another file lies there.
    """
    if weights.url is None:
        raise InputError("weights.url: is missing")
    kept = cache / f"{weights.sha256}.safetensors"
    if kept.is_file() and kept.stat().st_size == weights.size:
        content = kept.read_bytes()
        if _is(weights, content):
            return content
    content = _received(weights.url, weights.size, opened)
    if not _is(weights, content):
        raise InputError(
            f"weights.url: another file lies at {weights.url} than entry.json tells of: "
            f"{len(content):,} bytes or more, SHA-256 {hashlib.sha256(content).hexdigest()}"
        )
    try:
        cache.mkdir(parents=True, exist_ok=True)
        write(kept, content)
    except OSError:
        pass  # it is fetched again next time
    return content


def _received(url: str, most: int, opened: Open) -> bytes:
    """At most one byte more than there should be."""
    ends, parts, held = time.monotonic() + MOST_SECONDS, list[bytes](), 0
    try:
        with opened(url) as source:
            while held <= most and (part := source.read(min(_PART, most + 1 - held))):
                parts.append(part)
                held += len(part)
                if time.monotonic() > ends:
                    raise DeadLink(f"{url}: takes longer than {MOST_SECONDS:.0f} s")
    except (OSError, ValueError) as error:  # URLError and timeouts among them
        told = fitting(str(getattr(error, "reason", None) or error), 200)
        raise DeadLink(f"{url}: {told}") from error
    return b"".join(parts)


def _is(weights: Weights, content: bytes) -> bool:
    return hashlib.sha256(content).hexdigest() == weights.sha256
