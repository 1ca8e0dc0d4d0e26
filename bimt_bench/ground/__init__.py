"""The ground floor: errors, files, seeds, registries of kinds, and which code this is."""

from bimt_bench.ground.bar import Pane, bar
from bimt_bench.ground.blame import last_in, located
from bimt_bench.ground.closure import changed, code_digest, code_of, modules_in
from bimt_bench.ground.errors import InputError, quiet
from bimt_bench.ground.files import check_format, from_here, metadata_of, write
from bimt_bench.ground.folders import private_folder
from bimt_bench.ground.kinds import Kinds
from bimt_bench.ground.lazy import lazily
from bimt_bench.ground.loading import absent, undisturbed
from bimt_bench.ground.machine import free_memory, refuse_beyond_memory, size_words
from bimt_bench.ground.nearest import closest
from bimt_bench.ground.processor import cpu_features, kernels, on_processor, processor
from bimt_bench.ground.provenance import circumstances, differences, environment
from bimt_bench.ground.seeds import derive, numpy_generator, torch_generator
from bimt_bench.ground.signals import (
    BY_SIGTERM,
    Terminated,
    by_sigterm,
    ending,
    exit_status,
    terminable,
    word_for,
)
from bimt_bench.ground.sources import (
    BUILT_IN,
    Source,
    entering,
    half_imported,
    lies_in,
    module_of,
    package_of,
    source_of_module,
)
from bimt_bench.ground.text import fitting, listed, printable, unfit, unprintable
from bimt_bench.ground.version import LIBRARIES, __version__, library_versions

__all__ = [
    "BUILT_IN",
    "BY_SIGTERM",
    "LIBRARIES",
    "InputError",
    "Kinds",
    "Pane",
    "Source",
    "Terminated",
    "__version__",
    "absent",
    "bar",
    "by_sigterm",
    "changed",
    "check_format",
    "circumstances",
    "closest",
    "code_digest",
    "code_of",
    "cpu_features",
    "derive",
    "differences",
    "ending",
    "entering",
    "environment",
    "exit_status",
    "fitting",
    "free_memory",
    "from_here",
    "half_imported",
    "kernels",
    "last_in",
    "lazily",
    "library_versions",
    "lies_in",
    "listed",
    "located",
    "metadata_of",
    "module_of",
    "modules_in",
    "numpy_generator",
    "on_processor",
    "package_of",
    "printable",
    "private_folder",
    "processor",
    "quiet",
    "refuse_beyond_memory",
    "size_words",
    "source_of_module",
    "terminable",
    "torch_generator",
    "undisturbed",
    "unfit",
    "unprintable",
    "word_for",
    "write",
]
