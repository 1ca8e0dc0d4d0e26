"""Times the engine on one core against training one network at a time."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.speed.cases import chosen
from benchmarks.speed.measure import measure
from benchmarks.speed.table import of_speed
from bimt_bench.ground import InputError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    cases: Annotated[list[str] | None, typer.Argument(help="all of them if none is named")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="times that each side is timed")] = 3,
    members: Annotated[int | None, typer.Option(min=1, help="in a pack")] = None,
    json: Annotated[bool, typer.Option("--json", help="print JSON, not a table")] = False,
    data_dir: Annotated[Path | None, typer.Option(envvar="BIMT_BENCH_DATA")] = None,
) -> None:
    """Time the engine on one core against training one network at a time."""
    out, err = Console(), Console(stderr=True)
    try:
        found = measure(
            chosen(cases or []),
            repeats=repeats,
            members=members,
            data_dir=data_dir,
            on_outcome=None if json else lambda o: err.print(f"{o.case}: {o.ratio:.1f}x"),
        )
    except InputError as error:
        err.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None
    if json:
        out.print_json(data=[outcome.model_dump() for outcome in found])
    else:
        out.print(of_speed(found))


if __name__ == "__main__":
    app()
