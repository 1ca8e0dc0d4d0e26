"""What there is, for the terminal and for docs/settings.md: recipes, settings, speeds of packs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from bimt_bench.network import GEOMETRIES
from bimt_bench.recipes import RECIPES, settings_for
from bimt_bench.spec import GeometrySettings, Setting, TrainingSpec, settings_of

COLUMNS = ("allowed", "unit", "default", "what it is")
EVERYONES = ("training", "geometry")  # owners of the settings that every configuration has


def of_recipes() -> Table:
    """The recipes, a row each."""
    foreign = any(not RECIPES.source_of(name).built_in for name in RECIPES)
    table = Table(title="Recipes", title_justify="left")
    table.add_column("recipe", no_wrap=True)
    for heading in ("title", "dial", "equation", "source", *(["from"] if foreign else [])):
        table.add_column(heading, overflow="fold")
    for name, recipe in RECIPES.items():
        row = [name, recipe.title, recipe.dial or "-", recipe.equation, recipe.source]
        table.add_row(*map(Text, [*row, *([str(RECIPES.source_of(name))] if foreign else [])]))
    return table


def of_recipe(name: str) -> Group:
    """One recipe with every setting; InputError with the nearest name if there is none."""
    recipe = RECIPES.get_kind(name)
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    state = ", ".join(f"{table.name} (one for each {table.per})" for table in recipe.tables)
    for label, fact in (
        ("title", recipe.title),
        ("dial", recipe.dial or "none"),
        ("equation", recipe.equation),
        ("source", recipe.source),
        ("baseline", "yes: others are compared with it" if recipe.baseline else "no"),
        ("charge", _charge(recipe.charge) if recipe.overrides("prices") else "none"),
        ("state", state or "none"),
        ("from", str(RECIPES.source_of(name))),
    ):
        facts.add_row(label, Text(fact))
    table = Table(title="Settings (--set name=value)", title_justify="left")
    table.add_column("setting", no_wrap=True)
    for heading in ("of", *COLUMNS):
        table.add_column(heading, overflow="fold")
    for one in settings_for(recipe).values():
        table.add_row(*map(Text, (one.name, one.owner, *_row(one))))
    return Group(Text(name, style="bold"), facts, table)


def settings_page() -> str:
    """docs/settings.md: every setting of every recipe, made from the fields that declare them."""
    return "\n".join(_page()) + "\n"


def of_pack_speeds(task: str, speeds: Mapping[int, float]) -> Table:
    """Seconds that a step takes for each member, by size of pack."""
    table = Table(title=f"{task}: a training step of one member", title_justify="left")
    table.add_column("members a pack", justify="right")
    table.add_column("µs", justify="right")
    table.add_column("members' steps a second", justify="right")
    for size, seconds in speeds.items():
        table.add_row(str(size), f"{1e6 * seconds:,.1f}", f"{1.0 / seconds:,.0f}")
    return table


def _charge(charge: str) -> str:
    return "as part of the gradient" if charge == "gradient" else "by shrinking after each update"


def _row(one: Setting) -> tuple[str, str, str, str]:
    """What is allowed, in which unit, what is taken where nothing is given, and what it is."""
    traits = one.traits
    notes = [f"only where {name} is {value}" for name, value in traits.when.items()]
    notes += ["one for all that train together"] if traits.shared else []
    of_task = traits.of_task is not None or one.owner in EVERYONES
    default = "the task's" if of_task else str(one.cell(one.default))
    return one.allowed, traits.unit, default, "; ".join([one.doc, *notes])


def _page() -> Iterator[str]:
    yield "# Settings\n"
    yield (
        "Every setting of every recipe that ships, made by `bimt-bench recipes --markdown` from\n"
        "the fields that declare them. `bimt-bench run TASK --set name=value`, a keyword of\n"
        "`bimt_bench.train` and a `space` of a sweep take any of them.\n"
    )
    yield from _markdown(
        ["recipe", "title", "dial"],
        (
            [f"`{name}`", r.title, f"`{r.dial}`" if r.dial else "none"]
            for name, r in RECIPES.items()
        ),
    )
    yield "\n## Of recipes\n"
    yield from _markdown(
        ["setting", "recipes", *COLUMNS],
        (
            [_code(name), ", ".join(map(_code, recipes)), *row]
            for (name, row), recipes in _of_recipes().items()
        ),
    )
    yield "\n## Of training and geometry, under every recipe\n"
    owners = zip((TrainingSpec, GeometrySettings), EVERYONES, strict=True)
    everyones = [one for kind, name in owners for one in settings_of(kind, name=name)]
    yield from _markdown(
        ["setting", *COLUMNS], ([_code(one.name), *_row(one)] for one in everyones)
    )
    yield f"\nNamed geometries: {', '.join(map(_code, GEOMETRIES))}."


def _code(name: str) -> str:
    return f"`{name}`" if name else ""


def _of_recipes() -> dict[tuple[str, tuple[str, ...]], list[str]]:
    """Names of recipes by setting and its row; a setting that differs has a row of its own."""
    found: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for name, recipe in RECIPES.items():
        for one in settings_of(recipe.Settings, name=name):
            found.setdefault((one.name, _row(one)), []).append(name)
    return found


def _markdown(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for cells in (headings, ["---"] * len(headings), *rows):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
