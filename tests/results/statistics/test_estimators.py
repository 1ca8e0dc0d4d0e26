"""Intervals, volumes and tests against closed forms, brute force and simulated coverage."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmarks.coverage import FRONTS, planes
from bimt_bench.results.statistics import (
    compare,
    compare_pairs,
    corner_range,
    fair_number,
    half_split,
    holm,
    improvement,
    interquartile_mean,
    ranks_over_corners,
    raw_volume,
    smoothed,
    t_interval,
    two_part_interval,
    volume_per_tries,
)


def test_the_interval_of_a_mean_is_scipys():
    values = np.array([0.1, 0.4, 0.35, 0.8])
    mean, low, high = t_interval(values)
    wanted = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert (mean, low, high) == pytest.approx((values.mean(), wanted.low, wanted.high))


def test_one_seed_has_no_interval():
    assert math.isnan(t_interval(np.array([0.5]))[1])
    assert np.isnan(smoothed(np.ones((2, 1)), np.ones((2, 1))).low).all()
    assert np.isnan(half_split(np.ones((2, 1)), np.ones((2, 1))).value).all()


def test_lost_seeds_count_as_the_trivial_predictor():
    finished = np.array([0.90, 0.92, 0.88])
    found = two_part_interval(finished, lost=2, trivial=0.0)
    assert found.value == pytest.approx(0.6 * 0.9)
    lower, upper = (stats.beta.ppf(0.025, 2, 4), stats.beta.ppf(0.975, 3, 3))
    half = t_interval(finished)[2] - 0.9
    assert found.low == pytest.approx(0.54 - math.hypot(0.6 * half, 0.9 * (upper - 0.4)))
    assert found.high == pytest.approx(0.54 + math.hypot(0.6 * half, 0.9 * (0.4 - lower)))
    assert two_part_interval(np.array([]), lost=3, trivial=0.1).value == 0.1
    assert two_part_interval(finished, lost=0, trivial=0.0).value == pytest.approx(0.9)


def test_where_less_is_better_losses_raise_the_mean_and_the_interval_reaches_that_far():
    found = two_part_interval(np.array([0.10, 0.11, 0.12]), lost=1, trivial=1.0)
    mirrored = two_part_interval(-np.array([0.10, 0.11, 0.12]), lost=1, trivial=-1.0)
    assert (found.low, found.high) == pytest.approx((-mirrored.high, -mirrored.low))


points = st.lists(
    st.tuples(*[st.floats(-0.5, 1.0, allow_subnormal=False).map(lambda v: round(v, 3))] * 2),
    min_size=1,
    max_size=8,
)


@given(points)
def test_the_raw_volume_is_moocores(given):
    moocore = pytest.importorskip("moocore")
    x, y = np.array(given).T
    wanted = moocore.hypervolume(np.array(given), ref=[0, 0], maximise=True)
    assert raw_volume(x, y) == pytest.approx(wanted, abs=1e-12)


def naive_h(x, y):
    """H as it is written, a split and a point at a time."""
    count, seeds = x.shape
    found, half = [], seeds // 2
    sets = {frozenset(c) for c in combinations(range(seeds), half)}
    sets |= {frozenset(range(seeds)) - c for c in sets}
    for chosen in sets:
        here, there = sorted(chosen), sorted(set(range(seeds)) - chosen)
        value, best, before = 0.0, 0.0, None
        for i in sorted(range(count), key=lambda i: -x[i, here].mean()):
            if x[i, here].mean() <= 0 or y[i, here].mean() <= best:
                continue
            rise = y[i] - (0 if before is None else y[before])
            value += x[i, there].mean() * rise[there].mean()
            value -= np.cov(x[i], rise)[0, 1] / len(there)
            best, before = y[i, here].mean(), i
        found.append(value)
    return np.mean(found)


@pytest.mark.parametrize("seeds", [2, 3, 4, 5])
def test_h_is_the_mean_over_splits_written_out(seeds):
    generator = np.random.default_rng(seeds)
    x, y = generator.normal(0.4, 0.3, (2, 3, 5, seeds))
    wanted = [naive_h(x[i], y[i]) for i in range(3)]
    assert half_split(x, y).value == pytest.approx(wanted)


def test_the_shares_are_the_volumes_gradient_times_deviations():
    generator = np.random.default_rng(3)
    x, y = generator.normal(0.5, 0.1, (2, 4, 5))
    shares = smoothed(x, y).shares
    mean_x, mean_y, step = x.mean(axis=1), y.mean(axis=1), 1e-6
    for seed in range(5):
        dx, dy = x[:, seed] - mean_x, y[:, seed] - mean_y
        ahead, behind = (raw_volume(mean_x + s * dx, mean_y + s * dy) for s in (step, -step))
        assert shares[seed] == pytest.approx((ahead - behind) / (2 * step), rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("name", FRONTS)
@pytest.mark.parametrize("seeds", [3, 5])
def test_the_intervals_of_volumes_hold_the_truth_and_h_has_no_bias(name, seeds):
    x, y = planes(FRONTS[name], seeds, 600, np.random.default_rng(1))
    truth = float(raw_volume(*FRONTS[name]))
    for estimate, least in ((half_split(x, y), 0.92), (smoothed(x, y), 0.90)):
        assert ((estimate.low <= truth) & (truth <= estimate.high)).mean() >= least
    assert half_split(x, y).value.mean() == pytest.approx(truth, rel=0.09)
    if "equal" in name:
        assert half_split(x, y).value.mean() == pytest.approx(truth, rel=0.02)
        assert raw_volume(x.mean(axis=-1), y.mean(axis=-1)).mean() > 1.15 * truth


def test_equal_recipes_are_rarely_told_apart_and_larger_ones_are():
    generator, front = np.random.default_rng(5), FRONTS["a front of 8"]

    def share(other):
        told = 0
        for _ in range(120):
            pairs = []
            for means in (front, other):
                x, y = (values[0] for values in planes(means, 5, 1, generator))
                pairs.append((half_split(x, y), smoothed(x, y)))
            told += compare(pairs[0], {"other": pairs[1]})["other"].verdict != "not told apart"
        return told / 120

    assert share(front) <= 0.12
    assert share((1.5 * front[0], front[1])) >= 0.8


def test_a_tie_needs_the_whole_interval_within_the_margin():
    x, y = (values[0] for values in planes(FRONTS["a front of 4"], 5, 1, np.random.default_rng(2)))
    pair = (half_split(x, y), smoothed(x, y))
    assert compare(pair, {"itself": pair}, margin=0.01)["itself"].verdict == "tie"
    assert compare(pair, {"itself": pair})["itself"].verdict == "not told apart"
    nudged = x + 0.001
    close = (half_split(nudged, y), smoothed(nudged, y))
    assert compare(close, {"other": pair}, margin=1e-6)["other"].verdict == "better"


def test_holm_is_the_step_down_correction():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    found = holm([0.5, math.nan, 0.02])
    assert found[0] == 0.5
    assert math.isnan(found[1])
    assert found[2] == pytest.approx(0.04)


def test_the_middle_half_and_the_probability_of_improvement():
    assert interquartile_mean(np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 700.0])) == 3.5
    assert improvement(np.array([1.0, 2.0]), np.array([0.0, 1.0])) == pytest.approx(3.5 / 4)


def test_ranks_depend_on_the_corner():
    def plane(x, y):
        return np.repeat([[x]], 3, axis=1), np.repeat([[y]], 3, axis=1)

    recipes = {"wide": plane(1.0, 0.5), "tall": plane(0.5, 0.9), "last": plane(0.2, 0.2)}
    corners = np.array([[0.0, 0.0], [0.0, 0.4], [0.0, 0.45]])
    found = ranks_over_corners(recipes, corners)
    assert found["wide"].ranks == (1, 2, 2)
    assert found["wide"].standing == "depends"
    assert found["tall"].standing == "first at most"
    assert found["last"].standing == "never first"
    assert found["last"].range == (3, 3)
    assert ranks_over_corners(recipes, corners[:1])["wide"].standing == "first at all"
    assert corner_range((0.4, 0.8), (0.0, 0.0)).shape == (25, 2)
    beside = ranks_over_corners(recipes, corners, among=("tall", "last"))
    assert beside["tall"].ranks == (1, 1, 1)  # the wide one takes nobody's rank
    assert beside["wide"].ranks == found["wide"].ranks


def test_pairs_are_compared_each_on_its_own_seeds():
    generator = np.random.default_rng(3)
    large, small = (size + 0.01 * generator.normal(size=(2, 4, 8)) for size in (0.8, 0.5))

    def pair(values, seeds):
        x, y = values[..., :seeds]
        return half_split(x, y), smoothed(x, y)

    pairs = {n: (pair(large, n), pair(small, n)) for n in (5, 8)}
    found = compare_pairs(pairs)
    assert {one.verdict for one in found.values()} == {"better"}
    alone = compare_pairs({5: pairs[5]})[5]
    assert alone.value == found[5].value and alone.p <= found[5].p


def test_fewer_tries_give_a_smaller_volume_on_a_front_and_the_same_among_equals():
    front = (values[0] for values in planes(FRONTS["a front of 8"], 5, 1, np.random.default_rng(0)))
    x, y = front
    assert volume_per_tries(x, y, 3) < volume_per_tries(x, y, 8)
    assert volume_per_tries(x, y, 8) == pytest.approx(float(half_split(x, y).value))
    assert fair_number([8, 16]) == 4
    assert fair_number([3, 9]) is None
    with pytest.raises(ValueError, match="should be 1 to 8"):
        volume_per_tries(x, y, 9)
