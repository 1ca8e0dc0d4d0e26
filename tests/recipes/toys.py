"""Recipes that nobody would train with: each uses hooks in a way that can go wrong."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from bimt_bench.engine import (
    RECIPES,
    Every,
    Members,
    PenaltySettings,
    Recipe,
    RecipeSettings,
    Table,
)
from bimt_bench.ground import Source, entering
from bimt_bench.spec import Positive, setting

SOURCE = Source("toys", "0", "t" * 12)


class Toy(Recipe):
    title = "A toy"
    equation = "none"
    source = "the tests"


class Everything(Toy):
    """Every hook at once, with state of every kind and chance."""

    name = "toy_everything"
    dial = "strength"
    reads_loss = True
    tables = (
        Table("weight", per="parameter", start=0.5),
        Table("neuron", per="neuron"),
        Table("losses", per="member", shape=(2, 3)),
    )

    class Settings(PenaltySettings):
        blur: float = setting(0.1, "size of the noise", ge=0.0)
        act_every: Positive = setting(50, "steps between events", unit="steps")

    def start(self, m: Members) -> None:
        m.flat.mul_(1.0 + 0.1 * m.uniform("start", m.flat.shape[1:]))
        m.tables["weight"].mul_(m.uniform("weight", m.flat.shape[1:]))

    def prices(self, m: Members) -> Tensor:
        return m.at_strength(m.tables["weight"])

    def penalty(self, m: Members, theta: Mapping[str, Tensor]) -> Tensor:
        sums = [value.flatten(1).square().sum(dim=1) for value in theta.values()]
        return m.strength * torch.stack(sums).sum(dim=0) * (1.0 + m.tables["losses"][:, 0, 0])

    def noise(self, m: Members, group: str, active: Tensor) -> Tensor:
        return 1.0 + m["blur"][:, None, None] * m.uniform(group, active.shape[1:])

    def events(self, m: Members) -> Iterable[Every]:
        every = m.settings.act_every
        yield Every(every, self._move)
        yield Every(every + 2, self._note, begin=every, end=4 * every)

    def project(self, m: Members) -> None:
        m.tables["losses"][:, 1, 2] += m.loss
        m.flat.clamp_(-3.0, 3.0)

    @staticmethod
    def _move(m: Members) -> None:
        m.relocate(top_k=3)
        m.tables["weight"].mul_(0.9)
        m.tables["losses"][:, 0, 0] = m.loss  # of this step, whoever left in it

    @staticmethod
    def _note(m: Members) -> None:
        for part in m.neurons_of(m.tables["neuron"]).values():
            part.add_(m.loss[:, None])
        m.tables["weight"][:, :4] += m.tables["neuron"][:, :4]


class Tagged(Toy):
    """What a hook is given belongs together: rows, tables, settings, parameters."""

    name = "toy_tagged"
    tables = (Table("tag", per="member"), Table("twin", per="parameter"))

    class Settings(RecipeSettings):
        tag: float = setting(1.0, "tells one member from another", ge=0.0)

    def start(self, m: Members) -> None:
        m.tables["tag"].copy_(m["tag"])
        m.tables["twin"].copy_(m.flat)

    def project(self, m: Members) -> None:
        self._same(m, m.theta)
        m.tables["twin"].copy_(m.flat)

    def penalty(self, m: Members, theta: Mapping[str, Tensor]) -> Tensor:
        self._same(m, theta)
        assert torch.equal(m.tables["twin"], m.flat)
        return 1e-3 * m["tag"] * sum(v.flatten(1).abs().sum(dim=1) for v in theta.values())

    def noise(self, m: Members, group: str, active: Tensor) -> Tensor:
        self._same(m, m.theta)
        assert len(active) == len(m)
        return torch.full_like(active, 0.5) * m["tag"][:, None, None]

    def events(self, m: Members) -> Iterable[Every]:
        yield Every(3, lambda m: self._same(m, m.theta))

    @staticmethod
    def _same(m: Members, theta: Mapping[str, Tensor]) -> None:
        assert torch.equal(m.tables["tag"], m["tag"])
        assert [one["tag"] for one in m.members] == m["tag"].double().tolist()
        for name, value in theta.items():
            assert torch.equal(value, m.views(m.flat)[name])


class Carried(Toy):
    """Neurons move at every step; three tables say where each of them has gone."""

    name = "toy_carried"
    tables = (
        Table("weight", per="parameter"),
        Table("bias", per="neuron"),
        Table("stays", per="parameter", travels=False),
        Table("place", per="neuron", travels=False),
    )

    class Settings(RecipeSettings):
        way: str = setting("permute", "how they move")

    def start(self, m: Members) -> None:
        m.flat.add_(m.uniform("tell apart", m.flat.shape[1:]))
        m.tables["weight"].copy_(m.flat)
        m.tables["stays"].copy_(m.flat)
        m.tables["place"].copy_(torch.arange(m.tables["place"].shape[1]).expand(len(m), -1))
        for group, part in m.neurons_of(m.tables["bias"]).items():
            part.copy_(mark_of(m, group))

    def events(self, m: Members) -> Iterable[Every]:
        yield Every(2, getattr(self, m.settings.way))

    @staticmethod
    def permute(m: Members) -> None:
        for group in m.wiring.groups:
            if group.movable:
                chance = m.uniform(group.name, (group.size,))
                m.permute(group.name, chance.argsort(dim=1))

    @staticmethod
    def greedy(m: Members) -> None:
        m.relocate(top_k=5)

    @staticmethod
    def assignment(m: Members) -> None:
        m.relocate(method="assignment", top_k=0)


def mark_of(m: Members, group: str) -> Tensor:
    """A number [n, size] by which each neuron is known: the sum of all that belongs to it."""
    return m.neurons(m.theta, group).double().sum(dim=2).to(m.flat)


class Forgetful(Toy):
    """Breaks a rule: its prices read a table that is written between events."""

    name = "toy_forgetful"
    tables = (Table("seen", per="parameter"),)

    def prices(self, m: Members) -> Tensor:
        return 1e-3 * m.tables["seen"]

    def project(self, m: Members) -> None:
        m.tables["seen"].copy_(m.flat.abs())


class Hoarding(Toy):
    """Breaks a rule: it remembers on itself."""

    name = "toy_hoarding"

    def project(self, m: Members) -> None:
        self.mean = m.flat.mean()
        m.flat.add_(1e-3 * self.mean)


class Mixing(Toy):
    """Breaks a rule: a member's penalty depends on its pack mates."""

    name = "toy_mixing"

    def penalty(self, m: Members, theta: Mapping[str, Tensor]) -> Tensor:
        total = sum(value.flatten(1).abs().sum(dim=1) for value in theta.values())
        # without a gradient to the others, which the engine would refuse at the first step
        return 1e-5 * total * total.mean().detach()


SOUND = (Everything, Tagged, Carried)
BROKEN = (Forgetful, Hoarding, Mixing)


@contextmanager
def registered() -> Iterator[None]:
    """The toys are recipes within."""
    with entering(SOURCE):
        for toy in (*SOUND, *BROKEN):
            RECIPES.register(toy)
    try:
        yield
    finally:
        RECIPES.drop(SOURCE)
