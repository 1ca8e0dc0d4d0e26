import hypothesis.strategies as st
import torch
from hypothesis import given

from bimt_bench.engine.tiles import members_at_a_time, tiles
from bimt_bench.network.mlp import Mlp


@given(st.integers(1, 200), st.integers(1, 60) | st.none())
def test_tiles_are_all_members_once_in_few_even_runs(members, at_a_time):
    found = tiles(members, at_a_time)
    assert [i for rows in found for i in range(rows.start, rows.stop)] == list(range(members))
    sizes = [rows.stop - rows.start for rows in found]
    assert max(sizes) - min(sizes) <= 1
    if at_a_time is None:
        assert len(found) == 1
    else:
        assert max(sizes) <= at_a_time
        assert (len(found) - 1) * at_a_time < members


def test_large_networks_and_large_batches_go_few_at_a_time():
    small, large = Mlp((4, 20, 20, 2)), Mlp((784, 100, 100, 10), pinned=("input",))

    def count(architecture, samples, device="cpu"):
        return members_at_a_time(architecture, samples, dtype=torch.float32, device=device)

    assert count(small, 100) > count(small, 10_000) >= 1
    assert 1 <= count(large, 100) < count(small, 100)
    assert count(large, 10**9) == 1
    assert count(large, 100, "cuda") is None
