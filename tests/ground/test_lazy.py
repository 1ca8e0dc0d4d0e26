"""Names of folders that are loaded when first used: all there are, and a clear error for others."""

from importlib import import_module

import pytest

FOLDERS = ["results", "results.tradeoff", "tuning", "leaderboard"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_name_of_a_folder_has_a_home(folder: str) -> None:
    module = import_module(f"bimt_bench.{folder}")
    assert all(getattr(module, name) is not None for name in module.__all__)


@pytest.mark.parametrize("folder", FOLDERS)
def test_any_other_name_is_no_attribute(folder: str) -> None:
    module = import_module(f"bimt_bench.{folder}")
    with pytest.raises(AttributeError, match=f"module 'bimt_bench.{folder}' has no attribute 'x_'"):
        _ = module.x_
