"""The page in a browser, opened from the disk: it sorts, filters, hovers, and nothing fails."""

import shutil

import numpy as np
import pytest

from bimt_bench.leaderboard import Asked, Board, Withdrawal, make_controls
from bimt_bench.leaderboard.verdict import Finding
from bimt_bench.leaderboard.verifying import verified
from tests.leaderboard.made_board import NOW, TASK, front, put

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
pytest.importorskip("plotly")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]
OTHER = "modular/addition_59"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
OVERVIEW, TASK_PAGE = "index.html", "tasks/symbolic-independence.html"
DRAWN = "entries/symbolic-independence/bimt-plain.html"
PAGES = [
    OVERVIEW,
    TASK_PAGE,
    DRAWN,
    "entries/modular-addition_59/withdrawn-one.html",
    "entries/modular-addition_59/weights-alone.html",
    "about/ranks.html",
    "about/trust.html",
    "about/entering.html",
    "changes.html",
]
"""Every kind of page."""
PHONE = {"viewport": {"width": 360, "height": 740}}


@pytest.fixture(scope="module")
def folder(small_board, tmp_path_factory):
    """A site with all there can be: real networks, controls, withdrawn, dated, flagged entries."""
    from bimt_bench.leaderboard import site

    place = tmp_path_factory.mktemp("board") / "leaderboard"
    board, generator = Board(shutil.copytree(small_board.folder, place)), np.random.default_rng(2)
    for name in ("bimt-plain", "l1-plain", "vanilla-plain"):
        asked = Asked(up_to="rescored", axes_only=True)
        board.keep(verified(board.entry(TASK, name), board=board, asked=asked))
    list(make_controls(board, [TASK]))
    put(board, "named", front(generator, size=0.5), title="<b>L1</b>", task=TASK)
    put(board, "dated", front(generator), task=TASK, task_digest="0" * 12)
    put(board, "bimt-plain", front(generator, size=0.9), task=OTHER, recipe="bimt")
    put(board, "plain", front(generator, configurations=1), task=OTHER, recipe="vanilla")
    put(board, "weights-alone", front(generator), task=OTHER, retrainable=False, level="rescored")
    put(board, "withdrawn-one", front(generator), task=OTHER, lost=[(0, 1)])
    board.mark(
        Withdrawal(format=1, task=OTHER, name="withdrawn-one", reason="mine", by="ada", when=NOW)
    )
    told = Finding(level="rescored", code="odd", weight="flag", told="is odd", member="0" * 12)
    put(board, "flagged", front(generator, size=0.8), task=OTHER, findings=(told,))
    return site.build(
        board, tmp_path_factory.mktemp("site"), kept=tmp_path_factory.mktemp("kept")
    ).folder


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, folder):
    """Opens a page of the site; at the end nothing may have been complained of, or fetched."""
    contexts, faults = [], []

    def visit(page, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda one: faults.append(one.text) if one.type == "error" else None)
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.on(
            "request",
            lambda one: (
                None if one.url.startswith(("file:", "data:", "blob:")) else faults.append(one.url)
            ),
        )
        name, _, state = page.partition("#")
        place = name if name.startswith("file:") else (folder / name).as_uri()
        tab.goto(f"{place}#{state}")
        return tab

    yield visit
    for context in contexts:
        context.close()
    assert faults == []


def shown(tab):
    return tab.locator("#board tbody tr:visible").all_inner_texts()


def test_the_table_sorts_and_keeps_it_in_the_address(opened):
    tab = opened("index.html")
    tab.get_by_role("button", name="Volume H").click()
    tab.wait_for_function("location.hash.includes('sort=volume')")
    values = tab.eval_on_selector_all(
        "#board tbody tr:not([hidden]) td:nth-child(6)", "cells => cells.map(c => +c.dataset.value)"
    )
    assert values == sorted(values, reverse=True)
    assert tab.locator("th[aria-sort=descending]").count() == 1
    again = opened(f"index.html{tab.url[tab.url.find('#') :]}")
    assert shown(again) == shown(tab)


def test_filters_join_and_come_back_from_the_address(opened):
    tab = opened("index.html")
    assert len(shown(tab)) == 8
    tab.get_by_label("controls").check()
    assert len(shown(tab)) > 8
    tab.get_by_label("controls").uncheck()
    tab.get_by_label("Recipe").select_option("BIMT")
    assert len(shown(tab)) == 2
    tab.get_by_label("Family").select_option("modular")
    assert len(shown(tab)) == 1
    again = opened(f"index.html{tab.url[tab.url.find('#') :]}")
    assert len(shown(again)) == 1 and again.get_by_label("Recipe").input_value() == "BIMT"
    tab.get_by_label("Text").fill("nobody of that name")
    assert shown(tab) == [] and tab.locator("#count").inner_text().startswith("0 of ")
    tab.get_by_label("Text").fill("")
    tab.get_by_label("Family").select_option("")
    tab.get_by_label("Recipe").select_option("")
    tab.get_by_label("Badge").select_option("retrained")
    assert len(shown(tab)) == 4


def test_the_figure_shows_configurations_and_leads_to_entries(opened):
    tab = opened(TASK_PAGE)
    tab.wait_for_selector("#tradeoff .main-svg")
    assert "<b>L1</b>" in tab.locator("#tradeoff .legendtext").all_text_contents()
    points = tab.locator("#tradeoff .scatterlayer .trace .point")
    before = points.count()
    tab.get_by_label("single seeds").uncheck()
    tab.wait_for_function(
        "n => document.querySelectorAll('#tradeoff .scatterlayer .trace .point').length < n",
        arg=before,
    )
    points.last.hover(force=True)
    tab.wait_for_selector("#tradeoff .hoverlayer .hovertext")
    points.last.click(force=True)
    tab.wait_for_url("**/entries/symbolic-independence/*.html")


def test_a_control_has_no_page_and_leads_to_its_row(opened):
    tab = opened(TASK_PAGE)
    tab.wait_for_selector("#tradeoff .main-svg")
    tab.get_by_label("single seeds").uncheck()
    tab.get_by_role("checkbox", name="controls").check()
    tab.wait_for_function("document.querySelectorAll('#tradeoff .legendtext').length > 10")
    tab.locator("#tradeoff .scatterlayer .trace .point").last.click(force=True)
    tab.wait_for_function("location.hash.length > 1")
    assert tab.locator("tr.control:target").count() == 1


def test_the_slider_prunes_networks_and_tells_what_they_score(opened):
    tab = opened(DRAWN)
    figure = tab.locator("figure.network").last
    lines = "figure => [...figure.querySelectorAll('.wire')].map(p => p.getAttribute('d')).join('')"
    whole, reached = figure.evaluate(lines), figure.locator("[data-performance]").inner_text()
    assert tab.locator("#share-text").inner_text() == "100 %"
    slider = tab.get_by_label("Connections that are left")
    slider.focus()
    for _ in range(9):
        tab.keyboard.press("ArrowRight")
    assert tab.locator("#share-text").inner_text() == "0.5 %"
    assert slider.get_attribute("aria-valuetext") == "0.5 %"
    assert len(figure.evaluate(lines)) < len(whole)
    assert figure.locator("[data-performance]").inner_text() != reached
    tab.keyboard.press("Home")
    assert figure.evaluate(lines) == whole
    assert figure.locator("[data-performance]").inner_text() == reached


def test_without_scripts_pages_hold_what_they_tell(opened):
    tab = opened(DRAWN, java_script_enabled=False)
    assert tab.locator("figure.network .wire").first.get_attribute("d")
    assert not tab.locator("#share").is_visible() and not tab.locator("#copy").is_visible()
    assert opened(OVERVIEW, java_script_enabled=False).locator("#board tbody tr").count() > 8


def test_a_citation_is_copied_or_selected(opened):
    tab = opened(DRAWN)
    tab.get_by_role("button", name="Copy").click()
    tab.wait_for_function("document.getElementById('copied').textContent !== ''")
    said = tab.locator("#copied").inner_text()
    selected = tab.evaluate("getSelection().toString()")
    assert said == "Copied" or (said.startswith("Selected") and "@misc{" in selected)


def test_dark_is_the_system_s_choice_until_the_button_is_pressed(opened):
    paper = "getComputedStyle(document.body).backgroundColor"
    tab = opened("index.html", color_scheme="dark")
    dark = tab.evaluate(paper)
    tab.get_by_role("button", name="Light").click()
    assert tab.evaluate(paper) != dark
    tab.reload()
    assert tab.evaluate(paper) != dark


@pytest.mark.parametrize("page", PAGES)
def test_a_phone_scrolls_tables_and_not_the_page(opened, page):
    tab = opened(page, **PHONE)
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_nothing_keeps_anybody_from_reading(opened, page, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    tab = opened(page, color_scheme=scheme)
    for one in tab.locator("details").all():
        one.evaluate("details => { details.open = true; }")
    found = [
        f"{one['id']}: {node['html'][:200]}"
        for one in axe.run(tab, options={"preload": False}).response["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
    assert found == []


@pytest.mark.parametrize("page", PAGES)
def test_the_keyboard_reaches_the_content_and_every_part_that_scrolls(opened, page):
    tab = opened(page, **PHONE)
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    tab.keyboard.press("Enter")
    assert tab.evaluate("location.hash") == "#main"
    loose = """() => [...document.querySelectorAll('main *')].filter((one) =>
      one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX === 'auto'
      && one.tabIndex < 0).map((one) => one.outerHTML.slice(0, 100))"""
    assert tab.evaluate(loose) == []


def test_the_keyboard_reaches_the_sorting(opened):
    tab = opened("index.html")
    tab.get_by_role("button", name="Place").focus()
    tab.keyboard.press("Enter")
    tab.wait_for_function("location.hash.includes('sort=place')")
    tab.keyboard.press("Enter")
    assert "way=falling" in tab.url


def test_an_overview_of_200_entries_is_small_and_soon_there(opened, tmp_path):
    from bimt_bench.leaderboard import site

    board, generator = Board(tmp_path / "board"), np.random.default_rng(5)
    for number in range(200):
        task = (TASK, OTHER)[number % 2]
        put(board, f"entry-{number}", front(generator, configurations=2), task=task)
    many = site.build(board, tmp_path / "site", kept=tmp_path / "kept").folder
    tab = opened((many / OVERVIEW).as_uri())
    assert len(shown(tab)) == 200
    own = "all => all.map((one) => one.getAttribute(one.src ? 'src' : 'href'))"
    loaded = tab.eval_on_selector_all("script[src], link[rel=stylesheet]", own)
    assert len(loaded) == 3
    assert sum((many / one).stat().st_size for one in (OVERVIEW, *loaded)) < 2**20
    measuring = tab.context.new_cdp_session(tab)
    measuring.send("Performance.enable", {"timeDomain": "threadTicks"})  # of the processor
    tab.reload()
    found = measuring.send("Performance.getMetrics")["metrics"]
    assert next(one["value"] for one in found if one["name"] == "TaskDuration") < 2.0
