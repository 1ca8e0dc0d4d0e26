"""What the metrics see of a trained population, and the code they follow from."""

from collections.abc import Sequence

from bimt_bench.data import TaskData
from bimt_bench.engine import Population
from bimt_bench.metrics.base import Scored
from bimt_bench.spec import TaskSpec


def scored(
    task: TaskSpec, data: TaskData, population: Population, seeds: Sequence[int], *, shuffles: int
) -> Scored:
    """A trained population as metrics see it: weights, wiring and the task's data.

    `seeds` of the members, in the population's order; `shuffles`: null-model draws of each.
    """
    wiring = population.architecture.wiring
    return Scored(
        task=task,
        wiring=wiring,
        weights={c.parameter: population.parameters[c.parameter] for c in wiring.connections},
        attachments={a.parameter: population.parameters[a.parameter] for a in wiring.attachments},
        distances={c.parameter: population.distances(c) for c in wiring.connections},
        coordinates=population.coordinates,
        labels=population.labels,
        seeds=tuple(seeds),
        outputs=population.outputs,
        outputs_with=population.outputs_with,
        activations=population.activations,
        data=data,
        shuffles=shuffles,
    )
