"""The table of the engine against the plain loop, for the terminal."""

from collections.abc import Iterable

from rich import box
from rich.table import Table
from rich.text import Text

from benchmarks.speed.measure import Outcome


def of_speed(outcomes: Iterable[Outcome]) -> Table:
    """The engine against the plain loop, a case a row."""
    table = Table(
        title="Microseconds of one core for a step of one member",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        caption="products: share of a step that is matrix product, and their speed as a share of "
        "this machine's own large product",
        caption_justify="left",
    )
    table.add_column("case (pack)", no_wrap=True)
    for heading in ("plain", "engine", "times", "aim", "products"):
        table.add_column(heading, justify="right", no_wrap=True)
    for o in outcomes:
        ratio = f"{_short(o.ratio)} ({_short(o.lowest)}–{_short(o.highest)})"
        table.add_row(
            f"{o.case} ({o.members})",
            _short(o.plain_us),
            _short(o.population_us),
            Text(ratio, style="green" if o.ratio >= o.aim else "red"),
            f"{o.aim:g}",
            f"{o.product_share:.0%}, {o.product_rate:.0%}",
        )
    return table


def _short(value: float) -> str:
    """A number with as many decimals as still mean something."""
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"
