"""The page that MLflow's own server makes of a tracked sweep, in a real browser."""

import json
import shutil
import urllib.parse
import urllib.request
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from bimt_bench.results.tracking import Tracker, view
from tests import rows
from tests.mlflow_server import serving

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXIS = "modularity_q"
PATIENCE = 90  # seconds, for a server that starts on a busy machine


def picture() -> bytes:
    """A red PNG of 40 x 30 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + check

    header = (40).to_bytes(4, "big") + (30).to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    lines = (b"\0" + b"\xff\0\0" * 40) * 30
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def member(recipe: str, strength: float, performance: float) -> pd.DataFrame:
    row = rows.member(recipe, strength, x=0.625, y=performance, task="symbolic/independence")
    row |= {"reason": None, "configuration": f"{recipe}{strength}"}
    return pd.DataFrame([row])


@dataclass(frozen=True)
class Tracked:
    """A server's address and the runs that lie behind it."""

    server: str
    experiment: str
    parent: str
    children: tuple[str, ...]


def write_sweep(folder: Path) -> tuple[Tracker, str, tuple[str, ...]]:
    tracker = Tracker.open(f"sqlite:///{folder / 'mlflow.db'}", "bimt_bench")
    parent = tracker.start_task(
        "symbolic/independence", "quick", sweep_digest="a" * 12, spec_text="x: 1", environment={}
    )
    members = [member("bimt", 0.3, 0.8125), member("l1", 3.0, 0.4375)]
    curves = pd.DataFrame(
        {"member": row["member"][0], "step": step, "train_loss": 1 / (1 + step)}
        for row in members
        for step in range(5)
    )
    both = pd.concat(members)
    drawings = dict.fromkeys(both["configuration"], picture())
    children = tuple(
        tracker.log_configurations(parent, both, curves, drawings=drawings, axis=AXIS).values()
    )
    figure = folder / "tradeoff.png"
    figure.write_bytes(picture())
    tracker.finish_task(parent, both, figures=[figure], metrics={"hypervolume/bimt": 0.5})
    return tracker, parent, children


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracked]:
    """A sweep of two configurations, behind the real `mlflow ui` on a free port."""
    folder = tmp_path_factory.mktemp("mlflow")
    tracker, parent, children = write_sweep(folder)
    with serving(folder, tracker.uri) as address:
        yield Tracked(address, tracker.experiment_id, parent, children)


@pytest.fixture(scope="module")
def browser() -> Iterator["sync_api.Browser"]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: "sync_api.Browser") -> Iterator["sync_api.Page"]:
    page = browser.new_page(viewport={"width": 2400, "height": 1000})
    page.set_default_timeout(1000 * PATIENCE)
    yield page
    page.close()


def test_the_saved_view_shows_configurations_with_their_metrics(
    tracked: Tracked, page: "sync_api.Page"
) -> None:
    page.goto(view.page(tracked.server, tracked.experiment))
    page.get_by_text("BIMT strength=0.3", exact=False).first.wait_for()
    grid = page.locator(".ag-root").first.inner_text()
    columns = ("performance", "modularity_q", "recipe", "modularity_axis", "modularity\n")
    for shown in (*columns, "L1 strength=3", "0.8125", "0.4375"):
        assert shown in grid
    assert grid.index("0.8125") < grid.index("0.4375")  # best first
    page.get_by_text(view.NAME, exact=False).first.wait_for()  # comes after the grid
    assert view.NAME in page.locator("body").inner_text()


def test_the_page_of_all_runs_nests_configurations_under_the_task(
    tracked: Tracked, page: "sync_api.Page"
) -> None:
    page.goto(f"{tracked.server}/#/experiments/{tracked.experiment}/runs")
    page.get_by_text("quick · symbolic/independence").first.wait_for()
    assert page.get_by_text("BIMT strength=0.3", exact=False).count() == 0
    page.locator(".ag-row").first.locator("button").first.click()
    page.get_by_text("BIMT strength=0.3", exact=False).first.wait_for()


def test_two_configurations_can_be_compared(tracked: Tracked, page: "sync_api.Page") -> None:
    runs = urllib.parse.quote(json.dumps(tracked.children))
    experiments = urllib.parse.quote(json.dumps([tracked.experiment]))
    page.goto(f"{tracked.server}/#/compare-runs?runs={runs}&experiments={experiments}")
    page.get_by_text("Comparing 2 Runs").first.wait_for()
    page.get_by_text("0.8125").first.wait_for()
    text = page.locator("body").inner_text()
    assert "0.4375" in text
    assert "dial_value" in text


def test_the_task_has_a_table_and_a_figure(tracked: Tracked, page: "sync_api.Page") -> None:
    artifacts = (
        f"{tracked.server}/#/experiments/{tracked.experiment}/runs/{tracked.parent}/artifacts"
    )
    page.goto(f"{artifacts}/tradeoff.json")
    page.get_by_text("View as table").wait_for()
    page.get_by_text("0.8125").first.wait_for()
    assert "sweep.yaml" in page.locator("body").inner_text()
    page.goto("about:blank")  # else only the fragment changes, and the viewer stays
    page.goto(f"{artifacts}/figures/tradeoff.png")
    assert shown_image(page) == [40, 30]


def test_a_configuration_has_its_drawing_and_curves(
    tracked: Tracked, page: "sync_api.Page"
) -> None:
    run = f"{tracked.server}/#/experiments/{tracked.experiment}/runs/{tracked.children[0]}"
    page.goto(f"{run}/artifacts/network.png")
    assert shown_image(page) == [40, 30]
    page.goto("about:blank")
    page.goto(f"{run}/model-metrics")
    page.get_by_text("(curve/train_loss)").first.wait_for(state="attached")
    page.locator("path.js-line").first.wait_for(state="attached")  # a line, not one bar


def shown_image(page: "sync_api.Page") -> list[int]:
    """Width and height of the picture that the artifact viewer has really loaded."""
    found = "[...document.images].find(i => i.naturalWidth == 40)"
    page.wait_for_function(f"() => {found}")
    return page.evaluate(f"() => {{ const i = {found}; return [i.naturalWidth, i.naturalHeight] }}")


def test_a_server_takes_the_runs_that_a_database_takes(tracked: Tracked, tmp_path: Path) -> None:
    tracker = Tracker.open(tracked.server, "remote")
    assert tracker.page().startswith(f"{tracked.server}/#/experiments/{tracker.experiment_id}/")
    arguments = {"sweep_digest": "b" * 12, "spec_text": "x: 1", "environment": {"cores": 2}}
    parent = tracker.start_task("symbolic/independence", "quick", **arguments)
    row = member("bimt", 0.3, 0.8125)
    curves = pd.DataFrame({"member": row["member"][0], "step": [0, 5], "train_loss": [1.0, 0.5]})
    drawings = {row["configuration"][0]: picture()}
    (child,) = tracker.log_configurations(parent, row, curves, drawings=drawings).values()
    tracker.finish_task(parent, row, metrics={"hypervolume": 0.5})
    run = tracker.client.get_run(child)
    assert run.data.metrics["performance"] == 0.8125
    assert [m.step for m in tracker.client.get_metric_history(child, "curve/train_loss")] == [0, 5]
    found = tracker.client.download_artifacts(child, "network.png", str(tmp_path))
    assert Path(found).read_bytes() == picture()
    resumed = Tracker.open(tracked.server, "remote")
    assert resumed.start_task("symbolic/independence", "quick", **arguments) == parent
    assert list(resumed.log_configurations(parent, row, curves).values()) == [child]
