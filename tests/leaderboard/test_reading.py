"""Entries are read as they were trained, and refused in clear lines whatever else lies there."""

import numpy as np

from bimt_bench.leaderboard import read


def test_an_entry_gives_back_what_was_trained(run, small_board) -> None:
    for folder in small_board.entries():
        found = read(folder)
        for record in found.members:
            trained = run.network(record.member).population.arrays(0)
            held = found.arrays(record.member)
            assert held.keys() == trained.keys()
            for name, array in trained.items():
                assert held[name].dtype == array.dtype
                np.testing.assert_array_equal(held[name], array)
            assert found.resolved(record).digest == record.member
