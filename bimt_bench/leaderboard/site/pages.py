"""The pages as text: jinja2's templates, which escape all that is put into them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from bimt_bench.ground import InputError, __version__
from bimt_bench.leaderboard.entry import folder_name
from bimt_bench.leaderboard.standings import Chosen, Ranking, TaskTable


@dataclass(frozen=True)
class Pages:
    """What makes the pages of a ranking."""

    ranking: Ranking
    templates: Any

    @classmethod
    def load(cls, ranking: Ranking) -> "Pages":
        """The templates of this package; InputError without jinja2."""
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
        templates.filters |= {"number": number, "page": page_of, "power": power}
        templates.globals |= {"tables": ranking.tables, "version": __version__}
        return cls(ranking, templates)

    def overview(self) -> bytes:
        """All entries of all tasks, and methods across tasks."""
        standings = [one for table in self.ranking.tables for one in table.standings]
        return self._page(
            "overview.html",
            root="",
            rows=[(table, one) for table in self.ranking.tables for one in table.standings],
            overall=self.ranking.overall,
            scales={table.task: scale(table) for table in self.ranking.tables},
            families=_sorted(one.task.split("/")[0] for one in standings),
            recipes=_sorted(one.recipe_title for one in standings),
            badges=_sorted(one.level if one.control is None else "control" for one in standings),
        )

    def task(self, table: TaskTable, figure: Mapping[str, Any]) -> bytes:
        """One task."""
        return self._page("task.html", root="../", table=table, figure=figure, scale=scale(table))

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
    found = getattr(value, axis).mean if isinstance(value, Chosen) else value
    return "" if found is None or not math.isfinite(found) else f"{found:.3g}"


def power(value: float | None) -> tuple[str, str] | None:
    """A number as its digits and its power of ten; None for none."""
    if not value:
        return None
    digits, exponent = f"{value:.1e}".split("e")
    return digits, str(int(exponent))


def page_of(task: str) -> str:
    """The page of a task, from the root of the site."""
    return f"tasks/{folder_name(task)}.html"
