"""A file to begin with, for every kind of one's own: it works as it is, and so does its test."""

import keyword
import re
from pathlib import Path

from bimt_bench.ground import InputError, Kinds, closest
from bimt_bench.spec import DATA, METRICS, MODELS, PLACEMENTS, RECIPES, catalog

_KINDS: dict[str, Kinds] = {
    "recipe": RECIPES,
    "metric": METRICS,
    "model": MODELS,
    "data": DATA,
    "placement": PLACEMENTS,
}
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TASK = re.compile(r"[a-z][a-z0-9_]*/[a-z][a-z0-9_]*")


def write_new(what: str, name: str, *, folder: Path) -> list[Path]:
    """Writes the file and its test; InputError for a name that is taken, or a file that is there.

    A task's name is family/name, and its file lies in a folder of its family.
    """
    allowed = [*_KINDS, "task"]
    if what not in allowed:
        raise InputError(
            f"new: '{what}' given{closest(what, allowed)} (allowed: {', '.join(allowed)})"
        )
    _check_name(what, name)
    root = catalog.shipped("templates") / what
    last = name.rpartition("/")[2]
    files = {
        folder / f"{name}{source.suffix}" if source.stem == what else folder / f"test_{last}.py": (
            _filled(source.read_text(encoding="utf-8"), name)
        )
        for source in sorted(root.iterdir())
        if source.is_file()
    }
    for file in files:
        if file.exists():
            raise InputError(f"new: '{file}' is there already; move it, or choose another name")
    try:
        for file, text in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8") as opened:
                opened.write(text)
    except OSError as error:
        raise InputError(f"new: cannot write to '{folder}': {error.strerror}") from error
    return list(files)


def _check_name(what: str, name: str) -> None:
    shape = _TASK if what == "task" else _NAME
    if not shape.fullmatch(name) or keyword.iskeyword(name):
        wanted = "family/name" if what == "task" else "one word"
        raise InputError(
            f"name: '{name}' given; should be {wanted} of small letters, digits and _, "
            "beginning with a letter"
        )
    taken = [task.name for task in catalog.tasks()] if what == "task" else _KINDS[what]
    if name in taken:
        raise InputError(f"name: there is a {what} '{name}' already; choose another name")


def _filled(text: str, name: str) -> str:
    """A template under the name that was chosen."""
    last = name.rpartition("/")[2]
    words = last.split("_")
    return (
        text.replace("template/name", name)
        .replace("template_name", last)
        .replace("TemplateName", "".join(word.capitalize() for word in words))
        .replace("Template name", " ".join(words).capitalize())
    )
