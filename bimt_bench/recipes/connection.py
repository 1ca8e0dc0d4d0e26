"""What recipes that charge for wires, or move neurons to shorten them, have in common."""

from collections.abc import Iterable
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from bimt_bench.engine import Every, Members, PenaltySettings, RecipeSettings
from bimt_bench.ground import InputError, closest
from bimt_bench.network import Wiring
from bimt_bench.spec import Fraction, Moments, NonNegative, Positive, RelocationMethod, setting


class WireSettings(PenaltySettings):
    """What a connection costs wherever it runs."""

    spacing: NonNegative = setting(
        doc="l0, the distance between neighbouring layers",
        of_task="penalty.spacing",
        unit="side of the unit square",
    )
    reduce: Literal["sum", "mean"] = setting(
        doc="how the costs of a layer are reduced", of_task="penalty.reduce"
    )
    bias_from: Fraction = setting(
        doc="biases are charged from this share of the steps on", of_task="penalty.bias_from"
    )


class LocalWireSettings(WireSettings):
    """What a connection costs for the way it runs."""

    locality: NonNegative = setting(
        doc="A, the price of distance within a plane against spacing",
        of_task="penalty.locality",
        unit="price of a unit of distance",
    )
    no_locality_into: tuple[str, ...] = setting(
        doc="groups whose incoming connections cost no distance",
        of_task="penalty.no_locality_into",
    )


class RelocationSettings(RecipeSettings):
    """When and how neurons swap places."""

    swap_every: Positive = setting(
        doc="steps between relocations", of_task="relocation.every", unit="steps"
    )
    relocation: RelocationMethod = setting(
        doc="greedy: swaps as published; assignment: best placements", of_task="relocation.method"
    )
    top_k: Positive = setting(
        doc="neurons of each group that greedy relocation tries",
        of_task="relocation.top_k",
        unit="neurons",
        when={"relocation": "greedy"},
    )
    moments: Moments = setting(
        doc="whether the optimizer's moments travel with the weights", of_task="relocation.moments"
    )


def check_groups(settings: LocalWireSettings, wiring: Wiring) -> None:
    """InputError if connections into a group that the network does not have are to cost less."""
    known = [group.name for group in wiring.groups]
    for name in settings.no_locality_into:
        if name not in known:
            raise InputError(
                f"no_locality_into: unknown group '{name}'{closest(name, known)} "
                f"(allowed: {', '.join(known)})"
            )


def wire_prices(m: Members, locality: Float[Tensor, " n"] | None = None) -> Float[Tensor, "n N"]:
    """Strength times (A d + l0) for each connection, A = 0 if absent; l0 for biases, embeddings."""
    settings = m.settings
    begun = (m["bias_from"].double() * m.steps).long() <= m.step
    return m.at_strength(
        m.wire_prices(
            locality=m["spacing"] * 0.0 if locality is None else locality,
            spacing=m["spacing"],
            reduce=settings.reduce,
            biases=begun,
            no_locality_into=getattr(settings, "no_locality_into", ()),
        )
    )


def bias_edges(m: Members) -> list[int]:
    """The steps from which biases are charged."""
    return sorted({int(member["bias_from"] * m.steps) for member in m.members})


def swaps(m: Members) -> Iterable[Every]:
    """Relocation every so many steps, as the settings say."""
    settings = m.settings
    yield Every(
        settings.swap_every,
        lambda m: m.relocate(
            method=settings.relocation,
            top_k=settings.top_k,
            carry_moments=settings.moments == "travel",
            reduce=getattr(settings, "reduce", None),
        ),
    )
