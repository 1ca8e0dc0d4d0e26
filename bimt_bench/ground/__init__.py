"""The ground floor: errors, files, seeds, registries of kinds, and which code this is."""

from bimt_bench.ground.closure import changed, code_digest, code_of, modules_in
from bimt_bench.ground.errors import InputError, quiet
from bimt_bench.ground.files import check_format, metadata_of, write
from bimt_bench.ground.kinds import BUILT_IN, Kinds, Source, entering
from bimt_bench.ground.nearest import closest
from bimt_bench.ground.provenance import circumstances, differences, environment
from bimt_bench.ground.seeds import derive, numpy_generator, torch_generator
from bimt_bench.ground.version import LIBRARIES, __version__, library_versions

__all__ = [
    "BUILT_IN",
    "LIBRARIES",
    "InputError",
    "Kinds",
    "Source",
    "__version__",
    "changed",
    "check_format",
    "circumstances",
    "closest",
    "code_digest",
    "code_of",
    "derive",
    "differences",
    "entering",
    "environment",
    "library_versions",
    "metadata_of",
    "modules_in",
    "numpy_generator",
    "quiet",
    "torch_generator",
    "write",
]
