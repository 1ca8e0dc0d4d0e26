"""Networks of every model kind, untrained, with neurons moved about, on data made by hand."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from bimt_bench import plugins
from bimt_bench.data import DATA, DataKind, TaskData
from bimt_bench.engine import start
from bimt_bench.engine.relocation import permute
from bimt_bench.ground import Source, entering
from bimt_bench.results import Network
from bimt_bench.spec import SETS, DataSettings, TaskSpec, choose
from tests import odd_model
from tests.some_models import Case

GATED = Path(__file__).parents[1] / "examples" / "extending" / "gated.py"
OUTSIDE = Source("by hand", "", "ba5eba11ba5e")


@dataclass(frozen=True)
class Variant(Case):
    """A case with an answer at every time step, or with pixels for numbers."""

    steps: bool = False
    pixels: bool = False

    def data(self, samples: int = 24) -> TaskData:
        found = super().data(samples)
        if self.pixels:
            bright = {n: (getattr(found, n) * 40 + 128).byte() for n in INPUTS}
            return replace(found, **bright, scale=1.0 / 255.0)
        if not self.steps:
            return found
        targets = {
            n.replace("inputs", "targets"): self._at_steps(getattr(found, n)) for n in INPUTS
        }
        return replace(found, **targets)

    def _at_steps(self, inputs: Tensor) -> Tensor:
        """Targets [n, time] of tokens, [n, time, outputs] of numbers."""
        return inputs % self.outputs if self.tokens else inputs[..., [0] * self.outputs]


INPUTS = ("train_inputs", "test_inputs")
CASES: dict[str, Case] = {
    "mlp": Case({"kind": "mlp", "hidden": [6, 5]}, (4,)),
    "mlp of pixels": Variant({"kind": "mlp", "hidden": [6]}, (9,), pixels=True),
    "wide mlp": Case({"kind": "mlp", "hidden": [3]}, (256,)),
    "embedding mlp": Case({"kind": "embedding_mlp", "embedding": 4, "hidden": [6]}, (2,), tokens=5),
    **odd_model.ALL,
    "rnn at every step": Variant({"kind": "rnn", "hidden": 6}, (5, 2), steps=True),
    "rnn of tokens at every step": Variant(
        {"kind": "rnn", "hidden": 6}, (3,), tokens=4, steps=True
    ),
    "transformer at every step": Variant(
        {"kind": "transformer", "blocks": 1, "width": 6, "places": True}, (3,), tokens=4, steps=True
    ),
    "gated": Case({"kind": "gated", "hidden": 5}, (4,)),
}


class ByHand(DataKind):
    """The data of a case."""

    name = "by_hand"
    title = "by hand"

    class Settings(DataSettings):
        kind: Literal["by_hand"] = "by_hand"
        case: str

    def load(self, settings: Any, *, data_dir: Path | None = None) -> TaskData:
        return CASES[settings.case].data()


@contextmanager
def registered() -> Iterator[None]:
    """The data above, and the models of strangers, are there within."""
    with ExitStack() as held:
        held.enter_context(odd_model.registered())
        with entering(OUTSIDE):
            DATA.register(ByHand)
        gated = plugins.load(GATED)
        for source in (OUTSIDE, gated.source):
            for kinds in SETS:
                held.callback(kinds.drop, source)
        yield


def task(name: str, *, dtype: str = "float32") -> TaskSpec:
    """The task of a case."""
    found = CASES[name].task(dtype=dtype)
    return found.model_copy(update={"data": choose(DATA, {"kind": "by_hand", "case": name})})


def network(name: str, *, dtype: str = "float32", **other: Any) -> Network:
    """The network of a case; all neurons that may move have moved."""
    case, spec = CASES[name], task(name, dtype=dtype)
    (member,) = case.members(spec, count=1)
    population = start(spec, case.data(), [member])
    generator = torch.Generator().manual_seed(0)
    for group in population.wiring.groups:
        if group.movable:
            order = torch.randperm(group.size, generator=generator)[None]
            permute(population, group, torch.arange(1), order, table=population.flat)
            if group.relabelled:
                population.relabel(group.name, order)
    return Network(spec, population.arrays(0), member.row(), geometry=member.geometry, **other)
