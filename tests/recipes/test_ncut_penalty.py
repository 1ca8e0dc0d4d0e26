import itertools

import numpy as np
import pytest
import torch

from bimt_bench import data, recipes
from bimt_bench.engine import Run, start
from bimt_bench.ground import InputError
from bimt_bench.network import Connection, Group, Wiring
from bimt_bench.recipes.ncut_penalty import (
    NcutPenalty,
    NcutPenaltySettings,
    SmallEigenvalues,
    adjacency,
    connected,
)
from bimt_bench.spec import Configuration, Phase, catalog

WIRING = Wiring.layered((3, 4, 2))


def weights(seed=0, members=2):
    """Weights of all connections, members alike in shape and unlike in value."""
    draw = torch.Generator().manual_seed(seed)
    shapes = {"layers.0.weight": (4, 3), "layers.1.weight": (2, 4)}
    return {
        name: torch.randn(members, *shape, generator=draw, dtype=torch.float64)
        for name, shape in shapes.items()
    }


def in_parts(members=2):
    """The neurons of each layer, dealt to two parts that no weight joins."""
    theta = weights(members=members)
    for table in theta.values():
        rows, columns = (torch.arange(size) * 2 // size for size in table.shape[1:])
        table *= rows[:, None] == columns
    return theta


def eigenvalues(theta, wanted):
    directed = adjacency(WIRING, theta)
    return SmallEigenvalues.apply(directed, connected(WIRING, directed.detach()), wanted)


def by_numpy(theta, row):
    """Eigenvalues of the normalised Laplacian, node by node."""
    a = np.zeros((9, 9))
    for name, (to, source) in {"layers.0.weight": (3, 0), "layers.1.weight": (7, 3)}.items():
        block = theta[name][row].abs().numpy()
        for i, j in itertools.product(*map(range, block.shape)):
            a[to + i, source + j] = a[source + j, to + i] = block[i, j]
    alive = a.sum(1) > 0
    a = a[alive][:, alive]
    root = np.diag(a.sum(1) ** -0.5)
    return np.linalg.eigvalsh(np.eye(len(a)) - root @ a @ root)


@pytest.mark.parametrize("wanted", [1, 3, 5])
def test_the_value_is_the_sum_of_the_small_eigenvalues(wanted):
    theta = weights()
    found = eigenvalues(theta, wanted)
    expected = [by_numpy(theta, row)[1 : wanted + 1].sum() for row in range(2)]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


def test_two_disjoint_parts_have_the_second_eigenvalue_0():
    found = eigenvalues(in_parts(), 1)
    torch.testing.assert_close(found, torch.zeros(2, dtype=torch.float64), atol=1e-12, rtol=0)
    assert (eigenvalues(weights(), 1) > 0.01).all()
    assert (eigenvalues(in_parts(), 2) > 0.01).all()  # and the third is not


def slopes_agree(theta, wanted, *, only_nonzero=True):
    """The gradient against central differences, at every weight."""
    leaves = {name: value.clone().requires_grad_() for name, value in theta.items()}
    value = eigenvalues(leaves, wanted).sum()
    found = torch.autograd.grad(value, list(leaves.values()))
    for (name, table), gradient in zip(theta.items(), found, strict=True):
        assert torch.isfinite(gradient).all()
        for index in itertools.product(*map(range, table.shape)):
            if only_nonzero and table[index] == 0.0:
                assert gradient[index] == 0.0
                continue
            ends = []
            for sign in (1.0, -1.0):
                moved = {k: v.clone() for k, v in theta.items()}
                moved[name][index] += sign * 1e-6
                ends.append(eigenvalues(moved, wanted).sum())
            slope = (ends[0] - ends[1]) / 2e-6
            torch.testing.assert_close(gradient[index], slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("wanted", [1, 3])
def test_the_gradient_is_that_of_finite_differences(wanted):
    slopes_agree(weights(seed=1), wanted)


def test_so_it_is_where_eigenvalues_are_equal():
    """Two equal halves: every eigenvalue comes twice, and the sum takes both of each."""
    half = weights(seed=2, members=1)
    theta = {name: torch.zeros(1, *size, dtype=torch.float64) for name, size in
             {"layers.0.weight": (8, 6), "layers.1.weight": (4, 8)}.items()}  # fmt: skip
    for name, table in theta.items():
        rows, columns = half[name].shape[1:]
        table[:, :rows, :columns] = table[:, rows:, columns:] = half[name]
    wiring = Wiring.layered((6, 8, 4))

    def total(weights, wanted):
        directed = adjacency(wiring, weights)
        return SmallEigenvalues.apply(directed, connected(wiring, directed.detach()), wanted)

    leaves = {name: value.clone().requires_grad_() for name, value in theta.items()}
    found = torch.autograd.grad(total(leaves, 3).sum(), list(leaves.values()))
    for (name, table), gradient in zip(theta.items(), found, strict=True):
        for index in table.nonzero().tolist():
            ends = []
            for sign in (1.0, -1.0):
                moved = {k: v.clone() for k, v in theta.items()}
                moved[name][tuple(index)] += sign * 1e-6
                ends.append(total(moved, 3).sum())
            slope = (ends[0] - ends[1]) / 2e-6
            torch.testing.assert_close(gradient[tuple(index)], slope, rtol=1e-5, atol=1e-7)


def test_neurons_that_reach_no_input_or_no_output_are_removed():
    theta = weights()
    theta["layers.0.weight"][:, :2] = 0.0  # two hidden neurons without an input ...
    theta["layers.1.weight"][:, 0, :2] = 0.0
    theta["layers.1.weight"][:, 0, 3] = 0.0
    theta["layers.1.weight"][:, 1, 2] = 0.0
    theta["layers.1.weight"][:, 1, 3] = 0.0  # ... and their output: a component of its own
    theta["layers.0.weight"][0, :, 1] = 0.0  # in one member an input is alone
    directed = adjacency(WIRING, theta)
    found = connected(WIRING, directed)[:, :9].tolist()
    assert found[0] == [True, False, True, False, False, True, True, True, False]
    assert found[1] == [True, True, True, False, False, True, True, True, False]
    kept = {name: value.clone() for name, value in theta.items()}
    kept["layers.1.weight"][:, 1, :2] = 0.0
    torch.testing.assert_close(eigenvalues(theta, 3), eigenvalues(kept, 3))
    slopes_agree(kept, 3)
    leaves = {name: value.clone().requires_grad_() for name, value in theta.items()}
    _, gradient = torch.autograd.grad(eigenvalues(leaves, 3).sum(), list(leaves.values()))
    assert (gradient[:, 1, :2] == 0.0).all(), "what was removed is pulled nowhere"


def test_where_eigenvalues_are_missing_they_count_0():
    theta = {name: torch.zeros_like(value) for name, value in weights().items()}
    theta["layers.0.weight"][0, 1, 1] = theta["layers.1.weight"][0, 0, 1] = 2.0
    found = eigenvalues(theta, 4)
    torch.testing.assert_close(found, torch.tensor([3.0, 0.0], dtype=torch.float64))


def test_folds_and_both_directions_add_up_and_loops_are_left_out():
    groups = (Group("input", 2, "input", 0), Group("state", 2, "hidden", 1),
              Group("output", 1, "output", 2))  # fmt: skip
    wiring = Wiring(
        groups,
        (
            Connection("in", "input", "state", source_folds=2, target_folds=2),
            Connection("loop", "state", "state"),
            Connection("out", "state", "output"),
        ),
        (),
    )
    theta = {
        "in": torch.arange(16.0).view(1, 4, 4),
        "loop": torch.tensor([[[7.0, -2.0], [3.0, 9.0]]]),
        "out": torch.tensor([[[1.0, -1.0]]]),
    }
    directed = adjacency(wiring, theta)[0, :5, :5]
    joined = directed + directed.T
    assert joined[2, 3] == 5.0 and joined.diagonal().abs().sum() == 0.0
    assert joined[2, 0] == 0 + 2 + 8 + 10 and joined[3, 1] == 5 + 7 + 13 + 15


def test_a_member_without_numbers_leaves_its_mates_alone():
    theta = weights()
    expected = eigenvalues(theta, 3)
    theta["layers.0.weight"][0, 0, 0] = torch.nan
    found = eigenvalues(theta, 3)
    assert torch.isnan(found[0]) and found[1] == expected[1]


def test_more_eigenvalues_than_neurons_are_refused():
    with pytest.raises(InputError, match="eigenvalues: 9 given; must be below 9"):
        NcutPenalty().check(
            NcutPenaltySettings(eigenvalues=9, phases=(Phase(start=0.0, factor=1.0),)), WIRING
        )


def test_the_penalty_is_strength_times_the_mean():
    task = catalog.task("symbolic/independence")
    member = recipes.resolve(task, Configuration(recipe="ncut_penalty", strength=2.0), 0)
    loaded = data.load(task.data)
    run = Run(task, loaded, (member,), start(task, loaded, [member]))
    (cohort,) = run.cohorts
    m = cohort.members
    directed = adjacency(m.wiring, m.theta)
    total = SmallEigenvalues.apply(directed, connected(m.wiring, directed), 3)
    expected = 2.0 * task.penalty.lam * m.factor * total / 3
    torch.testing.assert_close(NcutPenalty().penalty(m, m.theta), expected)
