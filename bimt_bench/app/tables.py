"""Tables for the terminal: tasks, scorecards and trade-offs."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pandas as pd
from rich import box
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from bimt_bench.results.tradeoff import Estimate, TradeOff
    from bimt_bench.spec import TaskSpec

ARROWS = {"higher": "↑", "lower": "↓"}


def of_tasks(tasks: Iterable["TaskSpec"]) -> Table:
    """The tasks, a row each."""
    table = Table(title="Tasks", title_justify="left")
    table.add_column("task", no_wrap=True)
    for heading in ("network", "loss", "steps", "lambda", "reduce"):
        table.add_column(heading, overflow="fold")
    for task in tasks:
        hidden = "-".join(str(n) for n in task.model.hidden)
        model = f"{hidden} {task.model.activation}"
        if task.model.kind == "embedding_mlp":
            model = f"embedding {task.model.embedding}, {model}"
        table.add_row(
            task.name,
            model,
            task.loss,
            f"{task.training.steps:,}",
            f"{task.penalty.lam:g}",
            task.penalty.reduce,
        )
    return table


def of_scorecard(frame: pd.DataFrame, baseline: pd.DataFrame | None = None) -> Table:
    """The metrics of one configuration: mean and standard deviation over its seeds.

    In the registry's order, without those that no seed has; an arrow says which way is better.
    Beside them the means of `baseline`, the rows of a vanilla run: the configuration's own is
    green where it is better and red where it is worse.
    """
    from bimt_bench.metrics import METRICS

    first = frame.iloc[0]
    trained = frame[frame["status"] == "ok"]
    note = f"{len(trained)} of {len(frame)} seeds"
    if first["shortened"]:
        note += f", shortened to {first['steps']:,} steps"
    if "shuffles" in frame:
        note += f", z against {first['shuffles']} shuffles"
    table = Table(title=f"{first['task']} · {first['recipe']} ({note})", title_justify="left")
    table.add_column("metric")
    table.add_column("mean", justify="right")
    table.add_column("std", justify="right")
    if baseline is not None:
        table.add_column(f"vanilla ({len(baseline)} seeds)", justify="right")
    table.add_column("better")
    table.add_column("family", style="dim")
    for name, metric in METRICS.items():
        if name not in frame or trained[name].isna().all():
            continue
        values = trained[name]
        std = f"{values.std(ddof=1):.3g}" if len(values.dropna()) > 1 else "-"
        arrow = ARROWS[metric.direction]
        mean = Text(f"{values.mean():.4g}")
        beside = []
        if baseline is not None:
            usual = baseline[name].mean() if name in baseline else float("nan")
            beside = ["-" if pd.isna(usual) else f"{usual:.4g}"]
            mean.stylize(_better_style(values.mean(), usual, metric.direction))
        table.add_row(metric.title, mean, std, *beside, arrow, metric.family)
    for _, row in frame[frame["status"] != "ok"].iterrows():
        table.add_row(f"seed {row['seed']}: {row['reason']}", "-", "-", style="red")
    return table


def _better_style(value: float, usual: float, direction: str) -> str:
    """Green for better than usual, red for worse, nothing where that is unknown or equal."""
    gain = value - usual if direction == "higher" else usual - value
    if gain > 0:
        return "green"
    return "red" if gain < 0 else ""


def of_tradeoff(tradeoff: "TradeOff", *, performance: str) -> Table:
    """The configurations of a trade-off: seed means, intervals, and who is on the front."""
    note = f"{tradeoff.members} members, {len(tradeoff.seeds)} seeds"
    if tradeoff.shortened:
        note += f", shortened to {tradeoff.steps:,} steps"
    if tradeoff.diverged:
        note += f", {tradeoff.diverged} diverged"
    title = f"{tradeoff.task} ({note}): hypervolume {tradeoff.hypervolume.value:.4g}"
    table = Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        caption="means of seeds (95 % intervals); ● on the front",
        caption_justify="left",
    )
    table.add_column("recipe", no_wrap=True)
    table.add_column("penalty", justify="right")
    table.add_column(f"{tradeoff.x} {ARROWS[tradeoff.x_direction]}", justify="right")
    table.add_column(f"{performance} {ARROWS[tradeoff.y_direction]}", justify="right")
    table.add_column("front")
    for point in tradeoff.points:
        table.add_row(
            point.settings.recipe,
            f"x{point.settings.strength:g}",
            _with_interval(point.x),
            _with_interval(point.y),
            Text("●", style="green") if point.on_front else "",
        )
    return table


def _with_interval(found: "Estimate") -> Text:
    """A mean, and dimmed its interval."""
    return Text.assemble(f"{found.mean:#.4g} ", (f"({found.low:#.3g}..{found.high:#.3g})", "dim"))
