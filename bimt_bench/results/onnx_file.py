"""A module as an ONNX file's bytes, checked against the module; needs the extra `onnx`."""

import importlib.util
import warnings
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from textwrap import shorten

import torch
from torch import Tensor, nn
from torch.onnx import OnnxExporterError

from bimt_bench.data import TaskData
from bimt_bench.ground import InputError, quiet

PACKAGES = ("onnx", "onnxscript")
EXTRA = "bimt-bench[onnx]"
_SAMPLES = 3  # on which the file is checked against the module
_LONGEST = 240  # letters of a reason
_CLOSE = {"rtol": 1e-3, "atol": 1e-4}


def check_packages() -> None:
    """InputError unless what writes ONNX is installed."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(f"export: ONNX needs {' and '.join(missing)}; pip install '{EXTRA}'")


def as_onnx(module: nn.Module, data: TaskData, *, model: str) -> bytes:
    """The module with a free number of samples; inputs are called `inputs`, outputs `outputs`.

    Inputs are numbers in the type of its parameters, or tokens. InputError, which names `model`,
    for what ONNX cannot express, and where it computes something else from the first test data.
    """
    module = module.cpu().eval().requires_grad_(False)
    inputs = _inputs(module, data)
    try:
        content = _exported(module, torch.zeros_like(inputs[:2]))
    except OnnxExporterError as error:
        raise InputError(
            f"export: model '{model}' cannot be written as ONNX: {_reason(error)}"
        ) from error
    found = _computed(content, inputs)
    if found is not None and not torch.allclose(found, module(inputs), equal_nan=True, **_CLOSE):
        raise InputError(
            f"export: model '{model}' cannot be written as ONNX: what it does follows from its "
            "inputs in a way that the exporter did not see"
        )
    return content


def _inputs(module: nn.Module, data: TaskData) -> Tensor:
    """Some test data as the module takes them; at least two, as one would be a fixed number."""
    rows = data.test_inputs[[0, -1, *range(_SAMPLES - 2)]].cpu()
    if data.tokens is not None:
        return rows
    return rows.to(next(module.parameters()).dtype) * data.scale


def _exported(module: nn.Module, example: Tensor) -> bytes:
    with warnings.catch_warnings(), quiet("torch"), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")  # of the exporter's own parts
        with redirect_stdout(StringIO()):
            program = torch.onnx.export(
                module,
                (example,),
                input_names=["inputs"],
                output_names=["outputs"],
                dynamic_shapes=({0: "samples"},),
                dynamo=True,
                verbose=False,
            )
    assert program is not None
    return program.model_proto.SerializeToString()


def _computed(content: bytes, inputs: Tensor) -> Tensor | None:
    """What ONNX's own reference computes; None where it has no such operator."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    try:
        model = ReferenceEvaluator(onnx.load_model_from_string(content))
        (found,) = model.run(None, {"inputs": inputs.numpy()})
    except NotImplementedError:
        return None
    return torch.from_numpy(found)


def _reason(error: BaseException) -> str:
    """What lies at the bottom of an error, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = " ".join(str(error).split()) or "no message"
    return shorten(f"{type(error).__name__}: {text}", _LONGEST, placeholder=" ...")
