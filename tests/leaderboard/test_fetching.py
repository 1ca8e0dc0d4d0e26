"""Weights at a URL come within limits or not at all; a dead link is told, another file refused."""

import io
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from bimt_bench import leaderboard
from bimt_bench.ground import InputError
from bimt_bench.leaderboard import Board, fetching, read_whole
from tests.leaderboard.conftest import PUBLISHED

URL = "https://example.org/weights.safetensors"


@pytest.fixture(scope="module")
def elsewhere(run, tmp_path_factory) -> tuple[Path, bytes]:
    """The folder of an entry whose weights lie at a URL, and the weights."""
    board = Board(tmp_path_factory.mktemp("urls") / "board")
    made = leaderboard.add(run, recipe="l1", name="far", board=board, url=URL, **PUBLISHED)
    assert made.to_upload is not None
    return made.folder, made.to_upload.read_bytes()


class Source(io.BytesIO):
    """What lies at a URL; counts how often it was asked and how much was read."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.asked: list[str] = []

    def __call__(self, url: str) -> "Source":
        self.asked.append(url)
        return self


def test_weights_are_fetched_once_and_kept(elsewhere, tmp_path) -> None:
    folder, content = elsewhere
    source = Source(content)
    found = read_whole(folder, cache=tmp_path, opened=source)
    assert found.weights is not None and source.asked == [URL]
    assert read_whole(folder, cache=tmp_path, opened=Source(b"")).weights is not None
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(b"0" * len(content))  # damaged: fetched again
    assert read_whole(folder, cache=tmp_path, opened=Source(content)).weights is not None


def test_a_dead_link_is_told(elsewhere, tmp_path) -> None:
    def dead(url: str) -> Source:
        raise TimeoutError("timed out")

    found = read_whole(elsewhere[0], cache=tmp_path, opened=dead)
    assert found.weights is None and found.unfetched == f"{URL}: timed out"


def test_a_slow_link_is_dead(elsewhere, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(fetching, "MOST_SECONDS", -1.0)
    found = read_whole(elsewhere[0], cache=tmp_path, opened=Source(elsewhere[1]))
    assert "takes longer" in found.unfetched


@pytest.mark.parametrize("change", [lambda c: c[:-1], lambda c: c + b"0", lambda c: b"<html>"])
def test_another_file_is_refused(elsewhere, tmp_path, change) -> None:
    with pytest.raises(InputError, match="another file lies at"):
        read_whole(elsewhere[0], cache=tmp_path, opened=Source(change(elsewhere[1])))
    assert not any(tmp_path.iterdir())


def test_an_endless_file_is_not_read_to_its_end(elsewhere, tmp_path) -> None:
    class Endless(Source):
        read_so_far = 0

        def read(self, size: int | None = -1) -> bytes:
            assert size is not None and size > 0
            self.read_so_far += size
            return b"0" * size

    source = Endless(b"")
    with pytest.raises(InputError, match="another file"):
        read_whole(elsewhere[0], cache=tmp_path, opened=source)
    assert source.read_so_far == len(elsewhere[1]) + 1


def test_a_cache_that_cannot_be_written_is_done_without(elsewhere, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    found = read_whole(elsewhere[0], cache=tmp_path / "file" / "c", opened=Source(elsewhere[1]))
    assert found.weights is not None


@pytest.fixture
def server() -> Iterator[str]:
    """A server that leads everybody to another page of its own, over http."""

    class Leads(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302 if self.path == "/" else 404)
            self.send_header("Location", f"http://{self.headers['Host']}/inside")
            self.end_headers()

        log_message = staticmethod(lambda *_: None)  # nothing on stderr

    held = HTTPServer(("127.0.0.1", 0), Leads)
    thread = threading.Thread(target=held.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{held.server_port}"
    held.shutdown()
    thread.join()
    held.server_close()


@pytest.mark.parametrize(
    ("page", "told"), [("/", "which is not https"), ("/none", "404|Not Found")]
)
def test_a_link_that_leads_elsewhere_is_dead(elsewhere, server, tmp_path, monkeypatch, page, told):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    found = read_whole(
        elsewhere[0], cache=tmp_path, opened=lambda _: fetching.open_url(server + page)
    )
    assert re.search(told, found.unfetched)
