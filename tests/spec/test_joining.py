"""Frames of different columns become one; order and types of columns follow from the frames."""

import pandas as pd
import pytest

from bimt_bench.packs import identity_frame
from bimt_bench.recipes import resolve
from bimt_bench.spec import Configuration, catalog, join, merged

TASK = catalog.task("symbolic/independence")


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        ([], ""),
        (["ac", "abc"], "abc"),
        (["abc", "ac"], "abc"),
        (["ad", "abd", "acd"], "acbd"),
        (["ab", "ba"], "ab"),
        (["b", "ab", "bc"], "abc"),
    ],
)
def test_a_new_name_stands_after_the_one_it_follows(orders, expected):
    assert "".join(merged(orders)) == expected


def identity(*recipes):
    return identity_frame([resolve(TASK, Configuration(recipe=name), 0) for name in recipes])


def test_settings_stand_together_whichever_recipes_share_a_pack():
    whole = list(identity("bimt"))
    assert list(identity("vanilla", "bimt")) == whole
    assert list(identity("l1", "bimt")) == list(identity("bimt", "l1", "vanilla")) == whole
    assert whole.index("dial_value") < whole.index("strength") < whole.index("steps")
    assert whole[-3:] == ["seed", "configuration", "member"]


def test_frames_of_different_recipes_keep_nullable_types():
    alone = [identity(name) for name in ("vanilla", "l1", "bimt")]
    joined = join(alone)
    together = identity("vanilla", "l1", "bimt")
    pd.testing.assert_frame_equal(joined, together)
    assert joined["swap_every"].dtype == "Int64" and joined["moments"].dtype == "string"
    assert joined["swap_every"].isna().tolist() == [True, True, False]


def test_one_frame_is_itself():
    frame = identity("l1", "bimt").assign(reason=None, seconds=1.5, shortened=True)
    pd.testing.assert_frame_equal(join([frame]), frame)
