"""Finite groups and operations: the published S4, the axioms of each group, and what is refused."""

import itertools
import time

import numpy as np
import pytest
from pydantic import ValidationError

from bimt_bench import data
from bimt_bench.data.groups import Groups, names, permutations, products
from bimt_bench.data.operation import Operation
from bimt_bench.ground import InputError
from bimt_bench.spec import catalog

ORDERS = {
    "S4": 24,
    "A5": 60,
    "D6": 12,
    "Z7": 7,
    "S_3": 6,
    "Z2 x Z4": 8,
    "Z3×Z3": 9,
    "S3 x Z2": 12,
    ((1, 0, 2), (1, 2, 0)): 6,
    ((1, 2, 3, 4, 0),): 5,
}


def groups(group, **others) -> Groups.Settings:
    return Groups.Settings(kind="groups", group=group, **others)


def test_s4_is_the_published_data() -> None:
    """Elements, products, order of pairs and split of the published example, written as it is."""
    loaded = data.load(catalog.task("groups/s4").data)
    elements = list(itertools.permutations(range(4)))
    place = {one: i for i, one in enumerate(elements)}
    pairs = np.array([(i % 24, i // 24) for i in range(24 * 24)])
    classes = np.array([place[tuple(elements[a][k] for k in elements[b])] for a, b in pairs])
    train = np.random.RandomState(1).choice(24**2, int(24**2 * 0.8), replace=False)
    test = np.array(sorted(set(range(24**2)) - set(train.tolist())))
    np.testing.assert_array_equal(loaded.train_inputs, pairs[train])
    np.testing.assert_array_equal(loaded.train_targets, classes[train])
    np.testing.assert_array_equal(loaded.test_inputs, pairs[test])
    np.testing.assert_array_equal(loaded.test_targets, classes[test])
    assert loaded.tokens == 24 and loaded.residues is None
    assert loaded.output_names[:3] == ("1234", "1243", "1324")


@pytest.mark.parametrize("group", ORDERS)
def test_every_group_is_one(group) -> None:
    elements = permutations(group)
    count = len(elements)
    assert count == ORDERS[group]
    table = products(elements).reshape(count, count).T  # row a, column b
    for lines in (table, table.T):
        assert (np.sort(lines, axis=1) == np.arange(count)).all()  # a Latin square
    assert (table[table] == table[:, table]).all()  # (a b) c = a (b c)
    assert (table[0] == np.arange(count)).all()  # the first element changes nothing
    assert len(set(names(group, elements))) == count


@pytest.mark.parametrize(
    ("group", "function"),
    [("Z7", lambda a, b: (a + b) % 7), ("Z2 x Z4", None)],
)
def test_rotations_are_named_by_their_steps(group, function) -> None:
    elements = permutations(group)
    found, count = names(group, elements), len(elements)
    steps = np.array([[int(step) for step in name.split(",")] for name in found])
    orders = np.array([7] if group == "Z7" else [2, 4])
    table = products(elements).reshape(count, count).T
    assert (steps[table] == (steps[:, None] + steps[None]) % orders).all()


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ("Q8", "data.group: 'Q8' given; should be S4, A5, D6, Z12 or their like"),
        ("S4 x", "data.group: 'S4 x' given"),
        ("", "data.group: '' given"),
        ("S20", "more than a billion elements; a group here has 2 to 1024"),
        ("S1000", "more than a billion elements"),
        ("A5 x A5", "3600 elements"),
        ("D999", "1998 elements"),
        (((*range(1, 64), 0), (1, 0, *range(2, 64))), "more than 1024 elements"),
        ("Z1", "1 elements; a group here has 2"),
        ("Z2000", "moves 2000 points"),
        (((0, 1), (1, 0, 2)), r"data.group.1: \[1, 0, 2\] given; should be 0 to 1"),
        (((0, 0),), r"data.group.0: \[0, 0\] given"),
        ((), "permutations of 0 points"),
    ],
)
def test_what_is_no_group_is_refused_in_one_line(group, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        Groups().load(groups(group))
    assert "\n" not in str(caught.value)


# ------------------------------------------------------------------------- tables of one's own


def operation(**given) -> Operation.Settings:
    return Operation.Settings(kind="operation", **given)


def test_a_table_says_what_pairs_give() -> None:
    table = ((0, 1, 2), (1, 1, 0), (2, 0, 2))
    loaded = Operation().load(operation(table=table, train_fraction=0.5))
    for pairs, classes in (
        (loaded.train_inputs, loaded.train_targets),
        (loaded.test_inputs, loaded.test_targets),
    ):
        assert [table[a][b] for a, b in pairs.tolist()] == classes.tolist()
    assert len(loaded.train_inputs) == 4 and len(loaded.test_inputs) == 5
    assert loaded.output_names == ("0", "1", "2") and loaded.tokens == 3


def test_a_file_is_the_table_that_it_holds(tmp_path) -> None:
    (tmp_path / "mine.csv").write_text("0, 1\n1, 0\n")
    read = operation(path=str(tmp_path / "mine.csv"))
    assert read.table == ((0, 1), (1, 0))
    assert read.digest() == operation(table=((0, 1), (1, 0))).digest()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (((0, 1),), "data.table: 1 rows given"),
        (((0, 1), (0,)), "data.table.1: 1 numbers in a table of 2 rows"),
        (((0, 1), (0, 2)), "data.table.1.1: 2 given; should be 0 to 1"),
        (((0, 0), (0, 0)), "data.table: every pair gives 0"),
    ],
)
def test_what_is_no_table_is_refused(table, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Operation().load(operation(table=table))


@pytest.mark.parametrize(
    ("content", "message"),
    [("0,x\n1,0\n", "valid integer"), (None, "cannot be read"), ("", "give a table")],
)
def test_a_file_that_holds_no_table_is_refused(tmp_path, content, message: str) -> None:
    if content is not None:
        (tmp_path / "mine.csv").write_text(content)
    with pytest.raises(ValidationError, match=message):
        operation(path=str(tmp_path / "mine.csv"))


@pytest.mark.parametrize("group", ["S4", "A5", "D6", "D1", "Z2 x Z4", ((1, 0, 2), (1, 2, 0))])
def test_products_are_those_of_permutations_one_by_one(group) -> None:
    elements = permutations(group)
    place = {tuple(element): i for i, element in enumerate(elements.tolist())}
    assert products(elements).tolist() == [
        place[tuple(a[b].tolist())] for b in elements for a in elements
    ]


def test_the_largest_groups_take_seconds() -> None:
    began = time.process_time()
    assert len(products(permutations("Z1024"))) == 1024**2
    assert time.process_time() - began < 30.0  # it took as long on an idle machine
