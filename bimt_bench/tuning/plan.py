"""A pack: what one trial carries, and what names it.

Workers load this module before they know their first pack, so it imports little.
"""

from dataclasses import dataclass, field

from bimt_bench.spec import Member


@dataclass(frozen=True)
class Pack:
    """Members of one task trained as one population, addressed by the digest of all of it.

    `others`: addresses under which the same members would be as good, trained under other
    circumstances that the sweep allows. `validation`: metrics that a search reads of it, measured
    on validation data. `opens`: taken before all others, so that there is something to see soon.
    """

    digest: str
    task: str
    members: tuple[Member, ...] = field(repr=False)
    expected_seconds: float = field(repr=False, compare=False)
    others: tuple[str, ...] = field(default=(), repr=False)
    validation: tuple[str, ...] = field(default=(), repr=False)
    opens: bool = field(default=False, repr=False, compare=False)

    @property
    def configurations(self) -> dict[str, str]:
        """The digest of each member's configuration, by its own."""
        return {member.digest: member.configuration for member in self.members}
