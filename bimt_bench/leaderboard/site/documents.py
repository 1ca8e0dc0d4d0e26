"""Pages that are made of the documentation: there is one text, and the site shows it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from bimt_bench.ground import InputError
from bimt_bench.spec import catalog

_NAMES = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Document:
    """A page of the documentation: its file, where it goes, and what the site calls it."""

    source: str
    page: str
    title: str


DOCUMENTS = (
    Document("leaderboard-ranks.md", "about/ranks.html", "How ranks are made"),
    Document("leaderboard-trust.md", "about/trust.html", "What can be proven"),
    Document("leaderboard.md", "about/entering.html", "How to enter"),
)


def rendered(document: Document) -> str:
    """The document as HTML; links to pages that the site lacks are text.

    InputError without markdown-it-py.
    """
    markdown = _markdown()
    file = catalog.shipped("docs") / document.source
    tokens = markdown.parse(file.read_text(encoding="utf-8"))
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrSet("id", _name(tokens[place + 1].content))
        if token.type == "inline":
            token.children = _linked(token.children or [])
    return markdown.renderer.render(tokens, markdown.options, {})


def _markdown() -> Any:
    try:
        kind = import_module("markdown_it").MarkdownIt
    except ImportError as error:
        raise InputError(
            "site: needs markdown-it-py, which is not installed: "
            "pip install 'bimt-bench[leaderboard]'"
        ) from error
    markdown = kind("commonmark", {"html": False}).enable("table")
    markdown.add_render_rule("fence", _code)
    markdown.add_render_rule("table_open", _table_opens)
    markdown.add_render_rule("table_close", _table_closes)
    return markdown


def _code(_: Any, tokens: Sequence[Any], place: int, *__: Any) -> str:
    """A block of code, which the keyboard can reach to scroll it."""
    text = import_module("markupsafe").escape(tokens[place].content)
    return f'<pre tabindex="0" role="region" aria-label="Example"><code>{text}</code></pre>\n'


def _table_opens(*_: Any) -> str:
    return '<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>'


def _table_closes(*_: Any) -> str:
    return "</table></div>"


def _linked(parts: Sequence[Any]) -> list[Any]:
    """Links to documents of the site lead to their pages; others, but for https, are left out."""
    found, dropped = [], False
    for part in parts:
        if part.type == "link_open":
            target = _target(str(part.attrGet("href")))
            dropped = target is None
            if target is not None:
                part.attrSet("href", target)
        if dropped and part.type in ("link_open", "link_close"):
            dropped = part.type == "link_open"
            continue
        found.append(part)
    return found


def _target(link: str) -> str | None:
    if link.startswith(("https://", "#")):
        return link
    name, _, part = link.partition("#")
    for one in DOCUMENTS:
        if one.source == name:
            return f"../{one.page}" + (f"#{part}" if part else "")
    return None


def _name(heading: str) -> str:
    return _NAMES.sub("-", heading.lower()).strip("-")
