"""What makes data of any kind unusable: said in one line when they are loaded."""

from dataclasses import replace

import pytest
import torch

from bimt_bench import data
from bimt_bench.data import DATA, TaskData
from bimt_bench.data.usable import check_usable
from bimt_bench.ground import InputError
from bimt_bench.spec import choose

INPUTS = torch.arange(8.0).reshape(4, 2)
NUMBERS = TaskData(INPUTS, INPUTS[:, :1], INPUTS, INPUTS[:, :1], ("a", "b"), ("y",), None)
CLASSES = replace(
    NUMBERS,
    train_targets=torch.tensor([0, 1, 0, 1]),
    test_targets=torch.tensor([0, 1, 0, 1]),
    output_names=("no", "yes"),
)
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("usable", [NUMBERS, CLASSES], ids=["numbers", "classes"])
def test_usable_data_are_passed(usable: TaskData) -> None:
    check_usable(usable)


def test_a_missing_answer_is_no_fault() -> None:
    targets = torch.tensor([[NAN], [1.0], [2.0], [NAN]])
    check_usable(replace(NUMBERS, train_targets=targets, test_targets=targets))


@pytest.mark.parametrize(
    ("whole", "parts", "told"),
    [
        (NUMBERS, {"input_names": ("a\x1b[31m", "b")}, "the input 'a\\x1b[31m' holds the"),
        (CLASSES, {"output_names": ("no", "\ud800")}, "the output '\\ud800' holds the con"),
        (NUMBERS, {"output_names": ("y" * 7000,)}, f"the output '{'y' * 77}...' has 7,000 "),
        (NUMBERS, {"train_inputs": INPUTS[:0], "train_targets": INPUTS[:0, :1]}, "there is no"),
        (NUMBERS, {"test_inputs": INPUTS[:1], "test_targets": INPUTS[:1, :1]}, "samples to te"),
        (NUMBERS, {"train_inputs": INPUTS * NAN}, "inputs of the training data are not fin"),
        (NUMBERS, {"test_inputs": INPUTS * INF}, "inputs of the test data are not finite numbers"),
        (NUMBERS, {"test_targets": INPUTS[:, :1] * 0 + INF}, "targets of the test data are bey"),
        (NUMBERS, {"train_inputs": INPUTS * 0, "test_inputs": INPUTS * 0}, "the inputs of all"),
        (NUMBERS, {"train_targets": INPUTS[:, :1] * 0 + 3, "test_targets": INPUTS[:, :1] * 0 + 3},
         "output 'y' is 3 in every sample, in float32; there is nothing to learn"),
        (NUMBERS, {"train_targets": INPUTS[:, :1] * NAN, "test_targets": INPUTS[:, :1] * NAN},
         "output 'y' is no answer in every sample"),
        (CLASSES, {"train_targets": torch.zeros(4, dtype=torch.int64),
                   "test_targets": torch.tensor([-1, 0, 0, -1])}, "all samples are of one class"),
    ],
)  # fmt: skip
def test_unusable_data_are_refused_in_one_line(whole: TaskData, parts: dict, told: str) -> None:
    with pytest.raises(InputError) as caught:
        check_usable(replace(whole, **parts))
    assert str(caught.value).startswith(f"data: {told}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "formula", "inputs": ["a", "b"], "outputs": ["a*b"], "train": 10**9},
        {"kind": "formula", "inputs": ["a", "b"], "outputs": ["a*b"], "test": 2**62},
        {"kind": "two_moons", "train": 10**10},
        {"kind": "incontext", "sequences": 10**10},
    ],
    ids=str,
)
def test_data_beyond_the_memory_are_refused_before_they_are_made(given: dict) -> None:
    kind = given["kind"]
    with pytest.raises(InputError) as caught:
        data.load(choose(DATA, given))  # type: ignore[arg-type]
    told = rf"data: {kind}, as large as this, needs about .* of memory, but .* are free on this "
    assert caught.match(told)
