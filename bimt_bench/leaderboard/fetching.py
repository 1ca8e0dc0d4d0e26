"""Weights that lie at a URL: fetched over https, never more than the entry says, and not kept.

What comes is judged by its SHA-256 when it is read.
"""

import urllib.error
import urllib.request
from http.client import HTTPException
from typing import IO, Any

from bimt_bench.ground import InputError, fitting
from bimt_bench.leaderboard.entry import Weights
from bimt_bench.leaderboard.weights_file import MOST_REMOTE

SECONDS = 60.0
_BLOCK = 2**20


def fetched(weights: Weights, *, seconds: float = SECONDS) -> bytes:
    """The file at the URL of an entry's weights; InputError if it is not to be had.

    seconds: how long a server may be silent.
    """
    assert weights.url is not None
    opener = urllib.request.build_opener(_SecureOnly)
    try:
        with opener.open(weights.url, timeout=seconds) as answer:
            return _content(answer, min(weights.size, MOST_REMOTE))
    except (OSError, HTTPException, ValueError) as error:
        told = error.reason if isinstance(error, urllib.error.URLError) else error
        raise InputError(
            f"weights: '{weights.url}' cannot be fetched: {fitting(str(told), 200)}"
        ) from error


def _content(answer: IO[bytes], size: int) -> bytes:
    """The bytes of an answer; InputError where there are more or fewer than were told."""
    held = bytearray()
    while len(held) <= size and (block := answer.read(_BLOCK)):
        held += block
    if len(held) != size:
        more = "more" if len(held) > size else f"{len(held):,}"
        raise InputError(f"weights: {size:,} bytes told, {more} fetched")
    return bytes(held)


class _SecureOnly(urllib.request.HTTPRedirectHandler):
    """Follows redirections to https alone."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """The next request; URLError where it would not be secure."""
        if not newurl.startswith("https://"):
            raise urllib.error.URLError(f"leads to {fitting(newurl, 100)}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
