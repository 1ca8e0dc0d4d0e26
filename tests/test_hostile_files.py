"""Task and sweep files of all sorts: whatever they hold, they are read or refused in clear lines.

Mutations of the files that come along, random structures and random text. 300 in the suite; more
with BIMT_BENCH_FUZZ=10000 in the environment.
"""

import json
import os
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimt_bench import data, tuning
from bimt_bench.ground import InputError, unprintable
from bimt_bench.spec import catalog, yaml12
from bimt_bench.tuning.prepare import fitted
from tests.fuzzing import quiet

EXAMPLES = int(os.environ.get("BIMT_BENCH_FUZZ", "300")) // 2
MOST_SECONDS = 15.0  # of this process; most take less than 0.1
MOST_LINES = 21
FETCHED = "mnist"  # a kind of data that is fetched from the internet

ODD_NUMBERS = (
    -1, 0, 1, 2, 3, 7, 1000, 10**9, 2**31, 2**32, 2**63 - 1, 2**64, 10**40, -(10**40),
    -1.0, 0.0, -0.0, 0.1, 0.999999999, 1.000000000001, 1e-46, 5e-324, 1e39, 1e308,
    float("nan"), float("inf"), float("-inf"),
)  # fmt: skip
ODD_WORDS = (
    "", " ", "yes", "off", "010", "0x10", "1:00", "2001-01-01", "<<", "null", "~", "$", "$x^{",
    "\\",
    "\\frac", "\x1b[31m", "\ud800", "\u202e", "a\nb", "a\tb", "x" * 7000, "[red]", "[/]", "{}",
    "%s",
    "input", "hidden1", "output", "x1", "lambda", "../x", "/dev/zero", "mine.csv", "~", "line",
    "grid",
    "x1**x1**x1", "sin(10**99)*x1", "((x1+x2)**50+x1)**50", "*".join(["sin(x1)"] * 45),
    "max(x1,x2)**-3", "1/x1", "log(x1)", "1e-46*x1", "x1+1e-15*x2", "a*b+1", "a/b", "a**b", "S5",
    "Z2 x Z3", "A1", "D999", "bimt", "l1", "pruning", "mse", "accuracy", "r2",
    "symbolic/independence",
)  # fmt: skip
ODD_TEXT = (
    "!!timestamp x", "!!float _", "!!int ''", "!!bool 7", "!!python/object:os.x {}", "&a [*a]",
    "*a",
    "<<: *a", "{<<: {a: 1}}", "? [a]\n: 1", "- - -", "%YAML 1.1\n---\n", "---\n", "...\n", "\t",
    "'",
    '"', "|", ">-", "0x" + "f" * 5000, "9" * 5000, "1e999", "{" * 60, "[" * 60, "# ", ": ", "\x00",
    "\x85", "\ufeff", "&b ", "!", "!!str ", "1_000", "010", "1:00", "on",
)  # fmt: skip


@cache
def shipped(kind: str) -> dict[str, Any]:
    """Text of every file of a kind that comes along, by name, without data that are fetched."""
    root = catalog.shipped(kind)
    texts = {str(p.relative_to(root)): p.read_text() for p in sorted(root.rglob("*.yaml"))}
    return {name: text for name, text in texts.items() if FETCHED not in text}


def words() -> list[str]:
    """The names of fields and kinds in the files that come along."""
    found = set[str]()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            found.update(value)
            value = list(value.values())
        if isinstance(value, list):
            for one in value:
                walk(one)
        elif isinstance(value, str) and len(value) < 40:
            found.add(value)

    for kind in ("tasks", "sweeps"):
        for text in shipped(kind).values():
            walk(yaml12.load(text)[0])
    return sorted(found)


SCALARS = st.one_of(
    st.none(), st.booleans(), st.sampled_from(ODD_NUMBERS), st.sampled_from(ODD_WORDS),
    st.sampled_from(words()), st.integers(), st.floats(), st.text(max_size=20),
)  # fmt: skip
STRUCTURES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(st.sampled_from(words()) | st.text(max_size=8), inner, max_size=6),
    ),
    max_leaves=25,
)


def written(value: Any) -> str:
    """A structure as YAML, in the flow style; also what no file that comes along holds."""
    text = json.dumps(value, ensure_ascii=True)
    for name, number in (("NaN", ".nan"), ("-Infinity", "-.inf"), ("Infinity", ".inf")):
        text = text.replace(f" {name}", f" {number}")
    return text


@st.composite
def altered(draw: st.DrawFn, kind: str) -> str:
    """A file that comes along, with one to three of its fields altered."""
    names = sorted(shipped(kind))
    content = yaml12.load(shipped(kind)[draw(st.sampled_from(names))])[0]
    for _ in range(draw(st.integers(1, 3))):
        here: Any = content
        while True:
            keys = list(here) if isinstance(here, dict) else list(range(len(here)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(here[key], dict | list) and here[key] and draw(st.booleans()):
                here = here[key]
                continue
            match draw(st.sampled_from(["value", "value", "value", "structure", "drop", "rename"])):
                case "value":
                    here[key] = draw(SCALARS)
                case "structure":
                    here[key] = draw(STRUCTURES)
                case "drop":
                    del here[key]
                case "rename" if isinstance(here, dict):
                    here[draw(st.sampled_from(words()))] = here.pop(key)
            break
    return written(content)


@st.composite
def torn(draw: st.DrawFn, kind: str) -> str:
    """The text of a file that comes along, in which a piece was replaced."""
    text = shipped(kind)[draw(st.sampled_from(sorted(shipped(kind))))]
    at = draw(st.integers(0, len(text)))
    length = draw(st.integers(0, 40))
    return text[:at] + draw(st.sampled_from(ODD_TEXT) | st.text(max_size=10)) + text[at + length :]


def files(kind: str) -> st.SearchStrategy[str]:
    """Files of a kind, of all sorts."""
    odd = st.lists(st.sampled_from(ODD_TEXT) | st.text(max_size=10), max_size=8).map(" ".join)
    return st.one_of(
        altered(kind), altered(kind), torn(kind), STRUCTURES.map(written), odd, st.text(max_size=60)
    )


def judge(text: str, folder: Path, read: Callable[[str], Any]) -> None:
    """Reads a file: it must be accepted or refused in few clear lines, and soon."""
    if FETCHED in text:
        return
    file = folder / "file.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    began = time.process_time()
    try:
        read(str(file))
    except InputError as error:
        told = str(error)
        assert told.strip()
        assert len(told.splitlines()) <= MOST_LINES
        assert max(map(len, told.splitlines())) < 3000
        assert unprintable(told.replace(str(folder), "")) is None, told
    assert time.process_time() - began < MOST_SECONDS


def read_task(file: str) -> None:
    """As `bimt-bench run` does before it trains."""
    task = catalog.task(file)
    fitted(task, data.load(task.data))


def read_sweep(file: str) -> None:
    """As `bimt-bench sweep` does before anything starts."""
    tuning.check(catalog.sweep(file))


QUIET = quiet(EXAMPLES)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["tasks", "sweeps"])
def test_any_file_is_read_or_refused_in_clear_lines(tmp_path, kind: str) -> None:
    read = read_task if kind == "tasks" else read_sweep

    @QUIET
    @given(text=files(kind))
    def judged(text: str) -> None:
        judge(text, tmp_path, read)

    judged()
