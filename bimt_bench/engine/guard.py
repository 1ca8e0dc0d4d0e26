"""Calls of a recipe's hooks: what goes wrong in one becomes a line that names it.

What a hook gives must have the right shape, and numbers in it. Something else for every member at
the first step is an error; later, or for some of them, it is the reason why these diverge.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from bimt_bench.engine.finite import Watched, bad_rows
from bimt_bench.engine.members import Members
from bimt_bench.ground import InputError, located

Bad = Bool[Tensor, " n"] | None


class Guard:
    """Calls the hooks of the members' recipe, and remembers who was given no numbers by which."""

    def __init__(self, members: Members) -> None:
        self._members, self._flat = members, Watched(members.flat)
        self._bad: dict[str, Tensor] = {}
        self._lost: Tensor | None = None

    def call(self, hook: str, act: Callable[[], Any]) -> Any:
        """What a hook gives; InputError that names recipe, hook and members if it raises."""
        try:
            return act()
        except InputError as error:
            raise InputError(f"{self._where(hook)}: {error}") from error
        except Exception as error:
            told = located(error, self._members.recipe)
            raise InputError(f"{self._where(hook)}: {told}") from error

    def check(self, hook: str, found: object, shape: Sequence[int]) -> None:
        """InputError if this is not a tensor of numbers of that shape."""
        if not isinstance(found, Tensor) or found.shape != shape or not found.is_floating_point():
            given = _described(found)
            wanted = f"a tensor of real numbers {tuple(shape)}"
            raise InputError(f"{self._where(hook)}: gave {given}, but must give {wanted}")

    def move(self, hook: str, act: Callable[[], Any]) -> None:
        """Calls a hook that may write the parameters."""
        before = self._flat.bad()
        self.call(hook, act)
        self.mark(hook, self._flat.bad(), before)

    def blame(self, hook: str, found: Tensor, given: Tensor, part: slice | None = None) -> None:
        """Marks members with no numbers in what a hook gave, though they had in what it got."""
        bad = bad_rows(found)
        if bad is not None:
            self.mark(hook, bad, bad_rows(given), part)

    def mark(self, hook: str, bad: Bad, before: Bad, part: slice | None = None) -> None:
        """Remembers which members have no numbers since a call of a hook, the first one only.

        `part` says which members these are, all if absent.
        """
        if bad is None:
            return
        fresh = bad if before is None else bad & ~before
        count, rows = len(self._members), slice(None) if part is None else part
        if self._lost is None:
            self._lost = torch.zeros(count, dtype=torch.bool, device=bad.device)
        held = self._bad.setdefault(hook, torch.zeros_like(self._lost))
        held[rows] |= fresh & ~self._lost[rows]
        self._lost[rows] |= bad
        last = part is None or part.stop == count
        if self._members.step == 0 and last and bool(held.all()):
            raise InputError(f"{self._where(hook)}: is not finite for any member at the first step")

    def fault_of(self, row: int) -> str | None:
        """The hook that first gave a member something that is no number; None if none did."""
        for hook, bad in self._bad.items():
            if bool(bad[row]):
                return f"{hook} of recipe '{self._members.recipe.name}' was not finite"
        return None

    def _where(self, hook: str) -> str:
        """'recipe 'x': penalty: member abc (seed 0) and 3 more, step 7'."""
        first, *others = self._members.members
        more = f" and {len(others)} more" if others else ""
        return (
            f"recipe '{self._members.recipe.name}': {hook}: member {first.digest} (seed "
            f"{first.seed}){more}, step {self._members.step}"
        )


def _described(found: object) -> str:
    if not isinstance(found, Tensor):
        return type(found).__name__
    return f"a tensor {tuple(found.shape)} of {str(found.dtype).removeprefix('torch.')}"


def check_apart(values: Tensor, theta: Mapping[str, Tensor]) -> None:
    """InputError if the first of some numbers [n] changes with parameters of other members.

    Asked once, of the numbers that a penalty gave for parameters theta {name: [n, *shape]}.
    """
    if not values.requires_grad:
        return
    found = torch.autograd.grad(
        values[0], list(theta.values()), retain_graph=True, allow_unused=True
    )
    for name, change in zip(theta, found, strict=True):
        if change is not None and bool((change[1:].nan_to_num(0.0, 0.0, 0.0) != 0.0).any()):
            raise InputError(
                f"what it gave for one member changes with '{name}' of others; reduce over all "
                "axes but the first"
            )
