"""How many numbers a module holds, found out without making them."""

import torch

from bimt_bench.ground import fitting, refuse_beyond_memory
from bimt_bench.network.model import ModelKind, Shapes
from bimt_bench.spec import ModelSettings

# A parameter's gradient, moments, prices and copies in training, as `engine.memory` reckons them;
# the start and its checks are in float64 and take less.
_BYTES = 24 * 4
_UNCOUNTED = 2**63  # where torch cannot even count


def check_size(kind: ModelKind, settings: ModelSettings, shapes: Shapes) -> None:
    """InputError, before anything is allocated, for a network that this machine cannot hold."""
    count = parameters_of(kind, settings, shapes)
    if count is not None:
        what = f"model: {fitting(kind.describe(settings))}, a network of {count:,} parameters,"
        refuse_beyond_memory(what, count * _BYTES)


def parameters_of(kind: ModelKind, settings: ModelSettings, shapes: Shapes) -> int | None:
    """The numbers in a module's parameters and buffers; None if only making it can tell."""
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            module = kind.module(settings, shapes)
    except RuntimeError as error:
        return _UNCOUNTED if "overflow" in str(error) else None
    except Exception:  # noqa: BLE001 (a stranger's code that looks at values, which meta has not)
        return None
    return sum(one.numel() for one in (*module.parameters(), *module.buffers()))
