"""YAML by the core schema of 1.2: what words mean, what is refused and where, and limits."""

import math
import re
import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bimt_bench.spec import catalog, yaml12


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("010", 10), ("0o10", 8), ("0x1F", 31), ("-7", -7), ("+7", 7), ("08", 8),
        ("9223372036854775807", 2**63 - 1), ("1e3", 1000.0), ("1.", 1.0), (".5", 0.5),
        ("-1.5E+2", -150.0),
        (".inf", math.inf), ("-.INF", -math.inf), ("true", True), ("False", False),
        ("null", None), ("~", None), ("", None),
        # of YAML 1.1, and words in 1.2
        ("yes", "yes"), ("off", "off"), ("on", "on"), ("n", "n"), ("1:00", "1:00"),
        ("1_000", "1_000"),
        ("2001-01-01", "2001-01-01"), ("0b11", "0b11"), ("tRUE", "tRUE"), ("=", "="),
        ("1.2.3", "1.2.3"),
        ("!!str 7", "7"), ("!!int '7'", 7), ("!!float 7", 7.0), ("!!bool 'true'", True),
        ("'010'", "010"),
    ],
)  # fmt: skip
def test_a_word_means_what_the_core_schema_says(text: str, value: object) -> None:
    (found,) = yaml12.load(f"[{text}]")[0] if text else [yaml12.load(text)[0]]
    assert found == value
    assert type(found) is type(value)


def test_nan_is_a_number() -> None:
    assert math.isnan(yaml12.load(".nan")[0])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: !!timestamp x", "line 2, column 4: tag !!timestamp given; allowed here"),
        ("a: !!float _", "line 1, column 4: !!float '_' given, which is none"),
        ("a: !!int ''", "line 1, column 4: !!int '' given"),
        ("a: !!bool 7", "line 1, column 4: !!bool '7' given"),
        ("a: !!null x", "line 1, column 4: !!null 'x' given"),
        ("a: !!set {b: 1}", "line 1, column 4: tag !!set given; allowed here: !!map"),
        ("a: !!omap [b]", "line 1, column 4: tag !!omap given; allowed here: !!seq"),
        ("a: !own x", "line 1, column 4: tag !own given"),
        ("a: !!python/object/apply:os.system [x]", "line 1, column 4: tag !!python/object"),
        ("a: 0x" + "f" * 5000, "line 1, column 4: a number of 5,002 characters; at most 100"),
        ("a: " + "9" * 5000, "line 1, column 4: a number of 5,000 characters"),
        ("a: 9223372036854775808", "line 1, column 4: 9223372036854775808 is beyond whole numbers"),
        ("a: -1e999", "line 1, column 4: -1e999 is beyond numbers of 64 bits"),
        ("1: x", "line 1, column 1: '1' given as a name; names are words"),
        ("? [a]\n: 1", "line 1, column 3: a list or fields given as a name"),
        ("a" * 201 + ": 1", "line 1, column 1: a name of 201 characters; at most 200"),
        ('a: "\\e[31m"', "line 1, column 4: the control character '\\x1b', which is not allowed"),
        ('a: "\\ud800"', "line 1, column 4: the control character '\\ud800'"),
        ('a: "\\u202e"', "line 1, column 4: the control character '\\u202e'"),
        ('"\\0": 1', "line 1, column 1: the control character '\\x00'"),
        ("a: b\nc: \x07", "line 2, column 4: the character '\\x07' is not allowed"),
        ("a: [1", "line 1, column 6: "),
        ("a: 1\n---\nb: 2", "line 2, column 1: "),
        ("a: *b", "line 1, column 4: found undefined alias"),
        ("a: &b [*b]", "line 1, column 8: *b stands within what it names"),
        ("<<: 3", "line 1, column 5: << takes fields, or a list of such"),
        ("<<: [3]", "line 1, column 6: << takes fields"),
    ],
)  # fmt: skip
def test_what_is_refused_is_told_by_line_and_column(text: str, told: str) -> None:
    with pytest.raises(yaml12.YamlFault) as caught:
        yaml12.load(text)
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)


BOMB = "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12))
MERGES = "\n".join(
    f"m{i}: &m{i} {{<<: [{', '.join([f'*m{i - 1}'] * 10)}], k{i}: 1}}" for i in range(1, 12)
)
LONG = "x" * 60_000


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"a0: &a0 [1]\n{BOMB}\ntitle: *a11", "more than 100,000 values, with aliases written out"),
        (f"m0: &m0 {{k: 1}}\n{MERGES}", "more than 100,000 values, with aliases written out"),
        (f"a: &a {LONG}\nb: [{', '.join(['*a'] * 1000)}]", "more than 100,000 values"),
        ("[" * 100_000, "lists and fields are more than 50 deep"),
        ("{a: " * 51, "lists and fields are more than 50 deep"),
        ("- " * 5000, "lists and fields are more than 50 deep"),
        ("#" * 4_000_001, "4,000,001 characters; at most 4,000,000 are read"),
    ],
    ids=["aliases", "merges", "long text", "lists", "fields", "dashes", "characters"],
)
def test_what_would_take_long_or_much_memory_is_refused_soon(text: str, told: str) -> None:
    began = time.process_time()
    with pytest.raises(yaml12.YamlFault, match=told):
        yaml12.load(text)
    assert time.process_time() - began < 10.0


def test_values_are_counted(monkeypatch) -> None:
    monkeypatch.setattr(yaml12, "MOST_NODES", 100)
    assert len(yaml12.load(f"[{'1, ' * 99}]")[0]) == 99
    with pytest.raises(yaml12.YamlFault, match=r"^line 1, column 299: more than 100 values"):
        yaml12.load(f"[{'1, ' * 100}]")


def test_aliases_and_merge_keys_within_the_limits() -> None:
    text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc: {<<: [*a, *b], z: 5}\nd: {<<: *b}\ne: *a"
    found, repeated = yaml12.load(text)
    assert found["c"] == {"x": 1, "y": 2, "z": 5} and not repeated
    assert found["d"] == {"y": 3, "z": 4} and found["e"] == {"x": 1, "y": 2}
    assert list(yaml12.load("{<<: {b: 1, a: 2}, c: 3}")[0]) == ["b", "a", "c"]


def test_a_key_given_twice_is_told_by_line() -> None:
    assert yaml12.load("a: 1\nb: 2\na: 3")[1] == ["line 3: key 'a' is given twice; keep one"]


@pytest.mark.parametrize("kind", ["tasks", "sweeps"])
def test_files_that_come_along_mean_the_same_as_before(kind: str) -> None:
    for path in catalog.shipped(kind).rglob("*.yaml"):
        text = path.read_text()
        before = yaml.safe_load(text)
        assert yaml12.dump(yaml12.load(text)[0]) == yaml12.dump(_numbers_of(before)), path


def _numbers_of(value: object) -> object:
    """As PyYAML read them, but for 1e-3, which it takes for a word."""
    if isinstance(value, dict):
        return {key: _numbers_of(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_numbers_of(one) for one in value]
    is_number = isinstance(value, str) and re.fullmatch(r"[0-9.]+e-?[0-9]+", value)
    return float(str(value)) if is_number else value


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.sampled_from(["010", "09", "0o7", "1e5", "1e-3", "yes", "1:00", "2001-01-01", "<<", "~",
    "=", ""])
    | st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\u202a"
                            "\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["a", "010", "yes", "1e5", "1:0"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(content=PLAIN)
def test_what_is_written_reads_back_as_it_was(content: object) -> None:
    found, repeated = yaml12.load(yaml12.dump(content))
    assert repr(found) == repr(content) and not repeated
