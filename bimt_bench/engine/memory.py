"""How much memory a pack takes, and its parts where it would take more than there is.

Perceptrons are reckoned from sizes: the buffers of their fast path are its own. Of other modules a
step and an evaluation are measured.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from bimt_bench.data import TaskData
from bimt_bench.engine.cohorts import cohort_key, own_settings, table_shape
from bimt_bench.engine.tiles import members_at_a_time
from bimt_bench.engine.working import evaluation_bytes, step_bytes
from bimt_bench.ground import size_words
from bimt_bench.network import Architecture, ModuleArchitecture, build
from bimt_bench.spec import RECIPES, Member, TaskSpec

# Tables laid out like the parameters: themselves, gradient, signs, two moments, two of prices,
# those at full strength, products on their way into the gradient, placed copies; and once more
# parameters and moments while members that stay are copied out; the altered weights that metrics
# ask for. Distances, relocation's float64 and what recipes hold are counted apart.
_TABLES = 10 + 4 + 10
_COPIES = 3  # of a recipe's tables, while members that stay are copied out
_BUFFERS = 4  # sums, activations and two gradients of each neuron, for every sample of a batch
_EVALUATION = 3  # the same on test data: a sum, its activation and the next sum
_TEMPORARIES = 4  # of the size of the outputs, in loss and performance
_ALL = 1 << 62  # on a GPU all members are under way at once


@dataclass(frozen=True)
class Estimate:
    """Bytes that a pack takes: `shared` once, `member` for each member.

    `activations` are those of one member's training step; `at_once` members have them at a time.
    """

    member: int
    shared: int
    activations: int = 0
    at_once: int = 0

    def total(self, members: int) -> int:
        """Bytes of so many members."""
        under_way = min(members, self.at_once) * self.activations
        return self.shared + members * self.member + under_way


def estimate(
    task: TaskSpec, data: TaskData, members: Sequence[Member], *, device: str = "cpu"
) -> Estimate:
    """Bytes of training and evaluating such members of the task together.

    What recipes hold is that of the member that needs most.
    """
    architecture = build(task, data)
    dtype = getattr(torch, task.training.dtype)
    entry = dtype.itemsize
    samples, test = len(data.train_inputs), len(data.test_inputs)
    batch = min(task.training.batch_size or samples, samples)
    parameters = sum(math.prod(shape) for shape in architecture.shapes.values())
    inputs = math.prod(data.train_inputs.shape[1:])
    outputs = len(data.output_names) * (data.train_inputs.shape[1] if data.has_steps else 1)
    member = _TABLES * parameters * entry
    member += _relocation(architecture, parameters, entry)
    member += _recipes(architecture, members, parameters, entry)
    member += _TEMPORARIES * outputs * max(batch, test) * entry
    if isinstance(architecture, ModuleArchitecture):
        activations = step_bytes(architecture, batch, dtype)
        member += evaluation_bytes(architecture, test, dtype)
    else:
        activations, evaluation = _perceptron(architecture, data, batch)
        activations, member = activations * entry, member + evaluation * entry
    tensors = (data.train_inputs, data.train_targets, data.test_inputs, data.test_targets)
    shared = sum(t.numel() * t.element_size() for t in tensors)
    # and once more as numbers, with targets as columns; cross entropy has classes there
    shared += (samples if batch == samples else batch) * (inputs + outputs) * entry
    shared += test * (inputs + outputs) * entry
    at_once = members_at_a_time(architecture, batch, dtype=dtype, device=device) or _ALL
    return Estimate(member=member, shared=shared, activations=activations, at_once=at_once)


def _perceptron(architecture: Architecture, data: TaskData, batch: int) -> tuple[int, int]:
    """Numbers that a step of a batch and an evaluation of the test data take, from sizes."""
    neurons = [g.size for g in architecture.wiring.groups if g.role != "input"]
    inputs = data.train_inputs.shape[1]
    activations = (_BUFFERS * sum(neurons) + inputs) * batch
    if data.tokens is not None:
        activations += (3 * data.tokens + batch) * neurons[0]
    return activations, (_EVALUATION * max(neurons) + inputs) * len(data.test_inputs)


def _recipes(
    architecture: Architecture, members: Sequence[Member], parameters: int, entry: int
) -> int:
    """What the recipe that needs most holds for a member: its tables, and what its hooks take."""
    wiring, most = architecture.wiring, 0
    for member in {cohort_key(one): one for one in members}.values():
        recipe = RECIPES.get_kind(member.recipe)
        neurons = sum(group.size for group in wiring.groups)
        shapes = [table_shape(table, parameters, neurons) for table in recipe.tables]
        tables = _COPIES * entry * sum(math.prod(shape) for shape in shapes)
        working = recipe().working_bytes(own_settings(recipe, member), wiring)
        most = max(most, tables + working)
    return most


def _relocation(architecture: Architecture, parameters: int, entry: int) -> int:
    """Distances of every connection, and one group's cost table and weights in float64."""
    sizes = {group.name: group.size for group in architecture.wiring.groups}
    distances = sum(sizes[c.source] * sizes[c.target] for c in architecture.wiring.connections)
    movable = [group.size for group in architecture.wiring.groups if group.movable]
    return distances * entry + 8 * (2 * max(movable, default=0) ** 2 + 2 * parameters)


def parts(members: Sequence[Member], needed: Estimate, limit: int) -> list[tuple[Member, ...]]:
    """Members in as few parts as fit the limit one after another; one alone is always a part."""
    if needed.total(len(members)) <= limit:
        return [tuple(members)]
    most = max((n for n in range(1, len(members)) if needed.total(n) <= limit), default=1)
    count = math.ceil(len(members) / most)
    size = math.ceil(len(members) / count)
    return [tuple(members[i : i + size]) for i in range(0, len(members), size)]


def split_line(task: str, needed: Estimate, limit: int, found: Sequence[Sequence[Member]]) -> str:
    """What a user should know of a pack that was split."""
    members = sum(len(part) for part in found)
    line = (
        f"memory: {task}: {members} members need about {size_words(needed.total(members))}, "
        f"but {size_words(limit)} are free; they train in {len(found)} parts one after another, "
        "to the same networks"
    )
    largest = needed.total(max(len(part) for part in found))
    return line if largest <= limit else f"{line} (one member alone needs {size_words(largest)})"
