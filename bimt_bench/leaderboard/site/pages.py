"""The pages as text: jinja2's templates, which escape all that is put into them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

from bimt_bench import results
from bimt_bench.ground import InputError, __version__, size_words
from bimt_bench.leaderboard.entry import folder_name
from bimt_bench.leaderboard.site import charts, citation, documents, entries
from bimt_bench.leaderboard.site.documents import DOCUMENTS, Document
from bimt_bench.leaderboard.site.entries import EntryFacts
from bimt_bench.leaderboard.site.events import Event
from bimt_bench.leaderboard.site.networks import Drawings
from bimt_bench.leaderboard.standings import Chosen, Ranking, TaskTable


@dataclass(frozen=True)
class Pages:
    """What makes the pages of a ranking."""

    ranking: Ranking
    templates: Any

    @classmethod
    def load(cls, ranking: Ranking, facts: Sequence[EntryFacts]) -> "Pages":
        """The templates of this package; InputError without jinja2.

        facts: of the entries that have a page.
        """
        try:
            jinja = import_module("jinja2")
        except ImportError as error:
            raise InputError(
                "site: needs jinja2, which is not installed: pip install 'bimt-bench[leaderboard]'"
            ) from error
        templates = jinja.Environment(
            loader=jinja.PackageLoader("bimt_bench.leaderboard.site"),
            autoescape=True,
            undefined=jinja.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        templates.filters |= {
            "number": number, "short": results.number, "page": task_page, "power": power,
            "bytes": size_of, "told": told,
        }  # fmt: skip
        templates.globals |= {
            "tables": ranking.tables,
            "version": __version__,
            "documents": DOCUMENTS,
            "entry_page": entry_page,
            "paged": frozenset((one.entry.task, one.entry.name) for one in facts),
            "html": import_module("markupsafe").Markup,
        }
        return cls(ranking, templates)

    def overview(self) -> bytes:
        """All entries of all tasks, and methods across tasks."""
        rows = [
            (table, one)
            for table in self.ranking.tables
            for one in (*table.standings, *table.unranked)
        ]
        standings = [one for _, one in rows]
        return self._page(
            "overview.html",
            root="",
            here="index.html",
            rows=rows,
            overall=self.ranking.overall,
            scales={table.task: scale(table) for table in self.ranking.tables},
            families=_sorted(one.task.split("/")[0] for one in standings),
            recipes=_sorted(one.recipe_title for one in standings),
            badges=_sorted(one.level if one.control is None else "control" for one in standings),
        )

    def task(self, table: TaskTable, figure: Mapping[str, Any]) -> bytes:
        """One task."""
        here = task_page(table.task)
        return self._page(
            "task.html", root="../", here=here, table=table, figure=figure, scale=scale(table)
        )

    def entry(self, facts: EntryFacts, drawn: Drawings) -> bytes:
        """One entry."""
        verdict = facts.verdict if facts.current else None
        frames = [[asdict(frame) for frame in one.frames] for one in drawn.networks]
        return self._page(
            "entry.html",
            root="../../",
            here=entry_page(facts.entry.task, facts.entry.name),
            facts=facts,
            entry=facts.entry,
            verdict=verdict,
            standing=facts.standing,
            table=facts.table,
            drawn=drawn,
            frames=frames,
            charts=charts.charts(facts.members, facts.table.y.title),
            settings=entries.settings_of(facts),
            metrics=entries.metric_rows(verdict) if verdict is not None else (),
            dial_values=entries.dial_values(verdict) if verdict is not None else (),
            scale=scale(facts.table),
            bibtex=citation.bibtex(facts.entry),
        )

    def document(self, document: Document) -> bytes:
        """A page of the documentation."""
        text = documents.rendered(document)
        return self._page(
            "document.html", root="../", here=document.page, document=document, text=text
        )

    def changes(self, events: Sequence[Event]) -> bytes:
        """The change log."""
        return self._page("changes.html", root="", here="changes.html", events=events)

    def _page(self, template: str, **values: Any) -> bytes:
        return self.templates.get_template(template).render(**values).encode()


def _sorted(names: Any) -> Sequence[str]:
    return sorted(set(names))


def scale(table: TaskTable) -> float:
    """The right end of a task's intervals of volume, for bars that can be compared."""
    ends = [
        end
        for one in (*table.standings, *table.unranked)
        for end in (one.volume.value, one.volume.h_high)
        if math.isfinite(end)
    ]
    return max([*ends, 1e-9])


def number(value: float | Chosen | None, axis: str = "y") -> str:
    """A number to three digits; of a chosen configuration its mean; empty without one."""
    found: float | None = getattr(value, axis).mean if isinstance(value, Chosen) else value
    return "" if found is None or not math.isfinite(found) else f"{found:#.3g}".rstrip(".")


def told(value: object) -> str:
    """A name as people write it: 'batch size' for batch_size."""
    return str(value).replace("_", " ")


def power(value: float | None) -> tuple[str, str] | None:
    """A number as its digits and its power of ten; None for none."""
    if not value:
        return None
    digits, exponent = f"{value:.1e}".split("e")
    return digits, str(int(exponent))


def size_of(count: int) -> str:
    """Bytes in words: '2.9 MiB'."""
    if count < 1024:
        return f"{count} bytes"
    return f"{count / 1024:.3g} KiB" if count < 2**20 else size_words(count)


def task_page(task: str) -> str:
    """The page of a task, from the root of the site."""
    return f"tasks/{folder_name(task)}.html"


def entry_page(task: str, name: str) -> str:
    """The page of an entry, from the root of the site."""
    return f"entries/{folder_name(task)}/{name}.html"
