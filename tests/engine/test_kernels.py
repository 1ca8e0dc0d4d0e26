import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from bimt_bench import data, recipes
from bimt_bench.engine import kernels
from bimt_bench.engine import loop as training
from bimt_bench.network import loops
from bimt_bench.spec import Configuration

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
ULPS = 4  # units in the last place that a compiled loop may be away from the true value


def near(found, expected, *, scale=1.0):
    """Asserts that numbers are a few roundings of `scale`, or of themselves, from the true ones."""
    allowed = ULPS * np.finfo(found.dtype).eps
    np.testing.assert_allclose(found, expected, rtol=allowed, atol=allowed * scale)


def activated(kind, z):
    """f(z) and f'(z) as the loops compute them, of some numbers in a row."""
    sums, active = z[None].copy(), np.empty_like(z[None])
    kernels.activate(kind, sums, np.zeros((1, 1), z.dtype), 0, 1, active)
    return active[0], sums[0]


@DTYPES
@pytest.mark.parametrize(
    ("kind", "function"),
    [
        (kernels.SILU, functional.silu),
        (kernels.RELU, functional.relu),
        (kernels.TANH, torch.tanh),
    ],
    ids=["silu", "relu", "tanh"],
)
def test_activations_and_slopes_are_exact_to_a_few_roundings(kind, function, dtype):
    near_zero = np.geomspace(1e-12, 1.0, 50)
    z = np.concatenate([np.linspace(-30, 30, 4001), near_zero, -near_zero]).astype(dtype)
    x = torch.from_numpy(z).double().requires_grad_()
    expected = function(x)
    expected.sum().backward()
    active, slopes = activated(kind, z)
    expected = expected.detach().numpy()
    allowed = ULPS * np.finfo(dtype).eps
    moderate = np.abs(z) < 5  # further out silu is a product with a sum that is nearly one
    np.testing.assert_allclose(active[moderate], expected[moderate], rtol=allowed)
    near(active, expected, scale=30.0)
    near(slopes, x.grad.numpy(), scale=5.0)  # silu's has a term z (1 - s), where s is nearly one


@DTYPES
@pytest.mark.parametrize("kind", [kernels.SILU, kernels.RELU, kernels.TANH])
def test_activations_beyond_every_scale_are_what_torch_gives(kind, dtype):
    z = np.array([1e4, -1e4, 1e10, -1e10, np.inf, np.nan], dtype)
    function = {kernels.SILU: functional.silu, kernels.RELU: torch.relu, kernels.TANH: torch.tanh}
    active, _ = activated(kind, z)
    expected = function[kind](torch.from_numpy(z)).numpy()
    np.testing.assert_allclose(active, expected, rtol=1e-6, atol=1e-25)


@DTYPES
def test_a_softmax_of_large_outputs_does_not_overflow(dtype):
    outputs = np.array([[500.0, -500.0, 3.0, 0.0, 1e4, 0.0]], dtype)  # two outputs, three samples
    classes, places = np.array([1, 0, 1]), np.array([[0, 1]])
    delta, gradient = np.empty_like(outputs), np.empty((1, 2), dtype)
    zeros = np.zeros((1, 2), dtype)
    kernels.cross_entropy_gradient(outputs, zeros, 0, classes, places, dtype(1), delta, gradient)
    columns = torch.from_numpy(outputs).double().view(2, 3)
    expected = torch.softmax(columns, 0) - functional.one_hot(torch.from_numpy(classes)).T
    near(delta.reshape(2, 3), expected.numpy())
    near(gradient[0], expected.sum(1).numpy(), scale=3.0)


@st.composite
def tables(draw):
    """Parameters, prices, gradients, moments and rates of a few members, with zeros among them."""
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    members, width = draw(st.integers(1, 4)), draw(st.sampled_from([1, 17, 64, 1500]))
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    made = [random.normal(size=(members, width)).astype(dtype) for _ in range(5)]
    made[0][:, ::5] = 0.0
    made[1], made[4] = np.abs(made[1]), np.abs(made[4])
    rates = random.uniform(1e-4, 1e-2, size=members).astype(dtype)
    rates[draw(st.integers(0, members)) :] = 0.0
    return made, rates


def updated(made, rates):
    copies = [table.copy() for table in made]
    number = made[0].dtype.type
    constants = np.tile(np.array([0, 0.1, 0.999, 0.001, 1.5, 1e-8, 1], number), (len(rates), 1))
    constants[:, 0], constants[:, 6] = rates, 1.0 - rates  # what a decay of 1 leaves
    kernels.penalised_adamw(*copies, constants)
    return copies


@settings(max_examples=40, deadline=None)
@given(tables())
def test_the_update_is_the_formula_and_each_members_own(case):
    made, rates = case
    theta, prices, gradient, first, second = (table.astype(np.float64) for table in made)
    found = updated(made, rates)
    total = gradient + np.sign(theta) * prices
    first, second = first + 0.1 * (total - first), 0.999 * second + 0.001 * total**2
    expected = theta * (1.0 - rates[:, None].astype(np.float64))
    expected -= rates[:, None] * first / (np.sqrt(second) * 1.5 + 1e-8)
    trains = rates > 0
    tolerance = 1e-6 if made[0].dtype == np.float32 else 1e-14
    for index, table in ((0, expected), (3, first), (4, second)):
        close = {"rtol": 10 * tolerance, "atol": tolerance}
        np.testing.assert_allclose(found[index][trains], table[trains], **close)
        np.testing.assert_array_equal(found[index][~trains], made[index][~trains])
    for member in range(len(rates)):
        alone = updated([table[member : member + 1] for table in made], rates[member : member + 1])
        for mine, everyone in zip(alone, found, strict=True):
            np.testing.assert_array_equal(mine[0], everyone[member])


@DTYPES
def test_a_soft_threshold_moves_towards_zero_and_leaves_true_zeros(dtype):
    theta = np.array([[0.5, -0.5, 0.1, -0.1, 0.0, 0.2], [1.0, -1.0, 0.0, 2.0, -3.0, 4.0]], dtype)
    prices, rates = np.full_like(theta, 2.0), np.array([0.1, 0.0], dtype)
    before = theta.copy()
    kernels.shrink(theta, prices, rates)
    np.testing.assert_allclose(theta[0], [0.3, -0.3, 0, 0, 0, 0], atol=1e-7)
    np.testing.assert_array_equal(theta[0, 2:5], 0.0)
    np.testing.assert_array_equal(theta[1], before[1])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@DTYPES
def test_one_entry_that_is_no_number_is_found_wherever_it_stands(dtype, value):
    entries = np.full(67, np.finfo(dtype).max)
    assert kernels.all_finite(entries)
    for place in (0, 33, 66):
        other = entries.copy()
        other[place] = value
        assert not kernels.all_finite(other)


def hashed(key, step, place):
    """One number of `uniform_rows` by the integers of Python, which have no size."""
    half, whole = (1 << 32) - 1, (1 << 64) - 1
    x = key + step * 0x9E3779B97F4A7C15 & whole
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & whole
    x = (x ^ x >> 27) * 0x94D049BB133111EB & whole
    x ^= x >> 31
    low, high = x & half, x >> 32
    x = place * 0x9E3779B1 & half ^ low
    x = (x ^ x >> 16) * 0x7FEB352D & half
    x = (x ^ x >> 15 ^ high) * 0x846CA68B & half
    return ((x ^ x >> 16) >> 8) / 2**24


@DTYPES
def test_uniform_numbers_are_the_hash_of_key_step_and_place(dtype):
    keys, found = np.array([3, 2**63 - 1]), np.empty((2, 4000), dtype)
    kernels.uniform_rows(keys, 7, found)
    expected = [[hashed(int(key), 7, place) for place in range(4000)] for key in keys]
    np.testing.assert_array_equal(found, np.array(expected))
    assert found.min() >= 0.0 and found.max() < 1.0
    assert abs(found.mean() - 0.5) < 0.01 and abs(found.std() - 12**-0.5) < 0.01
    assert abs(np.corrcoef(found)[0, 1]) < 0.05
    other = np.empty_like(found)
    kernels.uniform_rows(keys, 8, other)
    assert abs(np.corrcoef(found[0], other[0])[0, 1]) < 0.05


@DTYPES
def test_masks_are_zero_where_uniform_numbers_are_below_the_share(dtype):
    keys, numbers = np.array([3, 4]), np.empty((2, 1000), dtype)
    shares, found = np.array([0.25, 0.0], dtype), np.empty((2, 1000), dtype)
    kernels.uniform_rows(keys, 7, numbers)
    kernels.mask_rows(keys, 7, shares, found)
    np.testing.assert_array_equal(found[0], np.where(numbers[0] < 0.25, 0, dtype(1) / dtype(0.75)))
    np.testing.assert_array_equal(found[1], 1.0)


@pytest.mark.parametrize(("across", "along"), [(20, 5), (5, 15)], ids=["apart", "side by side"])
def test_rows_that_are_taken_and_put_back_are_where_they_were(across, along):
    random = np.random.default_rng(0)
    table = random.normal(size=(3, 4 + 6 * 5 + 2)).astype(np.float32)
    chosen = np.array([0, 2, 5])
    found = np.zeros(60, np.float32)
    kernels.take_rows(table, 4, 5, chosen, found, across, along)
    matrix = table[:, 4:34].reshape(3, 6, 5)
    starts = np.arange(3)[:, None] * across + np.arange(3) * along
    np.testing.assert_array_equal(found[starts[..., None] + np.arange(5)], matrix[:, chosen])
    assert np.count_nonzero(found) == 45
    other = np.ones_like(table)
    kernels.put_rows(found, across, along, chosen, other, 4, 5, 6)
    expected = np.zeros_like(matrix)
    expected[:, chosen] = matrix[:, chosen]
    np.testing.assert_array_equal(other[:, 4:34].reshape(3, 6, 5), expected)
    np.testing.assert_array_equal(other[:, [0, 1, 2, 3, 34, 35]], 1.0)


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        ([], [0, 1, 2, 3]),
        ([1, 5, 8], [0, 1, 5, 8]),
        ([0, 1, 2, 3], [0, 1, 2, 3]),
        ([2, 3, 6, 7, 9], [0, 1, 2, 3, 4, 6, 7, 9]),
        ([0, 1, 2, 3, 4, 5, 6, 7, 8], list(range(10))),
    ],
)
def test_used_columns_come_in_groups(used, expected):
    rows = np.zeros((3, 10), np.float32)
    rows[1, used] = np.nan
    np.testing.assert_array_equal(loops.used_columns(rows, 4), expected)


@pytest.mark.parametrize("name", ["symbolic/independence", "modular/addition_59", "vision/digits"])
def test_loops_are_compiled_before_the_first_step(shortened, monkeypatch, name):
    monkeypatch.setattr("bimt_bench.network.columns.WIDE", 16)  # digits: blank pixels apart
    task = shortened(name, steps=2, log_every=1)
    members = [recipes.resolve(task, Configuration(), seed) for seed in range(3)]
    loaded = data.load(task.data)
    run = training.Run(task, loaded, tuple(members), training.start(task, loaded, members))
    before = {loop.__name__: len(loop.signatures) for loop, _ in loops._LOOPS}
    assert min(before.values()) >= 1
    assert list(run.steps()) == [True, True]
    assert {loop.__name__: len(loop.signatures) for loop, _ in loops._LOOPS} == before


def test_processes_that_compile_at_once_do_not_get_in_each_others_way(tmp_path):
    # a few loops show it as well as all, which take a minute to compile
    code = (
        "import sys, numpy as np; from bimt_bench.engine import kernels;"
        "from bimt_bench.network import loops; few = ('order_rows', 'all_finite', 'used_columns');"
        "loops._LOOPS[:] = [one for one in loops._LOOPS if one[0].__name__ in few];"
        "assert len(loops._LOOPS) == 3; loops.prepare(sys.argv[1]);"
        "f = np.dtype(sys.argv[1]).type; rows, found = np.ones((2, 3), f), np.zeros((1, 6), f);"
        "kernels.order_rows(rows, np.array([[1, 0]]), found); print(found.sum())"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    for _ in range(2):  # compiled, then taken from the folder
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", code, dtype],
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
            )
            for dtype in ("float32", "float64", "float32")
        ]
        outputs = [process.communicate(timeout=120)[0] for process in processes]
        assert outputs == ["6.0\n"] * 3
    assert list(tmp_path.rglob("*.nbc"))
