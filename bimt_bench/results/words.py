"""What tables, figures and MLflow call a recipe, and in which order recipes stand.

A recipe says it of itself. One that is not registered here (a frame of somebody's plug-in) goes by
its name, after the others.
"""

from collections.abc import Iterable, Mapping

from bimt_bench.recipes import RECIPES, differing, said, short

__all__ = [
    "dial_words",
    "differing",
    "in_order",
    "is_baseline",
    "number",
    "said_of_run",
    "setting_words",
    "title_of",
    "title_with_dial",
    "unpublished",
]


def title_of(recipe: str) -> str:
    """The recipe's title, or its name if it is not registered here."""
    return RECIPES[recipe].title if recipe in RECIPES else recipe.replace("_", " ")


def is_baseline(recipe: str) -> bool:
    """Whether it is the recipe that others are compared with."""
    return recipe in RECIPES and RECIPES[recipe].baseline


def in_order(recipes: Iterable[str]) -> list[str]:
    """Each recipe once: the baseline, the others as registered, then unknown ones by name."""
    known = {name: place for place, name in enumerate(RECIPES)}
    return sorted(set(recipes), key=lambda r: (not is_baseline(r), known.get(r, len(known)), r))


def number(value: float) -> str:
    """A number as people write it, to three digits: '0.3', '20000'."""
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e6 else f"{value:.3g}"


def dial_words(dial: str | None, value: float | None) -> str:
    """Where a dial stands, 'strength 0.3'; empty without a dial."""
    return "" if dial is None or value is None else f"{dial.replace('_', ' ')} {number(value)}"


def setting_words(values: Mapping[str, object], names: Iterable[str]) -> str:
    """The named settings, 'learning rate 0.01, geometry ring'; empty ones are left out."""
    return ", ".join(f"{n.replace('_', ' ')} {value}" for n, value in said(values, names).items())


def unpublished(values: Mapping[str, object], published: Mapping[str, object]) -> list[str]:
    """The settings, besides the dial, that differ from the task's `published` ones."""
    dial = values.get("dial")
    return [n for n, usual in published.items() if n != dial and values.get(n) != usual]


def said_of_run(values: Mapping[str, object], published: Mapping[str, object]) -> dict[str, str]:
    """Where the dial stands and what else is not as published, by name of the setting."""
    dial = values.get("dial")
    first = {} if dial is None else {str(dial): short(values["dial_value"])}
    return first | said(values, unpublished(values, published))


def title_with_dial(recipe: str, dial: str | None, value: float | None, *, others: str = "") -> str:
    """A configuration in a title or a legend: 'BIMT, strength 0.3, learning rate 0.01'.

    others: what `setting_words` says of its other settings.
    """
    return ", ".join(filter(None, [title_of(recipe), dial_words(dial, value), others]))
