"""What is measured: the usual metrics follow from declared costs, others are asked for by name."""

import pytest

from bimt_bench.ground import InputError, Source, entering
from bimt_bench.metrics import METRICS, measured_of, metric, metric_names, others_line, usual
from bimt_bench.spec import catalog

OUTSIDE = Source("own", "", "0123456789ab")
TASK = catalog.task("symbolic/independence")


@pytest.fixture(params=["cheap", "graph", "draws", "pruning", "ablation"])
def cost(request):
    """A stranger's metric `mine` of each cost."""

    def mine(scored):
        return [0.0] * scored.size

    with entering(OUTSIDE):
        metric(
            title="Mine",
            family="own",
            direction="higher",
            source="mine",
            untrained="0",
            cost=request.param,
        )(mine)
    yield request.param
    METRICS.drop(OUTSIDE)


def test_the_usual_metrics_follow_from_their_cost(cost):
    assert ("mine" in usual(TASK)) == (cost in ("cheap", "graph"))
    assert "mine" in measured_of(TASK, ["own"]) and "mine" in metric_names(["all"])


@pytest.mark.parametrize("asked", [["usual"], ["input_leakage"]])
def test_what_choices_and_searches_need_is_always_measured(asked):
    task = TASK.model_copy(update={"modularity_axis": "module_excess_cautious"})
    found = measured_of(task, asked, objectives=["lesion_effect"])
    needed = {"performance", "train_loss", "test_loss", "lesion_effect"}
    assert needed | {"module_excess_cautious", "module_excess_cautious_error"} <= {*found}
    assert "input_leakage" in found and "circuit_size" not in found
    assert list(found) == [name for name in METRICS if name in found]


def test_names_families_and_words():
    sparsity = [name for name, one in METRICS.items() if one.family == "sparsity"]
    assert metric_names(["modularity_q", "sparsity", "modularity_q"]) == ["modularity_q", *sparsity]
    assert metric_names([]) == metric_names(["all"]) == list(METRICS)
    assert set(metric_names(["usual"])) < set(METRICS)
    with pytest.raises(InputError, match="unknown metric 'usul'; did you mean 'usual'"):
        metric_names(["usul"])


def test_one_line_says_how_others_are_measured():
    line = others_line(usual(TASK), run="runs/mine")
    assert line is not None and "\n" not in line
    assert "bimt-bench metrics runs/mine --metrics NAME" in line
    assert f"{len(usual(TASK))} of {len(METRICS)}" in line
    assert others_line(list(METRICS)) is None
