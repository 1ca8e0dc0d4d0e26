"""The page in a browser, opened from the disk: it sorts, filters, hovers, and nothing fails."""

import shutil

import numpy as np
import pytest

from bimt_bench.leaderboard import Board
from tests.leaderboard.made_board import TASK, front, put

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


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from bimt_bench.leaderboard import site

    board, generator = Board(tmp_path_factory.mktemp("board")), np.random.default_rng(2)
    for task in (TASK, OTHER):
        put(board, "bimt-plain", front(generator, size=0.9), task=task, recipe="bimt")
        put(board, "l1-plain", front(generator, size=0.5), task=task, title="<b>L1</b>")
        put(board, "plain", front(generator, configurations=1), task=task, recipe="vanilla")
    return site.build(board, tmp_path_factory.mktemp("site")).folder


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
        tab.goto(f"{(folder / name).as_uri()}#{state}")
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
    assert len(shown(tab)) == 6
    tab.get_by_label("Recipe").select_option("BIMT")
    assert len(shown(tab)) == 2
    tab.get_by_label("Family").select_option("modular")
    assert len(shown(tab)) == 1
    again = opened(f"index.html{tab.url[tab.url.find('#') :]}")
    assert len(shown(again)) == 1 and again.get_by_label("Recipe").input_value() == "BIMT"
    tab.get_by_label("Text").fill("nobody of that name")
    assert shown(tab) == [] and tab.locator("#count").inner_text() == "0 of 6"


def test_the_figure_shows_configurations_and_leads_to_entries(opened):
    tab = opened("tasks/symbolic-independence.html")
    tab.wait_for_selector("#tradeoff .main-svg")
    assert "<b>L1</b>" in tab.locator("#tradeoff .legendtext").all_text_contents()
    points = tab.locator("#tradeoff .scatterlayer .trace .point")
    before = points.count()
    points.last.hover(force=True)
    tab.wait_for_selector("#tradeoff .hoverlayer .hovertext")
    points.last.click(force=True)
    tab.wait_for_function("location.hash.length > 1")
    assert tab.locator("tr:target").count() == 1
    tab.get_by_label("single seeds").uncheck()
    tab.wait_for_function(
        "n => document.querySelectorAll('#tradeoff .scatterlayer .trace .point').length < n",
        arg=before,
    )


def test_dark_is_the_system_s_choice_until_the_button_is_pressed(opened):
    paper = "getComputedStyle(document.body).backgroundColor"
    tab = opened("index.html", color_scheme="dark")
    dark = tab.evaluate(paper)
    tab.get_by_role("button", name="Light").click()
    assert tab.evaluate(paper) != dark
    tab.reload()
    assert tab.evaluate(paper) != dark


@pytest.mark.parametrize("page", ["index.html", "tasks/symbolic-independence.html"])
def test_a_phone_scrolls_tables_and_not_the_page(opened, page):
    tab = opened(page, viewport={"width": 375, "height": 740})
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_keyboard_reaches_the_sorting(opened):
    tab = opened("index.html")
    tab.get_by_role("button", name="Place").focus()
    tab.keyboard.press("Enter")
    tab.wait_for_function("location.hash.includes('sort=place')")
    tab.keyboard.press("Enter")
    assert "way=falling" in tab.url
