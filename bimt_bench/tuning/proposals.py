"""Proposals: which configurations a sweep tries, in rounds asked and told as a whole.

A round is asked for, computed in whatever order, and told in the order it was asked, so that
what is proposed depends on the specification alone: not on the number of workers, not on which
pack finishes first, not on an interruption in between.
"""

import itertools
import json
from collections.abc import Sequence
from typing import Any, Protocol

import optuna

from bimt_bench.ground import derive
from bimt_bench.spec import Configuration, OptunaSearch
from bimt_bench.tuning.spaces import RecipeSpace, Swept

Scores = tuple[float, ...]


class Proposals(Protocol):
    """A source of configurations for one task."""

    def ask(self) -> list[Configuration]:
        """The next round; empty when there is nothing left to try. May repeat itself."""
        ...

    def tell(self, scores: Sequence[Scores | None]) -> None:
        """One score an objective for each configuration of the round; None where it failed."""
        ...


class GridProposals:
    """Every combination of a recipe's values as one round; the first setting varies slowest."""

    def __init__(self, space: RecipeSpace) -> None:
        names = [field.setting.name for field in space.fields]
        values = [[option.value for option in field.options] for field in space.fields]
        self._round = [
            space.configuration(dict(zip(names, combination, strict=True)))
            for combination in itertools.product(*values)
        ]

    def ask(self) -> list[Configuration]:
        """All configurations at the first call, none afterwards."""
        asked, self._round = self._round, []
        return asked

    def tell(self, scores: Sequence[Scores | None]) -> None:
        """A grid learns nothing."""


class OptunaProposals:
    """Rounds of an Optuna sampler (TPE, NSGA-II or random) over the space of one recipe.

    `directions` ('higher' or 'lower' is better) follow `search.objectives`. NSGA-II's generation
    is one round. The same search told the same scores proposes the same configurations: this is
    how a sweep resumes. The sampler's seed follows from the search's and the name of the recipe,
    so that another recipe more or less changes nothing.
    """

    def __init__(
        self, space: RecipeSpace, search: OptunaSearch, *, directions: Sequence[str]
    ) -> None:
        if len(directions) != len(search.objectives):
            raise ValueError(
                f"directions: {len(directions)} given for {len(search.objectives)} objectives"
            )
        self._space = space
        self._search = search
        self._asked: list[optuna.Trial] = []
        self._left = search.trials
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._study = optuna.create_study(
            sampler=_sampler(search, seed=derive("search", search.seed, space.recipe) % 2**32),
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
        return self._space.configuration(
            {
                field.setting.name: _suggested(
                    trial, f"{self._space.recipe}.{field.setting.name}", field
                )
                for field in self._space.fields
            }
        )


class Together:
    """Several sources as one: a round is a round of each, one after the other."""

    def __init__(self, sources: Sequence[Proposals]) -> None:
        self._sources = sources
        self._counts: list[int] = []

    def ask(self) -> list[Configuration]:
        """The rounds of all sources that have one left."""
        rounds = [source.ask() for source in self._sources]
        self._counts = [len(found) for found in rounds]
        return [configuration for found in rounds for configuration in found]

    def tell(self, scores: Sequence[Scores | None]) -> None:
        """Tells each source the scores of its round."""
        rest = iter(scores)
        for source, count in zip(self._sources, self._counts, strict=True):
            source.tell(list(itertools.islice(rest, count)))


def _suggested(trial: optuna.Trial, name: str, field: Swept) -> Any:
    found = field.range
    if found is None:
        by_label = {_label(option.value): option.value for option in field.options}
        return by_label[trial.suggest_categorical(name, list(by_label))]
    log = bool(found.log)
    if field.setting.kind == "whole":
        return trial.suggest_int(name, int(found.low), int(found.high), log=log)
    return trial.suggest_float(name, found.low, found.high, log=log)


def _label(value: Any) -> Any:
    """What Optuna stores for a value: what has parts goes as text."""
    return json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else value


def _sampler(search: OptunaSearch, *, seed: int) -> optuna.samplers.BaseSampler:
    match search.sampler:
        case "tpe":
            return optuna.samplers.TPESampler(seed=seed)
        case "nsga2":
            # One generation is one round; two parents are the least that can mate.
            size = max(2, min(search.round, search.trials))
            return optuna.samplers.NSGAIISampler(seed=seed, population_size=size)
        case "random":
            return optuna.samplers.RandomSampler(seed=seed)
