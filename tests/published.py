"""Reading the golden runs: their names of parameters and their data."""

import numpy as np
import torch

from bimt_bench.data import TaskData


def published_name(parameter: str) -> str:
    """The published name of one of our parameters."""
    if parameter == "embedding.weight":
        return "embedding"
    _, layer, kind = parameter.split(".")
    return f"linears.{layer}.linear.{kind}"


def golden_data(arrays: dict[str, np.ndarray]) -> TaskData:
    """The data of a golden run as a task's data."""
    tensors = {
        name.removeprefix("data/"): torch.from_numpy(array)
        for name, array in arrays.items()
        if name.startswith("data/")
    }
    if "inputs" in tensors:
        return TaskData(
            train_inputs=tensors["inputs"],
            train_targets=tensors["labels"][0],
            test_inputs=tensors["inputs_test"],
            test_targets=tensors["labels_test"][0],
            input_names=("x1", "x2", "x3", "x4"),
            output_names=("y1", "y2"),
            tokens=None,
        )
    train, test = tensors["train_id"].long(), tensors["test_id"].long()
    return TaskData(
        train_inputs=tensors["data_id"].long()[train],
        train_targets=tensors["labels"].long()[train],
        test_inputs=tensors["data_id"].long()[test],
        test_targets=tensors["labels"].long()[test],
        input_names=("a", "b"),
        output_names=tuple(map(str, range(59))),
        tokens=59,
    )
