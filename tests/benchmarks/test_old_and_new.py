"""Two checkouts timed in turn: this one against itself, and what is said of the ratios."""

from pathlib import Path

import pytest

from benchmarks.old_and_new import HERE, Spread, compare


def test_a_spread_is_that_of_ratios_pair_by_pair():
    spread = Spread.of([2.0, 6.0, 4.0], [2.0, 3.0, 1.0])
    assert (spread.lowest, spread.median, spread.highest) == (1.0, 2.0, 4.0)
    assert (spread.low, spread.high) == (1.5, 3.0)
    assert str(spread) == "2.000 (1.500 to 3.000, all 1.000 to 4.000)"


@pytest.mark.slow
def test_both_sides_and_the_control_train_the_same_pack():
    found = compare("symbolic/independence", HERE, pairs=2, steps=2)
    assert (found.case, found.members, found.steps, found.pairs) == (
        "symbolic/independence", 64, 2, 2,
    )  # fmt: skip
    assert found.other_us > 0 < found.this_us
    for spread in (found.ratio, found.band):
        assert 0 < spread.lowest <= spread.low <= spread.median <= spread.high <= spread.highest


@pytest.mark.slow
def test_a_folder_without_the_package_is_no_other_side(tmp_path: Path):
    with pytest.raises(RuntimeError, match="not loaded from there|exit code"):
        compare("symbolic/independence", tmp_path, pairs=1, steps=2)
