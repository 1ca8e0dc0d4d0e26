"""Who a pack is: the code, libraries and device that its numbers follow from, and its members.

Training and scoring are told apart: what the metrics are is no part of a pack's identity, since
stored weights can be scored again.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from bimt_bench.ground import closure, lies_in, module_of
from bimt_bench.spec import METRICS, RECIPES, Member, TaskSpec, digest_of, kinds_in

if TYPE_CHECKING:
    import pandas as pd

_TRAINING = ("bimt_bench.engine.loop", "bimt_bench.recipes.resolving")
_METRICS = "bimt_bench.metrics"
_VALIDATION = ("bimt_bench.data.validation",)


def training_modules(task: TaskSpec, recipe: str) -> list[str]:
    """The modules that training follows from: the engine's, and those of the kinds used."""
    own = set[str]()
    for kinds, name in [(RECIPES, recipe), *kinds_in(task)]:
        kind = kinds.get_kind(name)
        own |= {one.__module__ for one in kind.__mro__}
        if not kinds.source_of(name).built_in:
            own |= _used_by(module_of(kind))
    return [*_TRAINING, *sorted(own)]


def training_digest(task: TaskSpec, recipe: str) -> str:
    """12 hex digits over the code that trains a recipe on a task.

    A plug-in's own file is covered by its members' digests; what it takes from bimt_bench is here.
    """
    return _digest(tuple(training_modules(task, recipe)))


def scoring_modules() -> list[str]:
    """The modules that metrics follow from."""
    return closure.modules_in(_METRICS)


def scoring_digest() -> str:
    """12 hex digits over the code that scores trained networks, metrics of plug-ins included."""
    code = _digest(tuple(scoring_modules()))
    sources = {name: METRICS.source_of(name) for name in METRICS}
    foreign = {name: one.digest for name, one in sources.items() if not one.built_in}
    return digest_of({"code": code, "metrics": foreign}) if foreign else code


def is_scored_by(frame: "pd.DataFrame", scoring: str, shuffles: int) -> bool:
    """Whether metrics of this scoring digest scored a frame, with so many shuffles."""
    wanted = {"scoring_digest": scoring, "shuffles": shuffles}
    return all(name in frame and (frame[name] == value).all() for name, value in wanted.items())


def validation_modules() -> list[str]:
    """The modules that validation data follow from, besides the kinds of data."""
    return [*_VALIDATION]


def pack_digest(
    task: TaskSpec,
    members: Sequence[Member],
    *,
    circumstances: Mapping[str, str],
    searched: bool = False,
) -> str:
    """12 hex digits that name everything the networks of a pack depend on.

    `circumstances`: see `bimt_bench.identity.circumstances`. searched: whether validation data are
    part of it.
    """
    return digest_of(
        {
            "task": task.digest(),
            "members": [member.digest for member in members],
            "training": training_digests(task, [member.recipe for member in members]),
            "circumstances": dict(circumstances),
            **({"validation": _digest(_VALIDATION)} if searched else {}),
        }
    )


def training_digests(task: TaskSpec, recipes: Iterable[str]) -> dict[str, str]:
    """The training digest of every recipe, by name."""
    return {recipe: training_digest(task, recipe) for recipe in sorted(set(recipes))}


@cache  # the code that this process has loaded does not change
def _digest(roots: tuple[str, ...]) -> str:
    return closure.code_digest(roots)


def _used_by(module: str) -> set[str]:
    """The modules of bimt_bench that define what the modules of a plug-in's package hold."""
    package = module.partition(".")[0]
    own = [held for name, held in list(sys.modules.items()) if lies_in(name, package)]
    parts = [one for held in own for one in vars(held).values()]
    names = {getattr(one, "__module__", None) or getattr(one, "__name__", "") for one in parts}
    return {name for name in names if isinstance(name, str) and name.startswith("bimt_bench.")}
