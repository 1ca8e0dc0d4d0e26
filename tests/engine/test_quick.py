"""Activations by compiled loops: torch's values within rounding, its slopes, any member's bits."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.func import vmap

from bimt_bench.engine.quick import QuickActivations
from bimt_bench.network import prepare

TYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


def quick(given: torch.Tensor) -> torch.Tensor:
    prepare("float32" if given.dtype == torch.float32 else "float64")
    with QuickActivations():
        return torch.tanh(given)


@TYPES
def test_the_tangent_is_exact_within_rounding(dtype):
    given = torch.cat([torch.linspace(-12, 12, 100_001, dtype=dtype), torch.tensor([1e-30, 1e30])])
    given = given.to(dtype)
    exact = np.tanh(given.numpy().astype(np.longdouble))
    assert np.abs(quick(given).numpy() - exact).max() <= 3 * torch.finfo(dtype).eps
    shares = np.abs(quick(given[given != 0]).numpy() / exact[given.numpy() != 0] - 1)
    assert shares.max() <= 3 * torch.finfo(dtype).eps


def test_ends_and_what_is_undefined():
    given = torch.tensor([torch.nan, torch.inf, -torch.inf, 0.0, -0.0])
    found = quick(given)
    assert torch.isnan(found[0])
    assert found[1:].tolist() == [1.0, -1.0, 0.0, 0.0]


@given(st.integers(1, 5), st.integers(1, 70), st.integers(0, 2**31))
def test_a_members_bits_do_not_depend_on_its_pack_mates(members, entries, seed):
    generator = torch.Generator().manual_seed(seed)
    given = torch.randn(members, 16 * entries, generator=generator)
    together = quick(given)
    assert all(torch.equal(together[i], quick(given[i])) for i in range(members))


@TYPES
@pytest.mark.parametrize("call", [torch.tanh, torch.Tensor.tanh, torch.nn.Tanh()])
def test_slopes_are_those_of_torch_also_mapped_over_members(call, dtype):
    given = torch.randn(3, 4, 5, dtype=dtype, requires_grad=True)
    prepare(str(dtype).removeprefix("torch."))
    with QuickActivations():
        found = vmap(call, in_dims=1)(given)
    (slope,) = torch.autograd.grad(found.square().sum(), given)
    plain = torch.tanh(given)
    (wanted,) = torch.autograd.grad(plain.square().sum(), given)
    torch.testing.assert_close(found, plain.movedim(1, 0))
    torch.testing.assert_close(slope, wanted)


def test_other_types_are_left_to_torch():
    given = torch.randn(8).to(torch.bfloat16)
    with QuickActivations():
        assert torch.equal(torch.tanh(given), given.tanh())
        assert torch.tanh(given).dtype == torch.bfloat16
