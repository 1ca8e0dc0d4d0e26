"""Which code, libraries and machine numbers come from."""

from bimt_bench.version.closure import changed, code_digest, code_of, modules_in
from bimt_bench.version.number import LIBRARIES, __version__, library_versions
from bimt_bench.version.provenance import circumstances, differences, environment

__all__ = [
    "LIBRARIES",
    "__version__",
    "changed",
    "circumstances",
    "code_digest",
    "code_of",
    "differences",
    "environment",
    "library_versions",
    "modules_in",
]
