"""The training loop: a population of members on one task, and what it records on the way."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from bimt_bench import objective, penalty
from bimt_bench.data import TaskData
from bimt_bench.models import Architecture, Population, build, choose_differentiation
from bimt_bench.optimizer import PopulationAdamW
from bimt_bench.recipes import Member
from bimt_bench.relocation import relocate
from bimt_bench.seeds import torch_generator
from bimt_bench.specs import TaskSpec

# A loss this many times the first one, plus this, is divergence: training has left every scale
# on which the task's loss means anything, though float32 may not have overflowed yet.
_DIVERGED = 1e6
_EVALUATION_CHUNK = 4096


@dataclass(frozen=True)
class Trained:
    """A trained population, its learning curves and what became of each member.

    `curves` has a row for each member and logged step: member, step, train_loss (of the batch,
    before the step's update), test_loss, performance (on the test data), cost (as charged).
    """

    members: tuple[Member, ...]
    population: Population
    curves: pd.DataFrame
    status: tuple[str, ...]
    reason: tuple[str | None, ...]
    seconds: float


def train_population(
    task: TaskSpec,
    data: TaskData,
    members: Sequence[Member],
    *,
    device: str = "cpu",
    on_progress: Callable[[float], None] | None = None,
    population: Population | None = None,
) -> Trained:
    """Trains all members of one task together; none of them influences another.

    `population` may hold starting parameters of its own (it is trained in place); otherwise each
    member starts from its seed. `on_progress` is told the fraction done at every evaluation. A
    member whose loss leaves every scale is frozen, its parameters set to zero, and marked
    `diverged`.
    """
    if population is None:
        population = start(task, data, members, device=device)
    run = _Run(task, data, tuple(members), population)
    began = time.perf_counter()
    run.train(on_progress)
    return Trained(
        members=run.members,
        population=population,
        curves=run.curves(),
        status=tuple("ok" if reason is None else "diverged" for reason in run.reasons),
        reason=tuple(run.reasons),
        seconds=time.perf_counter() - began,
    )


def start(
    task: TaskSpec, data: TaskData, members: Sequence[Member], *, device: str = "cpu"
) -> Population:
    """The untrained population of some members."""
    architecture: Architecture = build(task, data)
    population = Population(
        architecture,
        [member.geometry for member in members],
        dtype=getattr(torch, task.training.dtype),
        device=device,
    )
    population.start(task.name, [member.seed for member in members])
    return population


def evaluate(
    task: TaskSpec, population: Population, inputs: Tensor, targets: Tensor
) -> tuple[Float[Tensor, " member"], Float[Tensor, " member"]]:
    """Loss and performance of every member on data that lie, as numbers, on its device."""
    outputs = torch.cat(
        [_outputs(population, chunk) for chunk in inputs.split(_EVALUATION_CHUNK)], dim=2
    )
    wanted = objective.columns(task.loss, targets, outputs.shape[1], outputs.dtype)
    loss = objective.task_loss(task.loss, outputs, wanted)
    return loss, objective.performance(task.performance, outputs, targets)


@torch.no_grad()
def _outputs(population: Population, inputs: Tensor) -> Tensor:
    batch = population.architecture.prepare(inputs)
    return population.architecture.forward(population.parameters, batch, population.positions)


def numbers(inputs: Tensor, scale: float, dtype: torch.dtype) -> Tensor:
    """Inputs as the model takes them: tokens as they are, numbers in the model's type, scaled."""
    if inputs.dtype == torch.int64:
        return inputs
    return inputs.to(dtype) * scale if scale != 1.0 else inputs.to(dtype)


class _Run:
    """The state of one training run."""

    def __init__(
        self, task: TaskSpec, data: TaskData, members: tuple[Member, ...], population: Population
    ) -> None:
        self.task = task
        self.members = members
        self.population = population
        flat = population.flat
        self.scale = data.scale
        self.train_inputs = data.train_inputs.to(flat.device)
        self.train_targets = data.train_targets.to(flat.device)
        # as numbers, once: turning a large test set into numbers costs as much as its products
        self.test_inputs = numbers(data.test_inputs.to(flat.device), data.scale, flat.dtype)
        self.test_targets = data.test_targets.to(flat.device)
        self.outputs = len(data.output_names)
        self.optimizer = PopulationAdamW(flat, [m.learning_rate for m in members])
        self.gradient = torch.zeros_like(flat)
        self.signs = torch.zeros_like(flat)
        self.differentiation = choose_differentiation(population, self.gradient, loss=task.loss)
        self.reasons: list[str | None] = [None] * len(members)
        self.first_loss: Tensor | None = None
        self.records: list[tuple[int, Tensor]] = []

    def train(self, on_progress: Callable[[float], None] | None) -> None:
        training = self.task.training
        batches = self._batches()
        swaps = self._swaps()
        for stretch in penalty.stretches(self.task.penalty, training.steps):
            charged = self._prices(stretch.biases)
            marginal = charged * self._strengths()[:, None] * stretch.factor
            for step in range(stretch.start, stretch.stop):
                logged = step % training.log_every == 0 or step == training.steps - 1
                figures = self._advance(
                    *next(batches), marginal, charged=charged if logged else None
                )
                if figures is not None:
                    self._record(step, figures)
                    if on_progress is not None:
                        on_progress((step + 1) / training.steps)
                self._relocate(step + 1, swaps)
        self._freeze_lost(training.steps - 1, None)

    @torch.no_grad()
    def _advance(
        self, batch: object, targets: Tensor, marginal: Tensor, *, charged: Tensor | None
    ) -> Tensor | None:
        """One update; where prices are given, the figures [4, P] from before it."""
        population = self.population
        torch.sign(population.flat, out=self.signs)
        torch.mul(self.signs, marginal, out=self.gradient)
        with torch.enable_grad():
            outputs = self.differentiation.gradient(batch, targets)
        figures = None
        if charged is not None:
            loss = objective.task_loss(self.task.loss, outputs, targets)
            test = evaluate(self.task, population, self.test_inputs, self.test_targets)
            cost = penalty.connection_cost(population.flat, charged)
            figures = torch.stack([figure.to(torch.float64) for figure in (loss, *test, cost)])
        self.optimizer.step(self.gradient)
        return figures

    def _batches(self) -> Iterator[tuple[object, Tensor]]:
        """Endless (batch, target columns); minibatches in an order that is the task's own.

        All members see the same batches, so a member's result does not depend on its pack mates
        and a batch is fetched once for all of them.
        """
        size = self.task.training.batch_size
        architecture = self.population.architecture
        dtype = self.population.flat.dtype
        count = len(self.train_inputs)
        wanted = objective.columns(self.task.loss, self.train_targets, self.outputs, dtype)
        if size is None or size >= count:
            inputs = numbers(self.train_inputs, self.scale, dtype)
            batch = architecture.prepare(inputs)
            while True:
                yield batch, wanted
        epoch = 0
        while True:
            generator = torch_generator("batches", self.task.name, self.task.data.seed, epoch)
            order = torch.randperm(count, generator=generator).to(self.train_inputs.device)
            for chosen in order[: count - count % size].split(size):
                inputs = numbers(self.train_inputs[chosen], self.scale, dtype)
                yield architecture.prepare(inputs), wanted[..., chosen]
            epoch += 1

    def _swaps(self) -> dict[tuple[int, str, str], list[int]]:
        """Members by the steps between their relocations, the method, and what moments do."""
        found: dict[tuple[int, str, str], list[int]] = {}
        for index, member in enumerate(self.members):
            if member.swap_every:
                key = (member.swap_every, member.relocation, member.moments)
                found.setdefault(key, []).append(index)
        return found

    def _relocate(self, done: int, swaps: dict[tuple[int, str, str], list[int]]) -> None:
        for (every, method, moments), indices in swaps.items():
            if done % every == 0:
                with torch.no_grad():
                    relocate(
                        self.population,
                        top_k=[self.members[i].top_k for i in indices],
                        reduce=self.task.penalty.reduce,
                        members=indices,
                        method=method,
                        moments=(self.optimizer.first, self.optimizer.second),
                        carry_moments=moments == "travel",
                    )

    def _vector(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64).to(self.population.flat)

    def _strengths(self) -> Tensor:
        return self._vector([member.lam for member in self.members])

    def _prices(self, biases: bool) -> Tensor:
        return penalty.prices(
            self.population,
            locality=self._vector([member.locality for member in self.members]),
            spacing=self._vector([member.spacing for member in self.members]),
            reduce=self.task.penalty.reduce,
            biases=biases,
            no_locality_into=self.task.penalty.no_locality_into,
        )

    def _record(self, step: int, found: Tensor) -> None:
        self.records.append((step, found))
        self._freeze_lost(step, found[0])

    def _freeze_lost(self, step: int, loss: Tensor | None) -> None:
        """Marks and freezes members whose loss or parameters left every scale."""
        healthy = torch.isfinite(self.population.flat).all(dim=1)
        if loss is not None:
            if self.first_loss is None:
                self.first_loss = loss
            healthy &= torch.isfinite(loss) & (loss <= _DIVERGED * (self.first_loss + 1.0))
        for index, fine in enumerate(healthy.tolist()):
            if not fine and self.reasons[index] is None:
                self.reasons[index] = f"diverged by step {step}"
                self._freeze(index)

    def _freeze(self, index: int) -> None:
        self.population.flat.data[index].zero_()
        self.optimizer.first[index].zero_()
        self.optimizer.second[index].zero_()
        alive = zip(self.members, self.reasons, strict=True)
        self.optimizer.set_rates([m.learning_rate if r is None else 0.0 for m, r in alive])

    def curves(self) -> pd.DataFrame:
        """The learning curves as a tidy frame; a member's ends where it diverged."""
        frames = []
        names = ("train_loss", "test_loss", "performance", "cost")
        values = torch.stack([found for _, found in self.records]).cpu().numpy()
        steps = [step for step, _ in self.records]
        for index, member in enumerate(self.members):
            frame = pd.DataFrame(values[:, :, index], columns=list(names))
            frame.insert(0, "step", steps)
            frame.insert(0, "member", member.digest)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)
