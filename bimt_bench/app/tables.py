"""Tables for the terminal: scorecards and trade-offs."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pandas as pd
from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from bimt_bench.results import Estimate, Line, Settings, TradeOff

ARROWS = {"higher": "↑", "lower": "↓"}


def of_scorecard(frame: pd.DataFrame, baseline: pd.DataFrame | None = None) -> Table:
    """The metrics of one configuration: mean and standard deviation over its seeds.

    In the registry's order, without those that no seed has; an arrow says which way is better.
    Beside them the means of `baseline`, the rows of a run of the baseline recipe: the
    configuration's own is green where it is better and red where it is worse.
    """
    from bimt_bench.metrics import METRICS, direction
    from bimt_bench.results import plain_cell, title_of, title_with_dial

    first = {str(name): plain_cell(value) for name, value in frame.iloc[0].items()}
    trained = frame[frame["status"] == "ok"]
    note = f"{len(trained)} of {len(frame)} seeds"
    if first["shortened"]:
        note += f", shortened to {first['steps']:,} steps"
    if any(name in frame and METRICS[name].cost == "draws" for name in METRICS):
        note += f", null models of {first['shuffles']} draws or more"
    recipe = title_with_dial(first["recipe"], first.get("dial"), first.get("dial_value"))
    table = Table(title=f"{first['task']} · {recipe} ({note})", title_justify="left")
    table.add_column("metric")
    table.add_column("mean", justify="right")
    table.add_column("std", justify="right")
    if baseline is not None:
        beside = title_of(str(baseline["recipe"].iloc[0]))
        table.add_column(f"{beside} ({len(baseline)} seeds)", justify="right")
    table.add_column("better")
    table.add_column("family", style="dim")
    for name, metric in METRICS.items():
        if name not in frame or trained[name].isna().all():
            continue
        values = trained[name]
        std = f"{values.std(ddof=1):.3g}" if len(values.dropna()) > 1 else "-"
        better = direction(name, str(first.get("performance_metric")))
        arrow = ARROWS[better]
        mean = Text(f"{values.mean():.4g}")
        cells = []
        if baseline is not None:
            usual = baseline[name].mean() if name in baseline else float("nan")
            cells = ["-" if pd.isna(usual) else f"{usual:.4g}"]
            mean.stylize(_better_style(values.mean(), usual, better))
        table.add_row(metric.title, mean, std, *cells, arrow, metric.family)
    for _, row in frame[frame["status"] != "ok"].iterrows():
        table.add_row(f"seed {row['seed']}: {row['reason']}", "-", "-", style="red")
    return table


def of_scores(scores: pd.DataFrame) -> Group:
    """Metrics that were measured of members, a table a task: means of each recipe's members.

    Below it why members have none, a line a metric and reason.
    """
    from bimt_bench.metrics import METRICS, direction, gap_lines
    from bimt_bench.results import title_of

    tables: list[Table | Text] = []
    for task, rows in scores.groupby("task", sort=False):
        recipes = dict(tuple(rows.groupby("recipe", sort=False)))
        table = Table(title=f"{task}: means of members", title_justify="left")
        table.add_column("metric")
        for recipe, own in recipes.items():
            members = "1 member" if len(own) == 1 else f"{len(own)} members"
            table.add_column(f"{title_of(str(recipe))} ({members})", justify="right")
        table.add_column("better")
        for name, metric in METRICS.items():
            if name not in rows or rows[name].isna().all():
                continue
            cells = (_mean_of(own[name]) for own in recipes.values())
            better = direction(name, str(rows["performance_metric"].iloc[0]))
            table.add_row(metric.title, *cells, ARROWS[better])
        tables.append(table)
        tables += [Text(line, style="dim") for line in gap_lines(rows)]
    return Group(*tables)


def _mean_of(values: pd.Series) -> str:
    """The mean, and of how many it is where some have no value."""
    known = values.dropna()
    if known.empty:
        return "-"
    mean = f"{known.mean():.4g}"
    return mean if len(known) == len(values) else f"{mean} ({len(known)} of {len(values)})"


def _better_style(value: float, usual: float, direction: str) -> str:
    """Green for better than usual, red for worse, nothing where that is unknown or equal."""
    gain = value - usual if direction == "higher" else usual - value
    if gain > 0:
        return "green"
    return "red" if gain < 0 else ""


def of_tradeoff(tradeoff: "TradeOff", *, performance: str) -> Table:
    """The configurations of a trade-off: seed means, intervals, and who is on the front.

    performance: the task's measure.
    """
    note = f"{tradeoff.members} members, {len(tradeoff.seeds)} seeds"
    if tradeoff.shortened:
        note += f", shortened to {tradeoff.steps:,} steps"
    if tradeoff.without:
        whole = tradeoff.members + tradeoff.without
        note = f"measured of {tradeoff.members} of {whole} members, {len(tradeoff.seeds)} seeds"
    if tradeoff.diverged:
        note += f", {tradeoff.diverged} diverged"
    title = f"{tradeoff.task} ({note})"
    table = Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        collapse_padding=True,
        caption=_caption(tradeoff),
        caption_justify="left",
    )
    # In a narrow terminal titles break, and numbers stay whole.
    table.add_column("recipe")
    dials = {p.settings.dial for p in tradeoff.points} - {None}
    several = any(line.others for line in tradeoff.lines)
    if several:
        table.add_column("settings", overflow="fold")
    else:
        heading = str(*dials) if len(dials) == 1 else "dial"
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column(f"{tradeoff.x} {ARROWS[tradeoff.x_direction]}", justify="right", no_wrap=True)
    measured = performance if tradeoff.y == "performance" else tradeoff.y
    y_heading = f"{measured} {ARROWS[tradeoff.y_direction]}"
    table.add_column(y_heading, justify="right", no_wrap=True)
    has_middle = _has_middle(tradeoff)
    if has_middle:
        table.add_column("middle\nhalf", justify="right", no_wrap=True)
    table.add_column("")  # the caption says what the dot means
    for line in tradeoff.lines:
        for point in line.points:
            table.add_row(
                line.title,
                _settings(point.settings, line.others, name_it=several or len(dials) > 1),
                _with_interval(point.x),
                _with_interval(point.y),
                *([f"{point.y.middle:#.4g}"] if has_middle else []),
                Text("●", style="green") if point.on_front else "",
            )
    return table


def _settings(settings: "Settings", others: Iterable[str], *, name_it: bool) -> str:
    """Where the dial stands, after its name where a table has several, and the `others`."""
    from bimt_bench.results import setting_words

    found = [setting_words(settings.values, others)]
    if settings.dial is not None and settings.dial_value is not None:
        value = f"{settings.dial_value:.4g}"
        found.insert(0, f"{settings.dial.replace('_', ' ')} {value}" if name_it else value)
    return ", ".join(filter(None, found))


def _has_middle(tradeoff: "TradeOff") -> bool:
    """Whether there are seeds enough for an interquartile mean to differ from the mean."""
    return any(len(point.seeds) + point.lost > 3 for point in tradeoff.points)


def _caption(tradeoff: "TradeOff") -> str:
    several = len(tradeoff.seeds) > 1
    found = "means of seeds (95 % intervals)" if several else "one seed, so no intervals"
    lost = sum(point.lost for point in tradeoff.points)
    if lost:
        found += f"; {lost} lost members count as the trivial predictor ({tradeoff.trivial:.3g})"
    if _has_middle(tradeoff):
        found += "; middle half: interquartile mean, which the worst runs do not rule"
    if tradeoff.searched_on:
        found += f"; searched on {tradeoff.searched_on}"
    versions = f"{tradeoff.x} v{tradeoff.x_version}, {tradeoff.y} v{tradeoff.y_version}"
    return f"{found}; ● on the front; {versions}"


def of_recipes_compared(tradeoff: "TradeOff") -> Table:
    """The recipes of a trade-off: their volumes, ranks, and which can be told apart."""
    corner = f"({tradeoff.reference.modularity:.3g}, {tradeoff.reference.performance:.3g})"
    table = Table(
        title=f"Recipes by the volume of their front, from the corner {corner}: {tradeoff.corner}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        collapse_padding=True,
        caption_justify="left",
    )
    table.caption = (
        "volume: H, chosen on half of the seeds and valued on the other (95 % interval); "
        "raw: of the means; ranks: over a range of corners"
    )
    for heading in ("rank", "recipe", "volume", "raw", "ranks", "from the first"):
        table.add_column(heading, no_wrap=heading == "volume")
    baseline = next((line.title for line in tradeoff.lines if line.baseline), None)
    if baseline is not None:
        table.add_column(f"beside {baseline}")
        table.add_column("runs better")
        table.caption += (
            f"; runs better: how often a run is better than one of {baseline}, "
            f"by {tradeoff.x} and by {tradeoff.y}"
        )
    order = sorted(tradeoff.lines, key=lambda line: -line.hypervolume.value)
    for line in order:
        better = [_better_runs(tradeoff, line)] if baseline is not None else []
        table.add_row(*_compared(line, beside=baseline is not None), *better)
    return table


def _compared(line: "Line", *, beside: bool) -> list[str | Text]:
    volume, found = line.hypervolume, line.standing
    shown = Text(f"{volume.value:#.3g} ")
    if math.isfinite(volume.h_low):
        shown.append(f"({volume.h_low:#.3g}..{volume.h_high:#.3g})", "dim")
    if volume.lost:
        shown.append(f" unreliable: {volume.lost} lost", "red")
    cells: list[str | Text] = ["-", line.title, shown, f"{volume.raw:#.3g}", "-", "-"]
    if found is not None:
        best, worst = found.ranks
        ranks = f"{best}" if best == worst else f"{best} to {worst}"
        cells[0] = str(found.rank)
        cells[4:] = [f"{ranks}, {found.standing}", found.first or "-"]
    if beside:
        against = None if found is None else found.beside
        cells.append("-" if against is None else f"{against.verdict} (p {against.p:.2g})")
    return cells


def _better_runs(tradeoff: "TradeOff", line: "Line") -> str:
    """On both axes; nothing of the baseline itself."""
    found = (tradeoff.improvement("x", line.recipe), tradeoff.improvement("y", line.recipe))
    if line.baseline or None in found:
        return "-"
    return ", ".join(f"{100 * share:.0f} %" for share in found if share is not None)


def _with_interval(found: "Estimate") -> Text:
    """A mean, and dimmed its interval if there are seeds for one."""
    if not found.has_interval:
        return Text(f"{found.mean:#.4g}")
    return Text.assemble(f"{found.mean:#.4g} ", (f"({found.low:#.3g}..{found.high:#.3g})", "dim"))
