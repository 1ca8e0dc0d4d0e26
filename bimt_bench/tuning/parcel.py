"""A pack on its way to a worker: closed, since its classes may be those of plug-ins.

Workers load this module before they know their first pack, so it imports little.
"""

import pickle
from dataclasses import dataclass, field
from typing import Any

from bimt_bench.ground import InputError
from bimt_bench.plugins import Plugin, enter, used_by
from bimt_bench.tuning.plan import Pack


@dataclass(frozen=True)
class Parcel:
    """A pack as bytes. `plugins` are the installed ones that it needs; files come with the job."""

    digest: str
    plugins: tuple[Plugin, ...]
    content: bytes = field(repr=False)

    @classmethod
    def of(cls, pack: Pack) -> "Parcel":
        """Closes a pack; InputError if its kinds are defined where no worker can import them."""
        sources = " ".join(sorted({member.source for member in pack.members}))
        return cls(pack.digest, used_by(sources), pickle.dumps(pack))

    def open(self) -> Pack:
        """The pack; InputError if a plug-in that it needs is absent or differs here."""
        for plugin in self.plugins:
            enter(plugin)
        return unpacked(self.content)


def unpacked(content: bytes) -> Any:
    """What the driver sent, when the plug-ins are entered; InputError if a module is absent."""
    try:
        return pickle.loads(content)  # noqa: S301 - the driver's own
    except ImportError as error:
        raise InputError(f"plug-in: {error}; install the same packages on all nodes") from error
