"""What a plug-in is, wherever it comes from."""

from dataclasses import dataclass, field

from bimt_bench.ground import Source

_FILE = "bimt_bench_plugin_"


def module_name(digest: str) -> str:
    """The module that a file of this digest is imported as."""
    return f"{_FILE}{digest}"


def is_file(module: str) -> bool:
    """Whether a module is a file that was entered."""
    return module.startswith(_FILE)


@dataclass(frozen=True)
class Plugin:
    """A file from outside, or a module of a package that is installed.

    `name`: the file's without '.py', or the package's. `version`: what it states, perhaps nothing.
    `digest`: of its code, 12 hex digits. `content`: the bytes of a file, which are what every
    process loads; empty for a module, which every process imports as it is installed there.
    `module`: its name, empty for a file.
    """

    name: str
    version: str
    digest: str
    content: bytes = field(default=b"", repr=False)
    module: str = ""

    @property
    def source(self) -> Source:
        """What its kinds remember."""
        return Source(self.name, self.version, self.digest)
