"""Which metrics are measured: what somebody asks for by name, by family or by a word.

The words: 'all', and 'usual', the metrics that cost at most a tenth of training at a task's
published length (docs/performance.md). Which those are, their declared cost says.
"""

from collections.abc import Collection, Sequence

from bimt_bench.ground import InputError, closest
from bimt_bench.metrics.performance import OWN
from bimt_bench.spec import METRICS, TaskSpec

ALL, USUAL = "all", "usual"
_USUAL_COSTS = ("cheap", "graph")


def usual(task: TaskSpec | None = None, *, objectives: Sequence[str] = ()) -> list[str]:
    """The metrics that are measured of a task's members where nobody asks for others."""
    return [
        name
        for name in METRICS
        if METRICS[name].cost in _USUAL_COSTS or name in _needed(task, objectives)
    ]


def measured_of(
    task: TaskSpec, asked: Sequence[str], *, objectives: Sequence[str] = ()
) -> tuple[str, ...]:
    """What is measured of a task's members, in the registry's order: what is asked for, and more.

    Its performance and losses, its modularity axis and a search's objectives always are: choices,
    trade-offs and searches are made of them. InputError as for `metric_names`.
    """
    wanted = {*metric_names(asked, task), *_needed(task, objectives)}
    return tuple(name for name in METRICS if name in wanted)


def metric_names(asked: Sequence[object], task: TaskSpec | None = None) -> list[str]:
    """The metrics of these names, families and words, each once, in the order asked; all without.

    Of a name that is a metric's and a family's it is the metric. InputError, with the nearest name,
    for one that is none of these.
    """
    families = list(dict.fromkeys(one.family for one in METRICS.values()))
    found: list[str] = []
    for name in asked or [ALL]:
        if not isinstance(name, str):
            raise InputError(
                f"metrics: {name!r} given; give names one after another, as "
                "metrics('modularity_q', 'sparsity')"
            )
        if name in METRICS:
            found.append(name)
        elif name in families:
            found += [one.name for one in METRICS.values() if one.family == name]
        elif name in (ALL, USUAL):
            found += usual(task) if name == USUAL else METRICS
        else:
            near = closest(name, [*METRICS, *families, ALL, USUAL])
            raise InputError(
                f"metrics: unknown metric '{name}'{near} (bimt-bench metrics lists all; families: "
                f"{', '.join(families)}; or {USUAL}, {ALL}){METRICS.told_of_plugins(name)}"
            )
    return list(dict.fromkeys(found))


def asked_as(metrics: str | Sequence[str]) -> tuple[str, ...]:
    """One name or several, as a tuple; InputError if there is none."""
    found = (metrics,) if isinstance(metrics, str) else tuple(metrics)
    if not found:
        raise InputError(f"metrics: none given; name some, or {USUAL}, or {ALL}")
    return found


def others_line(measured: Collection[str], *, run: str = "RUN") -> str | None:
    """'metrics: 30 of 53 were measured; ...' with the command for the others; None if all were."""
    others = [name for name in METRICS if name not in measured]
    if not others:
        return None
    return (
        f"metrics: {len(METRICS) - len(others)} of {len(METRICS)} are measured; "
        f"bimt-bench metrics {run} --metrics NAME computes others, of all members or of some"
    )


def _needed(task: TaskSpec | None, objectives: Sequence[str]) -> set[str]:
    """Performance and losses, a task's axis with its error, and what a search is told."""
    family = METRICS[OWN].family
    axis = () if task is None else (task.modularity_axis, f"{task.modularity_axis}_error")
    own = (name for name, one in METRICS.items() if one.family == family)
    return {name for name in (*own, *axis, *objectives) if name in METRICS}
