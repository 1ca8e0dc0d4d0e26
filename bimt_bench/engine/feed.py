"""The batches that a population is fed: a pure function of the task and the step."""

from collections.abc import Iterator

import torch
from torch import Tensor

from bimt_bench.data import TaskData
from bimt_bench.engine.objective import TaskLoss
from bimt_bench.ground import torch_generator
from bimt_bench.network import Architecture
from bimt_bench.spec import TaskSpec


def numbers(inputs: Tensor, scale: float, dtype: torch.dtype) -> Tensor:
    """Inputs as the model takes them: tokens as they are, numbers in the model's type, scaled."""
    if inputs.dtype == torch.int64:
        return inputs
    found = inputs.to(dtype)
    if scale == 1.0:
        return found
    return found * scale if found is inputs else found.mul_(scale)


class Feed:
    """Training batches of a task, made ready for an architecture, on the device of training.

    All members see the same batches, so a member's result does not depend on its pack mates and
    a batch is fetched once for all of them. `loss` is the task's, for these targets.
    """

    def __init__(
        self, task: TaskSpec, data: TaskData, architecture: Architecture, like: Tensor
    ) -> None:
        self._task = task
        self._architecture = architecture
        self._scale, self._dtype = data.scale, like.dtype
        self._inputs = data.train_inputs.to(like.device)
        targets = data.train_targets.to(like.device)
        self.loss = TaskLoss.of(task.loss, data.train_targets)
        self._wanted = self.loss.wanted(targets, len(data.output_names), like.dtype)
        self._axis = -2 if data.has_steps else -1  # of samples, in what is wanted

    def batches(self, start: int = 0) -> Iterator[tuple[object, Tensor]]:
        """Endless (batch, what the loss wants of it) from a step on.

        Minibatches come in an order that is the task's own, so a step is all that a resumed run
        needs to know.
        """
        size, count = self._task.training.batch_size, len(self._inputs)
        if size is None or size >= count:
            batch = self._batch(self._inputs)
            while True:
                yield batch, self._wanted
        epoch, skipped = divmod(start, count // size)
        while True:
            order = self._order(epoch)[: count - count % size]
            for chosen in order.split(size)[skipped:]:
                inputs = self._inputs.index_select(0, chosen)
                yield self._batch(inputs), self._chosen(chosen)
            epoch, skipped = epoch + 1, 0

    def _chosen(self, samples: Tensor) -> Tensor:
        """What is wanted of some samples; indexed, as selecting along the last axis is slow."""
        return self._wanted[..., samples] if self._axis == -1 else self._wanted[..., samples, :]

    def _order(self, epoch: int) -> Tensor:
        task = self._task
        generator = torch_generator("batches", task.name, task.data.seed, epoch)
        return torch.randperm(len(self._inputs), generator=generator).to(self._inputs.device)

    def _batch(self, inputs: Tensor) -> object:
        return self._architecture.prepare(numbers(inputs, self._scale, self._dtype))
