"""Reference networks that are trained: without a penalty, on random places, by L1 and by BIMT.

They belong to the calibration, but no axis is chosen by them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from benchmarks.reference_networks import Reference
from bimt_bench import data, recipes
from bimt_bench.engine import RECIPES, Members, Recipe, RecipeSettings, Table, train_population
from bimt_bench.ground import Source, derive, entering
from bimt_bench.metrics import Scored
from bimt_bench.spec import Configuration, Fraction, catalog, setting, trained_as

TRAINED = {
    "trained": "vanilla", "trained sparse": "random_places", "trained L1": "l1",
    "trained BIMT": "bimt",
}  # fmt: skip
"""Kinds of trained reference networks, and the recipe of each at its published strength."""

# Where the published length is not cheap: so many steps, and so many members of each kind.
SHORTER = {
    "groups/s4": (5000, 3),
    "modular/addition_59": (4000, 3),
    "vision/mnist": (1000, 3),
    "incontext/linear": (1500, 3),
}
_HERE = Source("benchmarks", "", "reference")


class RandomPlaces(Recipe):
    """Random places of the connections' weights are 0 at the start, and stay it."""

    name = "random_places"
    title = "Random places"
    equation = "loss; w = 0 on random places"
    source = "the calibration's own"
    tables = (Table("places", per="parameter", start=1.0),)

    class Settings(RecipeSettings):
        """How many places there are."""

        density: Fraction = setting(0.5, "share of the places that have a wire")

    def start(self, m: Members) -> None:
        """Draws the places of each member, by its seed."""
        for row, member in enumerate(m.members):
            generator = torch.Generator().manual_seed(derive("random places", member.seed))
            drawn = torch.rand(m.flat.shape[1], generator=generator) < member["density"]
            m.tables["places"][row] = (drawn | ~m.connections).to(m.flat)

    def project(self, m: Members) -> None:
        """What has no place stays zero."""
        m.flat.mul_(m.tables["places"])


def trained(kind: str, name: str, *, draws: int, data_dir: Path | None = None) -> Scored:
    """Members of a kind after training, at their published length or, see `SHORTER`, a part."""
    published = catalog.task(name)
    loaded = data.load(published.data, data_dir=data_dir)
    steps, members = SHORTER.get(name, (published.training.steps, draws))
    seeds = range(min(draws, members))
    asked = {"recipe": TRAINED[kind], "steps": steps}
    with _random_places():
        if TRAINED[kind] == RandomPlaces.name:
            asked["density"] = _density(Reference.of(published, loaded, 1))
        configuration = Configuration.model_validate(asked)
        own = [recipes.resolve(published, configuration, seed) for seed in seeds]
        task = trained_as(published, own[0])
        population = train_population(task, loaded, own).population
    return Scored(task, loaded, population, tuple(seeds))


@contextmanager
def _random_places() -> Iterator[None]:
    with entering(_HERE):
        RECIPES.register(RandomPlaces)
    try:
        yield
    finally:
        RECIPES.drop(_HERE)


def _density(made: Reference) -> float:
    """The share of all wires that lie in blocks: as many has a network on random places."""
    masks = [made.mask(connection).double() for connection in made.population.wiring.connections]
    return float(sum(m.sum() for m in masks)) / sum(m.numel() for m in masks)
