"""The training loop: a population of members on one task, and what it records on the way."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from bimt_bench.data import TaskData
from bimt_bench.engine import cost
from bimt_bench.engine.checkpoints import Checkpoint, Checkpoints, identity_of
from bimt_bench.engine.cohorts import Cohorts, in_cohorts
from bimt_bench.engine.denormals import FlushedDenormals
from bimt_bench.engine.differentiating import choose_differentiation
from bimt_bench.engine.feed import Feed, numbers
from bimt_bench.engine.history import History
from bimt_bench.engine.members import Stage
from bimt_bench.engine.objective import TaskLoss, TaskMeasure
from bimt_bench.engine.optimizer import PopulationAdamW, Rates
from bimt_bench.engine.population import Population
from bimt_bench.engine.tiles import members_at_a_time, tiles
from bimt_bench.ground import code_digest, library_versions
from bimt_bench.network import Architecture, build, prepare
from bimt_bench.spec import RECIPES, Member, TaskSpec, kinds_in

# A loss this many times the first one, plus this, is divergence: training has left every scale
# on which the task's loss means anything, though float32 may not have overflowed yet.
_DIVERGED = 1e6
_EVALUATION_CHUNK = 512  # samples whose activations stay in a cache


@dataclass(frozen=True)
class Trained:
    """A trained population, its learning curves and what became of each member.

    `curves` has a row for each member and logged step: member, step, train_loss (of the batch,
    before the step's update), test_loss, performance (on the test data), cost (the connection
    cost at full price: A and l0 of the task, biases in), charged_cost (what the recipe adds to the
    loss, at its strength); a member's ends where it diverged. `seconds` counts a resumed run's
    earlier parts too.
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
    checkpoints: Checkpoints | None = None,
) -> Trained:
    """Trains all members of one task together; none of them influences another.

    `population` may hold starting parameters of its own (it is trained in place); otherwise each
    member starts from its seed. `on_progress` is told the fraction done at every evaluation; if
    it raises, training ends there. A member whose loss leaves every scale is marked `diverged`
    and leaves, its parameters set to zero; the others go on without it.

    With `checkpoints` the state is kept on the way, at the end, and when `on_progress` raises;
    the same call later goes on from there, to the same bits as a run that was never interrupted.
    """
    if population is None:
        population = start(task, data, members, device=device)
    run = Run(task, data, tuple(members), population)
    _drive(run, on_progress, checkpoints)
    return Trained(
        members=run.members,
        population=population,
        curves=run.history.frame(run.members),
        status=tuple("ok" if reason is None else "diverged" for reason in run.reasons),
        reason=tuple(run.reasons),
        seconds=run.seconds(),
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
    task: TaskSpec, population: Population, inputs: Tensor, targets: Tensor, *, loss: TaskLoss
) -> tuple[Float[Tensor, " member"], Float[Tensor, " member"]]:
    """Loss and performance of every member on data that lie, as numbers, on its device.

    `loss` is the task's for these targets, made before they went there.
    """
    with torch.no_grad():
        chunks = [population.outputs(chunk) for chunk in inputs.split(_EVALUATION_CHUNK)]
    outputs = torch.cat(chunks, dim=1).movedim(-1, 1)
    wanted = loss.wanted(targets, outputs.shape[1], outputs.dtype)
    measure = TaskMeasure.of(task.performance)
    return loss.mean(outputs, wanted), measure.performance(outputs, targets)


def _drive(
    run: "Run", on_progress: Callable[[float], None] | None, checkpoints: Checkpoints | None
) -> None:
    """Trains to the last step, from the newest checkpoint if there is one.

    The state is kept between two steps only, where it is whole.
    """
    identity, kept = "", -1
    if checkpoints is not None:
        identity = run.identity()
        found = checkpoints.latest(identity)
        if found is not None:
            run.resume(found)
            kept = run.done

    def keep() -> None:
        nonlocal kept
        if checkpoints is not None and kept != run.done:
            checkpoints.keep(identity, run.checkpoint())
            kept = run.done

    for logged in run.steps():
        if checkpoints is not None and checkpoints.due(run.done):
            keep()
        if logged and on_progress is not None:
            try:
                on_progress(run.fraction())
            except BaseException:
                keep()
                raise
    keep()
    run.finish()


class Run:
    """The state of one training run.

    `home` is the population of all members; `population` holds those that still train, the
    members `rows` of it, and is `home` itself until somebody leaves. `done` counts steps.
    """

    def __init__(
        self, task: TaskSpec, data: TaskData, members: tuple[Member, ...], home: Population
    ) -> None:
        self.task = task
        self.data = data
        self.members = members
        self.home = home
        self.done = 0
        self.reasons: list[str | None] = [None] * len(members)
        self.history = History(len(members))
        self.feed = Feed(task, data, home.architecture, home.flat)
        self.denormals = FlushedDenormals()
        device, dtype = home.flat.device, home.flat.dtype
        if device.type == "cpu":
            prepare(task.training.dtype)
        samples = min(task.training.batch_size or len(data.train_inputs), len(data.train_inputs))
        self.at_a_time = members_at_a_time(
            home.architecture, samples, dtype=dtype, device=device.type
        )
        # as numbers, once: turning a large test set into numbers costs as much as its products
        self.test_inputs = numbers(data.test_inputs.to(device), data.scale, dtype)
        self.test_targets = data.test_targets.to(device)
        self.test_loss = TaskLoss.of(task.loss, data.test_targets)
        self._earlier, self._began = 0.0, time.perf_counter()
        rows = in_cohorts(members, range(len(members)))
        population = home if rows == list(range(len(members))) else home.keep(rows)
        self._enter(rows, population, PopulationAdamW(population.flat, self._rates(rows)))

    def fraction(self) -> float:
        """The share of the steps that is done; all of it when nobody is left."""
        return self.done / self.task.training.steps if self.rows else 1.0

    def seconds(self) -> float:
        """Time spent on this run, by this process and by those it goes on from."""
        return self._earlier + time.perf_counter() - self._began

    # ------------------------------------------------------------------ steps

    def steps(self) -> Iterator[bool]:
        """Takes the steps that are left; yields after each whether it was logged."""
        training = self.task.training
        batches = self.feed.batches(self.done)
        if self.done == 0:
            with torch.no_grad():
                self.cohorts.start()
        self.cohorts.charge()
        while self.done < training.steps and self.rows:
            step = self.done
            logged = step % training.log_every == 0 or step == training.steps - 1
            with self.denormals:
                self._step(step, *next(batches), logged=logged)
            yield logged

    def _step(self, step: int, batch: object, targets: Tensor, *, logged: bool) -> None:
        """A step, and what happens after it."""
        self.stage.step = step
        if step in self.cohorts.edges and step:
            self.cohorts.charge()
        figures = self._advance(batch, targets, logged=logged)
        if figures is not None:
            self.history.add(step, self.rows, figures)
            self._leave_lost(step, figures[0])
        self.done = self.stage.step = step + 1
        if self.rows:
            with torch.no_grad():
                self.cohorts.happen(self.done)

    def finish(self) -> None:
        """Marks those lost since the last evaluation; afterwards `home` holds all members."""
        if self.rows:
            self._leave_lost(self.task.training.steps - 1, None)
        self._send_home()

    @torch.no_grad()
    def _advance(self, batch: object, targets: Tensor, *, logged: bool) -> Tensor | None:
        """One update; where it is logged, the figures [5, P] from before it."""
        before = self._evaluate() if logged else None
        cohorts, noise = self.cohorts, self.cohorts.noise if self.cohorts.noisy else None
        for rows in self.tiles:
            self.differentiation.gradient(batch, targets, rows, noise)
            if logged or cohorts.reads_loss:
                outputs = self.differentiation.outputs(rows, targets.shape[-1])
                self.stage.loss[rows] = self.feed.loss.mean(outputs, targets)
            gradient = self.gradient[: rows.stop - rows.start]
            if cohorts.penalised:
                cohorts.penalise(rows, gradient)
            self.optimizer.update(rows, gradient, cohorts.marginal[rows])
        self.optimizer.finish()
        cohorts.after_update()
        if before is None:
            return None
        figures = (self.stage.loss, *before)
        return torch.stack([figure.to(torch.float64) for figure in figures])

    def _evaluate(self) -> tuple[Tensor, ...]:
        """Test loss, performance, cost and charged cost of every member that trains."""
        test = evaluate(
            self.task,
            self.population,
            self.test_inputs,
            self.test_targets,
            loss=self.test_loss,
        )
        whole = cost.connection_cost(self.population.flat, self.full_prices)
        return (*test, whole, self.cohorts.charged())

    # ------------------------------------------------------------------ who trains

    def _enter(
        self,
        rows: list[int],
        population: Population,
        optimizer: PopulationAdamW,
        tables: Mapping[str, Tensor] | None = None,
    ) -> None:
        """The members `rows` train from here on, with these tables; recipes' state if there is."""
        self.rows, self.population, self.optimizer = rows, population, optimizer
        self.tiles = tiles(population.size, self.at_a_time)
        largest = max(rows.stop - rows.start for rows in self.tiles)
        self.gradient = torch.zeros_like(population.flat[:largest])
        self.differentiation = choose_differentiation(
            population,
            self.gradient,
            loss=self.feed.loss,
            precision=self.task.training.products,
        )
        members = [self.members[row] for row in rows]
        loss = torch.zeros(population.size, dtype=torch.float32).to(population.flat)
        self.stage = Stage(self.task, population, optimizer, members, loss, self.done)
        self.cohorts = Cohorts(self.stage, tables)
        penalty = self.task.penalty
        self.full_prices = cost.prices(
            population,
            locality=torch.full_like(loss, penalty.locality),
            spacing=torch.full_like(loss, penalty.spacing),
            reduce=penalty.reduce,
            no_locality_into=penalty.no_locality_into,
        )

    def _leave_lost(self, step: int, loss: Tensor | None) -> None:
        """Marks members whose loss or parameters left every scale, and goes on without them."""
        healthy = torch.isfinite(self.population.flat).all(dim=1)
        if loss is not None:
            first = self.history.first_loss(self.rows).to(loss)
            healthy &= torch.isfinite(loss) & (loss <= _DIVERGED * (first + 1.0))
        fine = healthy.tolist()
        if all(fine):
            return
        self._send_home()
        stay = [i for i, well in enumerate(fine) if well]
        for i, well in enumerate(fine):
            if not well:
                fault = self.cohorts.fault_of(i)
                told = f"diverged by step {step}"
                self.reasons[self.rows[i]] = told if fault is None else f"{told}: {fault}"
                self.home.flat.data[self.rows[i]].zero_()
        if stay:
            kept = self.population.keep(stay)
            optimizer = self.optimizer.keep(kept.flat, stay)
            tables, last = self.cohorts.kept_tables(stay), self.stage.loss[stay]
            self._enter([self.rows[i] for i in stay], kept, optimizer, tables)
            self.stage.loss.copy_(last)  # hooks of this step's events may read it
            self.cohorts.charge()
        else:
            self.rows = []

    def _send_home(self) -> None:
        if self.rows and self.population is not self.home:
            self.home.put(self.rows, self.population)

    def _rates(self, rows: Sequence[int]) -> list[Rates]:
        names = ("learning_rate", "beta1", "beta2", "weight_decay")
        return [Rates(*(self.members[row][name] for name in names)) for row in rows]

    # ------------------------------------------------------------------ the state on disk

    def identity(self) -> str:
        """The digest of everything this run's numbers follow from, before its first step."""
        home, data = self.home, self.data
        used = [(RECIPES, member.recipe) for member in self.members]
        kinds = {held.get_kind(name).__module__ for held, name in [*used, *kinds_in(self.task)]}
        return identity_of(
            {
                "task": self.task.digest(),
                "members": [member.digest for member in self.members],
                "shapes": {name: list(s) for name, s in home.architecture.shapes.items()},
                "scale": data.scale,
                "dtype": str(home.flat.dtype),
                "device": home.flat.device.type,
                "code": code_digest([__name__, *kinds]),
                "libraries": library_versions(),
            },
            {
                "start": home.flat,
                **{f"labels.{name}": label for name, label in home.labels.items()},
                "train_inputs": data.train_inputs,
                "train_targets": data.train_targets,
                "test_inputs": data.test_inputs,
                "test_targets": data.test_targets,
            },
        )

    def checkpoint(self) -> Checkpoint:
        """The state between two steps: all that the rest of the run depends on."""
        self._send_home()
        rows = len(self.rows)
        tensors = {
            "parameters": self.home.flat,
            "first_moments": self.optimizer.first[:rows],
            "second_moments": self.optimizer.second[:rows],
            "history": self.history.table(),
            **{f"recipe.{name}": table for name, table in self.cohorts.tables().items()},
            **{f"labels.{name}": label for name, label in self.home.labels.items()},
        }
        state = {
            "rows": self.rows,
            "reasons": self.reasons,
            "optimizer_steps": self.optimizer.step_count,
            "logged_steps": self.history.steps,
            "logged_lengths": self.history.lengths,
            "seconds": self.seconds(),
        }
        return Checkpoint(step=self.done, tensors=tensors, state=state)

    def resume(self, found: Checkpoint) -> None:
        """Takes up the state of a checkpoint of this same run."""
        tensors, state, home = found.tensors, found.state, self.home
        self.done = found.step
        self._earlier = state["seconds"]
        self.reasons = state["reasons"]
        self.history.restore(state["logged_steps"], state["logged_lengths"], tensors["history"])
        home.flat.copy_(tensors["parameters"])
        for name in home.labels:
            home.labels[name] = tensors[f"labels.{name}"].to(home.flat.device)
            home.positions[name] = home.labels[name].argsort(dim=1)
        self.rows = state["rows"]
        if not self.rows:
            return
        in_order = self.rows == list(range(len(self.members)))
        population = home if in_order else home.keep(self.rows)
        count = state["optimizer_steps"]
        optimizer = PopulationAdamW(population.flat, self._rates(self.rows), step_count=count)
        optimizer.first.copy_(tensors["first_moments"])
        optimizer.second.copy_(tensors["second_moments"])
        tables = {k.removeprefix("recipe."): v for k, v in tensors.items() if k[:7] == "recipe."}
        self._enter(self.rows, population, optimizer, tables)
