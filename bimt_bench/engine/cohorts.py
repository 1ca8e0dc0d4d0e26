"""Cohorts: members of a population that share a recipe and its settings, and calls of its hooks.

The loop knows cohorts, a cohort knows one recipe. Every call of a hook goes through its `Guard`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from bimt_bench.engine import cost, kernels
from bimt_bench.engine.finite import Watched
from bimt_bench.engine.guard import Guard, check_apart
from bimt_bench.engine.members import Members, Stage
from bimt_bench.engine.recipe import (
    HOOKS,
    Every,
    PenaltySettings,
    Recipe,
    RecipeSettings,
    Table,
)
from bimt_bench.ground import InputError
from bimt_bench.spec import RECIPES, Member, settings_of

Key = tuple[str, str]


def own_settings(recipe: type[Recipe], member: Member) -> RecipeSettings:
    """The recipe's own settings of a member."""
    own = {name: member[name] for name in recipe.Settings.model_fields}
    return recipe.Settings.model_validate_json(json.dumps(own))


def in_cohorts(members: Sequence[Member], rows: Sequence[int]) -> list[int]:
    """The rows, those of a cohort side by side; unchanged where they stand so already."""
    keys = [cohort_key(members[row]) for row in rows]
    ranks = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    # all cohorts of a recipe stand side by side, as its tables do
    recipes = {name: place for place, name in enumerate(dict.fromkeys(name for name, _ in keys))}
    order = sorted(range(len(rows)), key=lambda i: (recipes[keys[i][0]], ranks[keys[i]]))
    return [rows[i] for i in order]


def cohort_key(member: Member) -> Key:
    """Equal for members that hooks may see as one: the recipe, and settings that are not real."""
    recipe = RECIPES.get_kind(member.recipe)
    fixed = {s.name: member[s.name] for s in settings_of(recipe.Settings) if s.kind != "real"}
    return (member.recipe, json.dumps(fixed, sort_keys=True))


class Cohort:
    """The members `rows` of a population, and the hooks of their recipe."""

    def __init__(self, stage: Stage, rows: slice, tables: Mapping[str, Tensor]) -> None:
        first = stage.members[rows.start]
        kind = RECIPES.get_kind(first.recipe)
        self.recipe = kind()
        self.rows = rows
        self.stage = stage
        self.members = Members(self.recipe, own_settings(kind, first), dict(tables), rows, stage)
        self.has = {hook: kind.overrides(hook) for hook in HOOKS}
        self._guard = Guard(self.members)
        self._apart = False  # whether the penalty is known not to mix members
        self._parts: dict[tuple[int, int], Members] = {}
        self._tools: dict[tuple[int, int, int], _Tools] = {}
        self.events = self._guard.call("events", lambda: _events_of(self.recipe, self.members))

    # ------------------------------------------------------------------ hooks

    def start(self) -> None:
        """Before the first step."""
        if self.has["start"]:
            self._guard.move("start", lambda: self.recipe.start(self.members))
        self.project()

    def edges(self) -> set[int]:
        """Steps at which prices change."""
        settings, steps = self.members.settings, self.stage.steps
        found = set(self._guard.call("edges", lambda: list(self.recipe.edges(self.members))))
        if isinstance(settings, PenaltySettings):
            found |= {int(phase.start * steps) for phase in settings.phases}
        return found

    def prices(self) -> Float[Tensor, "n N"] | None:
        """What parameters cost from here on; None for a recipe without prices."""
        if not self.has["prices"]:
            return None
        m = self.members
        found = self._guard.call("prices", lambda: self.recipe.prices(m))
        self._guard.check("prices", found, m.flat.shape)
        self._guard.blame("prices", found, m.flat)
        return found

    def penalise(self, part: slice, gradient: Float[Tensor, "t N"]) -> None:
        """Adds the gradient of the penalty of some of the members to a table of theirs.

        `part` counts within the cohort.
        """
        m, tools = self._part(part), self._tools_of(part, gradient)
        before = tools.gradient.bad()
        with torch.enable_grad():
            value = self._guard.call("penalty", lambda: self.recipe.penalty(m, tools.theta))
            self._guard.check("penalty", value, (len(m),))
            if not self._apart:
                self._guard.call("penalty", lambda: check_apart(value, tools.theta))
                self._apart = True
            changes = self._guard.call("penalty", lambda: tools.gradients(value))
        for view, change in zip(tools.views, changes, strict=True):
            if change is not None:
                view.add_(change)
        if self.stage.step == 0:  # later only what its gradient does to parameters matters
            self._guard.blame("penalty", value, m.flat, part)
        self._guard.mark("penalty", tools.gradient.bad(), before, part)

    def penalty(self) -> Float[Tensor, " n"]:
        """What the penalty is now."""
        m = self.members
        found = self._guard.call("penalty", lambda: self.recipe.penalty(m, m.theta))
        self._guard.check("penalty", found, (len(m),))
        return found

    def noise(self, part: slice, group: str, active: Tensor) -> Tensor:
        """What the activations of some of the members are multiplied with, in training."""
        m = self._part(part)
        found = self._guard.call("noise", lambda: self.recipe.noise(m, group, active))
        self._guard.check("noise", found, active.shape)
        self._guard.blame("noise", found, active, part)
        return found

    def shrink(self, prices: Float[Tensor, "n N"]) -> None:
        """The proximal step: parameters shrink towards 0 by learning rate times price."""
        flat, rates = self.members.flat, self.members.learning_rate
        if flat.device.type == "cpu":
            kernels.shrink(flat.numpy(), prices.numpy(), rates.numpy())
        else:
            left = (flat.abs() - rates[:, None] * prices).clamp_min_(0.0)
            flat.copy_(torch.sign(flat) * left)

    def project(self) -> None:
        """After an update or an event."""
        if self.has["project"]:
            self._guard.move("project", lambda: self.recipe.project(self.members))

    def happen(self, done: int) -> bool:
        """Events that are due after `done` steps; whether there was one."""
        due = [event for event in self.events if event.due(done)]
        for event in due:
            self._guard.move("events", lambda event=event: event.act(self.members))
        return bool(due)

    def tables(self) -> Mapping[str, Tensor]:
        """The recipe's state."""
        return self.members.tables

    def fault_of(self, row: int) -> str | None:
        """The hook that first gave a member something that is no number; None if none did."""
        return self._guard.fault_of(row)

    def _part(self, part: slice) -> Members:
        if part.start == 0 and part.stop == len(self.members):
            return self.members
        key = (part.start, part.stop)
        if key not in self._parts:
            self._parts[key] = self.members[part]
        return self._parts[key]

    def _tools_of(self, part: slice, gradient: Tensor) -> "_Tools":
        key = (part.start, part.stop, gradient.data_ptr())
        if key not in self._tools:
            self._tools[key] = _Tools.of(self._part(part), gradient)
        return self._tools[key]


@dataclass(frozen=True)
class _Tools:
    """What the gradient of a penalty of some members is computed with.

    Made once, as slices and views cost more than the arithmetic of small networks. `theta` are
    leaves that share the parameters' memory, `views` those parts of the gradient table, `ones` [n].
    """

    theta: dict[str, Tensor]
    leaves: tuple[Tensor, ...]
    views: tuple[Tensor, ...]
    ones: Tensor
    gradient: Watched

    @classmethod
    def of(cls, m: Members, gradient: Float[Tensor, "n N"]) -> "_Tools":
        """Those of some members, whose gradient table this is."""
        theta = {name: view.detach().requires_grad_() for name, view in m.theta.items()}
        views = m.views(gradient)
        return cls(
            theta,
            tuple(theta.values()),
            tuple(views[name] for name in theta),
            torch.ones_like(gradient[:, 0]),
            Watched(gradient),
        )

    def gradients(self, value: Float[Tensor, " n"]) -> tuple[Tensor | None, ...]:
        """Of each member's value with respect to its own parameters; None if it has none of one."""
        return torch.autograd.grad(value, self.leaves, self.ones, allow_unused=True)


def _events_of(recipe: Recipe, members: Members) -> list[Every]:
    found = list(recipe.events(members))
    for event in found:
        if not isinstance(event, Every):
            raise InputError(f"gave {event!r}, but must give Every(steps, act)")
    return found


class Cohorts:
    """All cohorts of a population under training, in order of rows."""

    def __init__(self, stage: Stage, tables: Mapping[str, Tensor] | None = None) -> None:
        """`tables`: the recipes' state, 'recipe/table' -> [its rows, ...]; new if absent."""
        self.stage = stage
        self._cohorts: list[Cohort] = []
        keys = [cohort_key(member) for member in stage.members]
        start = 0
        used: dict[str, int] = {}
        for (recipe, _), run in groupby(keys):
            rows = slice(start, start + len(list(run)))
            start = rows.stop
            begin = used.get(recipe, 0)
            used[recipe] = begin + rows.stop - rows.start
            held = slice(begin, used[recipe])
            self._cohorts.append(Cohort(stage, rows, self._tables_of(recipe, rows, held, tables)))
        flat = stage.population.flat
        self.edges = sorted(set().union(*(cohort.edges() for cohort in self._cohorts)) | {0})
        self.priced = [c for c in self._cohorts if c.has["prices"]]
        self.penalised = [c for c in self._cohorts if c.has["penalty"]]
        self.noisy = [c for c in self._cohorts if c.has["noise"]]
        self.shrinking = [c for c in self.priced if c.recipe.charge == "shrink"]
        self.reads_loss = any(c.recipe.reads_loss for c in self._cohorts)
        self.prices = torch.zeros_like(flat)
        self.marginal = self.prices if not self.shrinking else torch.zeros_like(flat)

    def __iter__(self) -> Iterator[Cohort]:
        return iter(self._cohorts)

    def start(self) -> None:
        """Before the first step."""
        for cohort in self._cohorts:
            cohort.start()

    def charge(self, cohorts: Sequence[Cohort] | None = None) -> None:
        """Asks what parameters cost from here on: of all cohorts, or of some."""
        for cohort in self.priced if cohorts is None else cohorts:
            found = cohort.prices()
            if found is None:
                continue
            self.prices[cohort.rows] = found
            if self.shrinking and cohort not in self.shrinking:
                self.marginal[cohort.rows] = found

    def penalise(self, rows: slice, gradient: Tensor) -> None:
        """Adds the penalties' gradients of the members `rows`, whose table it is."""
        for cohort, part, there in _within(self.penalised, rows):
            cohort.penalise(part, gradient[there])

    def noise(self, rows: slice, group: str, active: Tensor) -> Tensor | None:
        """What the activations [T, size, B] of the members `rows` are multiplied with, if any."""
        found = None
        for cohort, part, there in _within(self.noisy, rows):
            if found is None:
                whole = there.start == 0 and there.stop == len(active)
                if whole:
                    return cohort.noise(part, group, active)
                found = torch.ones_like(active)
            found[there] = cohort.noise(part, group, active[there])
        return found

    def after_update(self) -> None:
        """Proximal steps and projections, when all members were updated."""
        for cohort in self.shrinking:
            cohort.shrink(self.prices[cohort.rows])
        for cohort in self._cohorts:
            cohort.project()

    def happen(self, done: int) -> None:
        """Events that are due after `done` steps."""
        moved = []
        for cohort in self._cohorts:
            if cohort.happen(done):
                cohort.project()
                moved.append(cohort)
        if moved:
            self.charge(moved)

    def charged(self) -> Float[Tensor, " member"]:
        """What is added to the loss of every member: prices and penalties, at their strength."""
        total = cost.connection_cost(self.stage.population.flat, self.prices)
        for cohort in self.penalised:
            with torch.no_grad():
                total[cohort.rows] += cohort.penalty()
        return total

    def fault_of(self, row: int) -> str | None:
        """What a hook did to a member of the population, if one did."""
        for cohort in self._cohorts:
            if cohort.rows.start <= row < cohort.rows.stop:
                return cohort.fault_of(row - cohort.rows.start)
        return None

    def tables(self) -> dict[str, Tensor]:
        """The recipes' state, 'recipe/table' -> [rows of the recipe, ...]."""
        found: dict[str, list[Tensor]] = {}
        for cohort in self._cohorts:
            for name, table in cohort.tables().items():
                found.setdefault(f"{cohort.recipe.name}/{name}", []).append(table)
        return {name: torch.cat(parts) for name, parts in found.items()}

    def kept_tables(self, stay: Sequence[int]) -> dict[str, Tensor]:
        """The state of the rows that stay, as `tables`."""
        staying, found = set(stay), {}
        for name, table in self.tables().items():
            recipe = name.split("/")[0]
            rows = [row for c in self._cohorts if c.recipe.name == recipe for row in _range(c.rows)]
            found[name] = table[[row in staying for row in rows]]
        return found

    def _tables_of(
        self, recipe: str, rows: slice, held: slice, tables: Mapping[str, Tensor] | None
    ) -> dict[str, Tensor]:
        population, found = self.stage.population, {}
        for table in RECIPES.get_kind(recipe).tables:
            shape = table_shape(table, population.flat.shape[1], _neurons(population))
            if tables is None:
                whole = population.flat.new_full((rows.stop - rows.start, *shape), table.start)
            else:
                whole = tables[f"{recipe}/{table.name}"][held].to(population.flat).clone()
            found[table.name] = whole
        return found


def table_shape(table: Table, width: int, neurons: int) -> tuple[int, ...]:
    """The shape of a recipe's table for one member."""
    return {"parameter": (width,), "neuron": (neurons,), "member": table.shape}[table.per]


def _neurons(population: Any) -> int:
    return sum(group.size for group in population.architecture.wiring.groups)


def _range(rows: slice) -> range:
    return range(rows.start, rows.stop)


def _within(cohorts: Sequence[Cohort], rows: slice) -> Iterator[tuple[Cohort, slice, slice]]:
    """Cohorts that share members with `rows`: which of theirs, and which of the rows these are."""
    for cohort in cohorts:
        start, stop = max(cohort.rows.start, rows.start), min(cohort.rows.stop, rows.stop)
        if start < stop:
            own = slice(start - cohort.rows.start, stop - cohort.rows.start)
            yield cohort, own, slice(start - rows.start, stop - rows.start)
