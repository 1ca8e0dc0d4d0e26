"""The reference corner: the task's own, a metric's worst value, the nadir, or two numbers."""

import pandas as pd
import pytest

from bimt_bench.ground import InputError
from bimt_bench.results.corner import corner_of, nadir
from bimt_bench.results.drawn import tradeoff_of
from bimt_bench.spec import catalog
from tests.rows import member

TASK = catalog.task("symbolic/independence")


@pytest.fixture
def frame():
    rows = [member("bimt", 1.0, seed=s, x=0.4 + s / 10, y=0.9, task=TASK.name) for s in range(3)]
    rows += [member("vanilla", 0.0, seed=s, x=0.2, y=0.95, task=TASK.name) for s in range(3)]
    frame = pd.DataFrame(rows).assign(performance_metric="r2")
    return frame.assign(
        cross_cluster_mass=frame["modularity_q"], connection_cost=[5.0, 6.0, 7.0, 20.0, 22.0, 25.0]
    )


def test_on_its_own_axis_a_task_has_its_own_corner(frame):
    found, words = corner_of(TASK, frame, x=TASK.modularity_axis, y="performance")
    assert found == TASK.reference
    assert words == "the task's"


def test_elsewhere_it_is_the_worst_value_of_a_metric_or_the_nadir(frame):
    found, words = corner_of(TASK, frame, x="modularity_q", y="performance")
    assert "modularity_q" in words and "the task's" in words
    assert found.modularity <= 0.0
    found, words = corner_of(TASK, frame, x="connection_cost", y="performance")
    assert found.modularity == pytest.approx(25.0 + 0.1 * 20.0)
    assert "10 % beyond the worst connection_cost" in words


def test_no_volume_is_0_in_silence_where_lower_is_better(frame):
    trade = tradeoff_of(TASK, frame, x="connection_cost")
    assert trade.x_direction == "lower"
    volumes = {line.recipe: line.hypervolume.value for line in trade.lines}
    assert volumes["bimt"] > volumes["vanilla"] > 0


def test_a_corner_is_named_or_given(frame):
    by_name = corner_of(TASK, frame, x="modularity_q", y="performance", corner="nadir")[0]
    assert by_name.modularity == pytest.approx(0.2 - 0.1 * 0.4)
    assert corner_of(TASK, frame, x="modularity_q", y="performance", corner=(0.1, 0.2)) == (
        type(by_name)(modularity=0.1, performance=0.2),
        "given",
    )
    for wrong in ("tusk", (1,), (0.1, float("nan")), ("a", 1)):
        with pytest.raises(InputError, match="corner: "):
            corner_of(TASK, frame, x="modularity_q", y="performance", corner=wrong)


def test_the_nadir_of_equal_or_no_values():
    assert nadir(pd.Series([2.0, 2.0]), "higher") == pytest.approx(1.8)
    assert nadir(pd.Series([], dtype=float), "lower") == 0.0
    assert nadir(pd.Series([float("inf"), 1.0, 3.0]), "lower") == pytest.approx(3.2)


def test_a_lost_member_counts_as_what_its_data_say(frame):
    lost = member("bimt", 1.0, seed=3, x=None, y=None, status="diverged", task=TASK.name)
    rows = pd.concat([frame, pd.DataFrame([lost])]).assign(trivial_performance=-0.02)
    trade = tradeoff_of(TASK, rows)
    point = next(line for line in trade.lines if line.recipe == "bimt").points[0]
    assert trade.trivial == -0.02
    assert point.y.mean == pytest.approx((3 * 0.9 - 0.02) / 4)
