"""Whether a model that a stranger describes is small enough to be built, found without building."""

import math
from typing import Any

import torch

from bimt_bench.data import TaskData
from bimt_bench.ground import InputError
from bimt_bench.network import Shapes, parameters_of
from bimt_bench.spec import MODELS, ModelSettings

_MOST_NUMBER = 4096
_MOST_LISTED = 32
_FEWEST_BYTES = 2  # of a parameter, as float16


def check_outline(settings: ModelSettings, data: TaskData, *, size: int, members: int) -> None:
    """InputError for a model of other size than weights of `size` bytes for so many members."""
    _check_numbers(settings.model_dump(mode="json"), "model")
    kind, shapes = MODELS.get_kind(settings.kind)(), Shapes.of(data)
    kind.check(settings, shapes)
    with torch.random.fork_rng(devices=[]):
        count = parameters_of(kind, settings, shapes)
    most = size // (_FEWEST_BYTES * max(1, members))
    if count is None or count > most:
        raise InputError(
            f"model: {kind.describe(settings):.80} has {count or 'unknown many'} parameters; "
            f"{size:,} bytes of weights hold at most {most:,} for each of {members} members"
        )


def _check_numbers(value: Any, path: str) -> None:
    """InputError for numbers and lists that no network of this benchmark needs."""
    if isinstance(value, dict):
        for name, one in value.items():
            _check_numbers(one, f"{path}.{name}")
    elif isinstance(value, list):
        if len(value) > _MOST_LISTED:
            raise InputError(f"{path}: {len(value):,} given; at most {_MOST_LISTED}")
        for place, one in enumerate(value):
            _check_numbers(one, f"{path}.{place}")
    elif isinstance(value, int | float) and not (math.isfinite(value) and value <= _MOST_NUMBER):
        raise InputError(f"{path}: {value:.20g} given; at most {_MOST_NUMBER:,}")
