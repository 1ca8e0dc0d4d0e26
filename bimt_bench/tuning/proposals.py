"""Proposals: which configurations a sweep tries, in rounds asked and told as a whole.

A round is asked for, computed in whatever order, and told in the order it was asked, so that
what is proposed depends on the specification alone: not on the number of workers, not on which
pack finishes first, not on an interruption in between.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Protocol, get_args

import optuna

from bimt_bench.spec import Choice, Configuration, GeometrySpec, OptunaSearch, Range, SweptField

Space = Mapping[SweptField, tuple[Choice, ...] | Range]
Scores = tuple[float, ...]


class Proposals(Protocol):
    """A source of configurations for one task."""

    def ask(self) -> list[Configuration]:
        """The next round; empty when there is nothing left to try. May repeat itself."""
        ...

    def tell(self, scores: Sequence[Scores | None]) -> None:
        """One score an objective for each configuration of the round; None where it failed."""
        ...


def ordered(space: Space) -> list[tuple[SweptField, tuple[Choice, ...] | Range]]:
    """The fields of a space in the order of `SweptField`, whatever order a file has them in."""
    return [(field, space[field]) for field in get_args(SweptField) if field in space]


class GridProposals:
    """Every combination of the listed values as one round; the first field varies slowest."""

    def __init__(self, space: Space) -> None:
        fields = ordered(space)
        for field, values in fields:
            if isinstance(values, Range):
                raise ValueError(f"space.{field}: a grid needs a list of values, not a range")
        combinations = itertools.product(*(values for _, values in fields))
        names = [field for field, _ in fields]
        self._round = [
            Configuration.model_validate(dict(zip(names, combination, strict=True)))
            for combination in combinations
        ]

    def ask(self) -> list[Configuration]:
        """All configurations at the first call, none afterwards."""
        asked, self._round = self._round, []
        return asked

    def tell(self, scores: Sequence[Scores | None]) -> None:
        """A grid learns nothing."""


class OptunaProposals:
    """Rounds of an Optuna sampler (TPE, NSGA-II or random), single- or multi-objective.

    `directions` ('higher' or 'lower' is better) follow `search.objectives`. NSGA-II's generation
    is one round. The same search told the same scores proposes the same configurations: this is
    how a sweep resumes.
    """

    def __init__(self, space: Space, search: OptunaSearch, *, directions: Sequence[str]) -> None:
        if len(directions) != len(search.objectives):
            raise ValueError(
                f"directions: {len(directions)} given for {len(search.objectives)} objectives"
            )
        self._fields = ordered(space)
        self._search = search
        self._asked: list[optuna.Trial] = []
        self._left = search.trials
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._study = optuna.create_study(
            sampler=_sampler(search),
            directions=["maximize" if d == "higher" else "minimize" for d in directions],
        )

    def ask(self) -> list[Configuration]:
        """The next `search.round` configurations, fewer in the last round, then none."""
        if self._asked:
            raise RuntimeError("the round before was not told yet")
        count = min(self._search.round, self._left)
        self._left -= count
        self._asked = [self._study.ask() for _ in range(count)]
        return [self._configuration(trial) for trial in self._asked]

    def tell(self, scores: Sequence[Scores | None]) -> None:
        """Tells the round in the order asked; a failed configuration counts as failed trial."""
        for trial, values in zip(self._asked, scores, strict=True):
            if values is None:
                self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
            else:
                self._study.tell(trial, values)
        self._asked = []

    def _configuration(self, trial: optuna.Trial) -> Configuration:
        chosen: dict[str, Choice] = {}
        for field, values in self._fields:
            if isinstance(values, Range):
                chosen[field] = trial.suggest_float(field, values.low, values.high, log=values.log)
            else:
                by_label = {_label(value): value for value in values}
                chosen[field] = by_label[trial.suggest_categorical(field, list(by_label))]
        return Configuration.model_validate(chosen)


def _label(value: Choice) -> str | float | None:
    """What Optuna stores for a value: a geometry goes by its name and digest."""
    return f"{value.name}-{value.digest()}" if isinstance(value, GeometrySpec) else value


def _sampler(search: OptunaSearch) -> optuna.samplers.BaseSampler:
    match search.sampler:
        case "tpe":
            return optuna.samplers.TPESampler(seed=search.seed)
        case "nsga2":
            # One generation is one round; two parents are the least that can mate.
            size = max(2, min(search.round, search.trials))
            return optuna.samplers.NSGAIISampler(seed=search.seed, population_size=size)
        case "random":
            return optuna.samplers.RandomSampler(seed=search.seed)
