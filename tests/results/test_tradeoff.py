"""Trade-offs: means and intervals over seeds, fronts, hypervolume, readable summaries."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bimt_bench.ground import InputError
from bimt_bench.results.choice import median
from bimt_bench.results.tradeoff import TradeOff, tradeoff
from bimt_bench.spec import ReferencePoint
from tests.rows import member

ORIGIN = ReferencePoint(modularity=0.0, performance=0.0)


def of(rows, *, direction="higher", reference=ORIGIN, **other) -> TradeOff:
    return tradeoff(
        pd.DataFrame(rows),
        x="modularity_q",
        x_direction=direction,
        reference=reference,
        **other,
    )


def seeded(recipe, strength, xs, ys, **other):
    pairs = enumerate(zip(xs, ys, strict=True))
    return [member(recipe, strength, seed=s, x=x, y=y, **other) for s, (x, y) in pairs]


# --------------------------------------------------------------------------- seeds


def test_mean_deviation_and_interval_over_seeds():
    point = of(seeded("bimt", 1.0, [0.1, 0.2, 0.6], [0.9, 0.8, 0.4])).points[0]
    wanted = stats.ttest_1samp([0.1, 0.2, 0.6], 0.0).confidence_interval(0.95)
    assert point.x.mean == pytest.approx(0.3)
    assert point.x.std == pytest.approx(np.std([0.1, 0.2, 0.6], ddof=1))
    assert (point.x.low, point.x.high) == pytest.approx((wanted.low, wanted.high))
    assert point.y.low < point.y.mean < point.y.high


def test_one_seed_has_neither_interval_nor_deviation():
    result = of([member(x=0.25, y=0.75)])
    point = result.points[0]
    assert (point.x.mean, point.x.std, point.x.has_interval) == (0.25, None, False)
    assert result.hypervolume.raw == result.hypervolume.value == pytest.approx(0.1875)
    assert np.isnan(result.hypervolume.h_low)


def test_the_interquartile_mean_is_not_ruled_by_the_worst_run():
    point = of(seeded("bimt", 1.0, [0.1] * 4, [0.9, 0.91, 0.89, -5.0])).points[0]
    assert point.y.middle == pytest.approx(0.895)
    assert point.y.mean < 0


def test_identical_values_have_an_interval_of_no_width():
    point = of(seeded("bimt", 1.0, [0.1] * 3, [0.7] * 3)).points[0]
    assert (point.x.low, point.x.mean, point.x.high, point.x.std) == (0.1, 0.1, 0.1, 0.0)


def test_another_configuration_leaves_an_interval_as_it_is():
    rows = seeded("bimt", 1.0, [0.1, 0.3, 0.4], [0.5, 0.9, 0.8])
    more = rows + seeded("l1", 1.0, [0.7, 0.2, 0.3], [0.5, 0.4, 0.8])
    alone, joined = of(rows).lines[-1].points[0], of(more).lines[-1].points[0]
    assert (alone.x, alone.y) == (joined.x, joined.y)


# --------------------------------------------------------------------------- what is left out


def test_lost_members_count_as_the_trivial_predictor():
    rows = seeded("bimt", 1.0, [0.2, 0.4, 0.3], [0.88, 0.92, 0.9])
    rows += [member("bimt", 1.0, seed=s, x=np.nan, y=np.nan, status="diverged") for s in (3, 4)]
    result = of(rows, trivial=-0.1)
    point = result.points[0]
    assert (point.diverged, result.diverged, result.lost, point.lost) == (2, 2, 2, 2)
    assert point.y.mean == pytest.approx((3 * 0.9 + 2 * -0.1) / 5)
    assert point.x.mean == pytest.approx(0.9 / 5)
    assert (point.seeds, point.lost_seeds, result.members) == ((0, 1, 2), (3, 4), 5)
    assert result.hypervolume.lost == 2
    assert result.hypervolume.raw == pytest.approx(0.18 * 0.5)
    assert result.table()["diverged"].tolist() == [2]


def test_a_survivor_among_lost_members_does_not_lead():
    rows = [member("bimt", 1.0, seed=0, x=0.9, y=0.95)]
    rows += [member("bimt", 1.0, seed=s, x=None, y=None, status="diverged") for s in range(1, 6)]
    rows += seeded("l1", 1.0, [0.5] * 6, [0.9] * 6)
    result = of(rows)
    assert [p.settings.recipe for p in result.front] == ["l1"]
    ranks = {line.recipe: line.standing.rank for line in result.lines}
    assert ranks == {"l1": 1, "bimt": 2}


@pytest.mark.parametrize("hole", [{"x": np.nan}, {"y": np.nan}, {"x": np.inf}])
def test_unmeasured_members_count_as_lost(hole):
    rows = [member(x=0.2, y=0.4), member(seed=1, **hole)]
    point = of(rows).points[0]
    assert (point.unmeasured, point.diverged, point.seeds) == (1, 0, (0,))
    assert (point.x.mean, point.y.mean) == pytest.approx((0.1, 0.2))


def test_a_configuration_without_a_measured_member_is_missing():
    rows = [member("l1", x=0.2, y=0.4), member("bimt", 3.0, x=None, y=None, status="diverged")]
    result = of(rows)
    assert [m.settings.recipe for m in result.missing] == ["bimt"]
    assert [line.recipe for line in result.lines] == ["l1"]
    row = result.table().set_index("recipe").loc["bimt"]
    assert row[["x_mean", "x_std", "y_low"]].isna().all()
    assert (row["n_seeds"], row["diverged"], bool(row["on_front"])) == (0, 1, False)


def test_a_frame_in_which_nothing_finished_has_no_front_and_no_volume():
    result = of([member(x=None, y=None, status="diverged")])
    assert (result.front, result.lines) == ((), ())
    assert result.hypervolume.raw == result.hypervolume.value == 0.0
    assert len(result.table()) == 1
    assert result.recipe_table().empty


def test_a_member_that_stands_twice_counts_once():
    rows = seeded("bimt", 1.0, [0.2, 0.6], [0.5, 0.5])
    result = of([*rows, rows[0]])
    assert result.points[0].x.mean == pytest.approx(0.4)
    assert (result.repeated, result.members) == (1, 2)


# --------------------------------------------------------------------------- lines


def test_a_line_follows_the_dial_then_the_other_settings():
    rows = [
        member("bimt", 2.0, x=0.1),
        member("bimt", 0.5, locality=2.0),
        member("bimt", 0.5, locality=1.0, learning_rate=0.1),
        member("bimt", 0.5, locality=1.0, learning_rate=0.01),
        member("vanilla", 0.0),
    ]
    lines = of(rows).lines
    assert [line.recipe for line in lines] == ["vanilla", "bimt"]
    order = [p.settings for p in lines[1].points]
    assert [s.dial_value for s in order] == [0.5, 0.5, 0.5, 2.0]
    assert [(s.values["locality"], s.values["learning_rate"]) for s in order[:3]] == [
        (1, 0.01),
        (1, 0.1),
        (2, 2e-3),
    ]


def test_series_differ_in_the_dial_only():
    rows = [member("bimt", s, geometry=g) for s in (3.0, 0.3, 1.0) for g in ("line", "ring")]
    series = of(rows).lines[0].series
    assert [[p.settings.dial_value for p in run] for run in series] == [[0.3, 1.0, 3.0]] * 2
    assert [{p.settings.values["geometry"] for p in run} for run in series] == [{"line"}, {"ring"}]


# --------------------------------------------------------------------------- front and volume


@pytest.mark.parametrize(
    ("direction", "reference", "front", "volume"),
    [
        # Staircase over (1, 3), (2, 2), (3, 1) from the origin: 3 + 2 + 1 unit squares.
        ("higher", (0.0, 0.0), {1.0, 2.0, 3.0}, 6.0),
        # Smaller x is better: (1, 3) dominates all; its box to (4, 0) is 3 x 3.
        ("lower", (4.0, 0.0), {1.0}, 9.0),
    ],
)
def test_front_and_hypervolume_in_both_directions(direction, reference, front, volume):
    rows = [
        member("bimt", float(i), x=x, y=y)
        for i, (x, y) in enumerate([(1, 3), (2, 2), (3, 1), (1.5, 0.5)])
    ]
    corner = ReferencePoint(modularity=reference[0], performance=reference[1])
    result = of(rows, direction=direction, reference=corner)
    assert {p.x.mean for p in result.front} == front
    assert result.hypervolume.value == pytest.approx(volume)


def test_y_can_be_a_loss():
    rows = [member("bimt", 1.0, x=1.0, y=0.25), member("bimt", 2.0, x=0.5, y=0.5)]
    result = of(rows, y_direction="lower", reference=ReferencePoint(modularity=0, performance=1))
    assert [p.settings.dial_value for p in result.front] == [1.0]
    assert result.hypervolume.value == pytest.approx(0.75)


def test_equal_points_are_both_on_the_front():
    result = of([member("l1"), member("bimt"), member("bimt", 2.0, x=0.4, y=0.5)])
    assert sorted((p.settings.recipe, p.settings.dial_value) for p in result.front) == [
        ("bimt", 1.0),
        ("l1", 1.0),
    ]
    assert result.hypervolume.value == pytest.approx(0.25)


def test_points_worse_than_the_reference_contribute_nothing():
    corner = ReferencePoint(modularity=0.5, performance=0.5)
    rows = [member("bimt", 1.0, x=0.9, y=0.4), member("l1", 1.0, x=0.4, y=0.9)]
    assert of(rows, reference=corner).hypervolume.value == 0.0
    rows.append(member("bimt", 2.0, x=0.6, y=0.8))
    assert of(rows, reference=corner).hypervolume.value == pytest.approx(0.03)


def test_every_recipe_has_its_own_front_and_volume():
    rows = [member("l1", x=0.2, y=0.2), member("bimt", x=0.5, y=0.5)]
    result = of(rows)
    assert {line.recipe: line.hypervolume.value for line in result.lines} == {
        "bimt": pytest.approx(0.25),
        "l1": pytest.approx(0.04),
    }
    by_recipe = result.table().set_index("recipe")
    assert by_recipe["on_front"].to_dict() == {"bimt": True, "l1": False}
    assert by_recipe["on_recipe_front"].all()


def test_seeds_are_compared_in_pairs():
    # With xa > xb and ya = 1, yb = 2 the volume from (-10, 0) is xa + xb + 20. Seed by seed
    # xa + xb = 11, so the volume has no error, though xa and xb have.
    xs = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    rows = seeded("bimt", 1.0, 10 + xs, [1.0] * 5) + seeded("bimt", 2.0, 1 - xs, [2.0] * 5)
    volume = of(rows, reference=ReferencePoint(modularity=-10.0, performance=0.0)).hypervolume
    found = (volume.raw, volume.h, volume.h_low, volume.h_high)
    assert found == pytest.approx((31.0,) * 4)


def test_volumes_are_of_the_seeds_that_all_configurations_have():
    rows = seeded("l1", 1.0, [0.5, 0.6, 0.7], [0.5, 0.5, 0.5])
    rows += [member("l1", 2.0, seed=s, x=0.4, y=0.8) for s in (1, 2)]
    assert of(rows).lines[0].hypervolume.seeds == 2
    rows.append(member("bimt", 1.0, seed=2, x=1.0, y=1.0))
    result = of(rows)
    assert {line.recipe: line.hypervolume.seeds for line in result.lines} == {"l1": 2, "bimt": 1}
    assert all(line.standing is None for line in result.lines)
    assert np.isnan(result.recipe_table().set_index("recipe").loc["bimt", "hypervolume"])


def test_equal_configurations_gain_nothing_by_their_number():
    generator = np.random.default_rng(0)
    found = {"one": [], "nine": []}
    for _ in range(40):
        draws = 0.67 + 0.1 * generator.standard_normal((9, 2, 5))
        for name, count in (("one", 1), ("nine", 9)):
            rows = [r for i in range(count) for r in seeded("bimt", float(i + 1), *draws[i])]
            found[name].append(of(rows).hypervolume)
    means = {k: (np.mean([v.raw for v in f]), np.mean([v.h for v in f])) for k, f in found.items()}
    assert means["nine"][0] > 1.15 * means["one"][0]
    assert means["nine"][1] == pytest.approx(0.67**2, rel=0.05)
    assert means["one"][1] == pytest.approx(0.67**2, rel=0.05)


def ranked():
    """Three recipes on six seeds, of which the last two cannot be told apart."""
    generator = np.random.default_rng(2)
    rows = []
    for recipe, x in (("vanilla", 0.2), ("l1", 0.41), ("bimt", 0.4)):
        for dial, y in ((1.0, 0.9), (2.0, 0.8)):
            noise = 0.02 * generator.standard_normal((2, 6))
            rows += seeded(recipe, dial, x + dial / 10 + noise[0], y + noise[1])
    return of(rows)


def test_recipes_are_ranked_and_told_apart_only_where_they_can_be():
    lines = {line.recipe: line.standing for line in ranked().lines}
    assert {lines["l1"].rank, lines["bimt"].rank} == {1, 2}
    assert lines["vanilla"].rank == 3
    assert lines["vanilla"].beside is None
    assert lines["bimt"].beside.verdict == lines["l1"].beside.verdict == "better"
    assert lines["vanilla"].first == "worse"
    second = next(one for one in lines.values() if one.rank == 2)
    first = next(one for one in lines.values() if one.rank == 1)
    assert second.first == "not told apart"
    assert first.first is None
    assert lines["vanilla"].standing == "never first"


def test_the_recipe_table_has_all_three_volumes_and_the_verdicts():
    table = ranked().recipe_table().set_index("recipe")
    assert (table["hypervolume_low"] < table["hypervolume"]).all()
    assert (table["hypervolume"] < table["hypervolume_high"]).all()
    assert table.loc["bimt", "beside_baseline_p"] < 0.05
    assert table.loc["vanilla", "rank"] == 3
    assert table["lost"].eq(0).all()
    assert table["corner"].eq("given").all()


def improvements():
    """The baseline, one lost of two runs; a recipe of two configurations, one of them all lost."""
    gone = {"x": np.nan, "y": np.nan, "status": "diverged"}
    rows = seeded("vanilla", 0.0, [0.2, 0.4], [0.8, 0.6])
    rows += seeded("bimt", 1.0, [0.4, 0.5, 0.6], [0.9, 0.7, 0.5])
    return [*rows, member("bimt", 1.0, seed=3, **gone), member("bimt", 2.0, **gone)]


def test_how_often_a_run_is_better_than_the_baselines():
    result = of(improvements())
    table = result.table().set_index("dial_value")
    # of 2 x 4 pairs: better by x are 1.5 + 2 + 2 + 0, by y 2 + 1 + 0 + 0
    assert table.loc[1.0, "x_improvement"] == 5.5 / 8
    assert table.loc[1.0, "y_improvement"] == 3 / 8
    assert table.loc[2.0, "y_improvement"] == 0.0  # worse than everyone, as the trivial predictor
    own = table[table["recipe"] == "vanilla"]
    assert own["x_improvement"].tolist() == own["y_improvement"].tolist() == [0.5]


def test_how_often_a_run_is_better_where_less_is():
    result = of(
        improvements(), direction="lower", reference=ReferencePoint(modularity=1, performance=0)
    )
    # a lost one stands at the corner, which is the worst there is
    assert result.table().set_index("dial_value").loc[1.0, "x_improvement"] == 0.5 / 8


def test_the_recipe_table_has_means_of_all_runs_and_lost_ones_among_them():
    table = of(improvements()).recipe_table().set_index("recipe")
    assert table.loc["bimt", "y_mean"] == pytest.approx(2.1 / 5)
    assert table.loc["bimt", "y_middle"] == pytest.approx(1.2 / 3)
    assert table.loc["bimt", "y_improvement"] == 3 / 10
    assert table.loc["vanilla", ["x_improvement", "y_improvement"]].tolist() == [0.5, 0.5]
    alone = of(seeded("bimt", 1.0, [0.4, 0.5], [0.9, 0.7]))
    assert alone.improvement("y", "bimt") is None
    assert alone.table()["y_improvement"].isna().all()
    assert alone.recipe_table()["x_improvement"].isna().all()


def test_recipes_with_more_tries_are_compared_at_equal_numbers():
    rows = [r for i in range(12) for r in seeded("bimt", i + 1.0, [0.5] * 3, [0.5] * 3)]
    rows += [r for i in range(6) for r in seeded("l1", i + 1.0, [0.5] * 3, [0.5] * 3)]
    found = {line.recipe: line.standing.per_tries for line in of(rows).lines}
    assert found == {"bimt": pytest.approx(0.25), "l1": pytest.approx(0.25)}
    assert ranked().lines[0].standing.per_tries is None


# --------------------------------------------------------------------------- summaries


def summary_rows():
    return [
        member("vanilla", 0.0, x=0.3, y=0.99),
        member("vanilla", 0.0, x=0.5, y=0.90, learning_rate=0.1),
        member("bimt", 1.0, x=0.6, y=0.985),
        member("bimt", 2.0, x=0.8, y=0.95),
        member("l1", 1.0, x=0.4, y=0.981),
    ]


def test_performance_lost_at_a_modularity():
    result = of(summary_rows())
    assert result.performance_lost(0.6) == pytest.approx(0.005)
    assert result.performance_lost(0.61) == pytest.approx(0.04)
    assert result.performance_lost(0.3) == pytest.approx(0.0)
    assert result.performance_lost(0.9) is None
    assert result.performance_lost(0.4, recipe="l1") == pytest.approx(0.009)


def test_modularity_won_within_one_percent():
    result = of(summary_rows())
    assert result.modularity_won() == pytest.approx(0.3)
    assert result.modularity_won(tolerance=0.05) == pytest.approx(0.5)
    assert result.modularity_won(recipe="l1") == pytest.approx(0.1)
    assert result.modularity_won(tolerance=0.0, recipe="bimt") is None
    assert result.recipe_table().set_index("recipe")["modularity_won"]["bimt"] == pytest.approx(0.3)


def test_summaries_where_lower_is_better():
    rows = [member("vanilla", 0.0, x=0.4, y=0.9), member("bimt", 1.0, x=0.1, y=0.895)]
    result = of(rows, direction="lower", reference=ReferencePoint(modularity=1, performance=0))
    assert result.modularity_won() == pytest.approx(0.3)
    assert result.performance_lost(0.2) == pytest.approx(0.005)
    assert result.performance_lost(0.05) is None


def test_no_baseline_no_comparison():
    result = of([member("bimt", 1.0)])
    assert result.baseline is None
    assert result.modularity_won() is None
    assert result.performance_lost(0.0) is None


# --------------------------------------------------------------------------- table and bad input


def test_table_has_one_row_a_configuration():
    table = of([*seeded("bimt", 1.0, [0.1, 0.3], [0.4, 0.6]), member("l1")]).table()
    assert len(table) == 2
    row = table.set_index("recipe").loc["bimt"]
    assert (row["x_mean"], row["y_mean"]) == (pytest.approx(0.2), pytest.approx(0.5))
    assert (row["n_seeds"], row["strength"], row["x"]) == (2, 1.0, "modularity_q")
    expected = {f"{a}_{s}" for a in "xy" for s in ("mean", "std", "low", "high")}
    assert expected <= set(table.columns)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": "modularity_p"}, "no column 'modularity_p'; did you mean 'modularity_q'"),
        ({"x_direction": "highest"}, "'highest' is neither .* did you mean 'higher'"),
        ({"frame": pd.DataFrame([member()]).iloc[:0]}, "no rows"),
        ({"frame": pd.DataFrame([member(), member(task="toy/two")])}, r"task takes \['toy/one'"),
        ({"frame": pd.DataFrame([member(), member(steps=7)])}, r"steps takes \[7, 100\]"),
    ],
)
def test_bad_input(change, message):
    given_ = {
        "frame": pd.DataFrame([member()]),
        "x": "modularity_q",
        "x_direction": "higher",
        "reference": ORIGIN,
    } | change
    with pytest.raises(InputError, match=message):
        tradeoff(given_.pop("frame"), **given_)


def test_unknown_recipe_is_named():
    with pytest.raises(InputError, match=r"'bint' is not in .* did you mean 'bimt'"):
        of([member("bimt"), member("vanilla")]).modularity_won(recipe="bint")


# --------------------------------------------------------------------------- invariants

coordinate = st.integers(-4, 8).map(lambda k: k / 4)
clouds = st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=8)
directions = st.sampled_from(["higher", "lower"])


def cloud_rows(cloud):
    return [member("bimt", float(i), x=x, y=y) for i, (x, y) in enumerate(cloud)]


def strengths(result: TradeOff):
    return [p.settings.dial_value for p in result.front]


@settings(max_examples=60, deadline=None)
@given(clouds, directions, st.data())
def test_a_dominated_point_changes_neither_front_nor_volume(cloud, direction, data):
    x, y = data.draw(st.sampled_from(cloud))
    sign = 1 if direction == "higher" else -1
    worse = member("l1", 99.0, x=x - sign * data.draw(st.sampled_from([0.0, 0.5])), y=y - 0.25)
    before, after = (
        of(rows, direction=direction) for rows in (cloud_rows(cloud), [*cloud_rows(cloud), worse])
    )
    assert strengths(before) == strengths(after)
    assert before.hypervolume.value == after.hypervolume.value


@settings(max_examples=60, deadline=None)
@given(clouds, directions)
def test_the_front_is_what_nothing_dominates(cloud, direction):
    sign = 1 if direction == "higher" else -1
    flipped = [(sign * x, y) for x, y in cloud]
    naive = {
        float(i)
        for i, (x, y) in enumerate(flipped)
        if not any(a >= x and b >= y and (a, b) != (x, y) for a, b in flipped)
    }
    assert set(strengths(of(cloud_rows(cloud), direction=direction))) == naive


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(random):
    rng = np.random.default_rng(5)
    rows = [
        row
        for recipe in ("vanilla", "bimt")
        for strength in (0.1, 1.0)
        for row in seeded(recipe, strength, rng.random(3), rng.random(3))
    ]
    expected = of(rows)
    random.shuffle(rows)
    assert of(rows) == expected


# --------------------------------------------------------------------------- lower is better


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0.0, 1.0), st.floats(0.01, 1.99)), min_size=1, max_size=8, unique=True
    )
)
def test_an_error_as_performance_is_a_gain_upside_down(pairs):
    """What is read from (x, y) where lower y is better is what (x, 2 - y) gives where higher is."""
    rows = [member("bimt", float(i + 1), x=x, y=y) for i, (x, y) in enumerate(pairs)]
    rows.append(member("vanilla", 0.0, x=0.1, y=0.5))
    turned = [{**row, "performance": 2.0 - row["performance"]} for row in rows]
    corner = ReferencePoint(modularity=0.0, performance=2.0)
    found = of(rows, y_direction="lower", reference=corner)
    mirror = of(turned)
    names = [[p.settings.configuration for p in one.front] for one in (found, mirror)]
    assert sorted(names[0]) == sorted(names[1])
    assert found.hypervolume.value == pytest.approx(mirror.hypervolume.value)
    assert found.performance_lost(0.3) == (
        None
        if mirror.performance_lost(0.3) is None
        else pytest.approx(mirror.performance_lost(0.3))
    )
    assert found.baseline.y.mean == 0.5


@pytest.mark.parametrize(("measure", "chosen"), [("r2", 0), ("mean_absolute_error", 1)])
def test_of_two_members_the_worse_one_is_the_median(measure, chosen):
    rows = pd.DataFrame([member(seed=0, y=0.2), member(seed=1, y=0.4)])
    found = median(rows.assign(performance_metric=measure))
    assert found == rows["member"].iloc[chosen]
