"""What numbers depend on besides settings and code, as an entry and a verdict write it down."""

import platform
from dataclasses import dataclass

from bimt_bench.ground import cpu_features, kernels, library_versions, processor


@dataclass(frozen=True)
class Circumstances:
    """A machine and what runs on it; two of equal `bits` train to the same weights.

    cpu_features is a digest of the processor's feature flags, kernels what BLAS, MKL, ATen and
    numba chose for it, libraries the versions of torch, numba, NumPy and SciPy.
    """

    processor: str
    cpu_features: str
    kernels: dict[str, str]
    libraries: dict[str, str]
    python: str

    @property
    def bits(self) -> tuple[object, ...]:
        """All that decides whether weights come out the same to the bit."""
        return (self.cpu_features, sorted(self.kernels.items()), sorted(self.libraries.items()))


def here() -> Circumstances:
    """Those of this process."""
    return Circumstances(
        processor=processor(),
        cpu_features=cpu_features(),
        kernels=kernels(),
        libraries=library_versions(),
        python=platform.python_version(),
    )
