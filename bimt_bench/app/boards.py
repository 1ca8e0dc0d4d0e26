"""Tables of the leaderboard for the terminal."""

import math
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from bimt_bench.leaderboard import Overall, Standing, TaskTable


def of_task(table: "TaskTable") -> Table:
    """The entries and controls of a task, in order of place."""
    corner = f"({table.reference.modularity:g}, {table.reference.performance:g})"
    shown = _plain(
        f"{table.task}: {table.y.title} against {table.x.title}, from the corner {corner}",
        "place: = where several cannot be told apart; volume: H (95 % interval); ranks: by H over "
        "a range of corners; kept: modularity at no more than 1 % of the baseline's performance "
        "lost; controls are dim and hold no place",
    )
    for heading in ("place", "entry", "recipe", "badge", "volume", "ranks", "kept", "operations"):
        shown.add_column(heading, no_wrap=heading == "place")
    for one in (*table.standings, *table.unranked):
        shown.add_row(*_row(one), style="dim" if one.control is not None else "")
    return shown


def _row(one: "Standing") -> list[str | Text]:
    volume = Text(f"{one.volume.value:#.3g} ")
    if math.isfinite(one.volume.h_low):
        volume.append(f"({one.volume.h_low:#.3g}..{one.volume.h_high:#.3g})", "dim")
    if one.lost:
        volume.append(f" {one.lost} of {one.members} lost", "red")
    return [
        one.place_text or "-",
        one.name,
        one.recipe_title,
        one.badge,
        volume,
        one.ranks_text or "-",
        "-" if one.kept is None else f"{one.kept.x.mean:.3g}",
        "-" if one.operations is None else f"{one.operations:.2g}",
    ]


def below(table: "TaskTable") -> list[str]:
    """What stands below a table: entries that are dated, left out, or have weights alone."""
    lines = [
        f"no place, as weights are all there is: {one.name} ({one.title})" for one in table.unranked
    ]
    lines += [
        f"dated, until scored again ({one.scored}): {', '.join(one.names)}" for one in table.dated
    ]
    return [*lines, *(f"not ranked: {one.name}, {one.why}" for one in table.left_out), *table.notes]


def of_overall(found: "Overall") -> Table:
    """The methods across tasks."""
    shown = _plain("Across tasks: places", "mean rank: of methods that are on every task")
    for heading in ("method", "recipe", "mean rank", *found.tasks):
        shown.add_column(heading)
    for one in found.methods:
        rank = "-" if one.mean_rank is None else f"{one.mean_rank:.2f}"
        places = (str(one.places.get(task, "-")) for task in found.tasks)
        shown.add_row(one.name, one.recipe, rank, *places)
    return shown


def _plain(title: str, caption: str) -> Table:
    return Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        collapse_padding=True,
        caption=caption,
        caption_justify="left",
    )
