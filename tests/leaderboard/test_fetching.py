"""Weights at a URL: fetched whole or not at all, over https alone."""

import io
import urllib.request
from typing import Any

import pytest

from bimt_bench.ground import InputError
from bimt_bench.leaderboard import fetching
from bimt_bench.leaderboard.entry import Weights

CONTENT = b"x" * (3 * 2**20)


def _weights(size: int = len(CONTENT)) -> Weights:
    told: dict[str, Any] = {"url": "https://example.invalid/w", "licence": "CC0-1.0"}
    return Weights(sha256="0" * 64, size=size, dtype="float32", **told)


class _Handler(urllib.request.BaseHandler):
    """A server: what it answers to https, and where it leads."""

    handler_order = 100  # before the real one

    def __init__(self, to: str | None = None) -> None:
        self.to = to

    def https_open(self, request: urllib.request.Request) -> Any:
        import email

        code = 200 if self.to is None else 302
        headers = email.message_from_string("" if self.to is None else f"Location: {self.to}\n\n")
        answer = urllib.request.addinfourl(io.BytesIO(CONTENT), headers, request.full_url, code)
        answer.msg = "told"  # pyright: ignore[reportAttributeAccessIssue]
        return answer


@pytest.fixture
def serving(monkeypatch) -> Any:
    real = urllib.request.build_opener

    def serve(handler: _Handler) -> None:
        monkeypatch.setattr(urllib.request, "build_opener", lambda *own: real(handler, *own))

    return serve


def test_what_lies_there_is_fetched_whole(serving) -> None:
    serving(_Handler())
    assert fetching.fetched(_weights()) == CONTENT


@pytest.mark.parametrize(("size", "told"), [(10, "more"), (2 * len(CONTENT), f"{len(CONTENT):,}")])
def test_more_or_less_than_was_told_is_refused(serving, size: int, told: str) -> None:
    serving(_Handler())
    with pytest.raises(InputError, match=f"{told} fetched"):
        fetching.fetched(_weights(size))


@pytest.mark.parametrize("to", ["http://example.invalid/w", "file:///etc/passwd", "ftp://x/y"])
def test_a_redirection_to_anything_but_https_is_refused(serving, to: str) -> None:
    serving(_Handler(to))
    with pytest.raises(InputError, match="not https|cannot be fetched"):
        fetching.fetched(_weights())


def test_a_dead_link_is_one_line() -> None:
    with pytest.raises(InputError, match="'https://example.invalid/w' cannot be fetched"):
        fetching.fetched(_weights(), seconds=5.0)
