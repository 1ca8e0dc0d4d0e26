"""A member: one configuration with one seed, every setting explicit."""

from dataclasses import dataclass

from bimt_bench.spec.geometry import GeometrySpec


@dataclass(frozen=True)
class Member:
    """One configuration with one seed, every setting explicit.

    `lam` is lambda, `locality` A and `spacing` l0 of the loss; `swap_every` 0 means never, and
    then `relocation` is "off". `top_k` is 0 where nothing reads it.
    `configuration` is a digest of everything but the seed, `digest` of everything.
    """

    task: str
    recipe: str
    strength: float
    lam: float
    locality: float
    spacing: float
    geometry: GeometrySpec
    learning_rate: float
    swap_every: int
    top_k: int
    relocation: str
    moments: str
    seed: int
    configuration: str
    digest: str

    def row(self) -> dict[str, object]:
        """The member's identity columns in the frame."""
        return {
            "task": self.task,
            "recipe": self.recipe,
            "strength": self.strength,
            "lambda": self.lam,
            "locality": self.locality,
            "spacing": self.spacing,
            "geometry": self.geometry.name,
            "distance": self.geometry.distance,
            "learning_rate": self.learning_rate,
            "swap_every": self.swap_every,
            "top_k": self.top_k,
            "relocation": self.relocation,
            "moments": self.moments,
            "seed": self.seed,
            "configuration": self.configuration,
            "member": self.digest,
        }
