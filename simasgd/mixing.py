"""Where learners have models of their own: the tape's columns for that, and who holds which model.

There a row makes one model from one or two others: model u + 1 is base_share·(model base) + other_share·(model other), less
step_share times the optimizer's update where the row has a gradient. Model 0 is the initial one, which everybody holds at
first. Several may hold one model (the mean of all, say), and what nobody holds is on its way, or part of a sum.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from simasgd.tape import Floats, Ints

NOBODY = -1
NONE = -1


class Model(NamedTuple):
    """A handle on a model: its number, and the number of the row's model whose optimizer state goes with it. Never an array.

    `holder` (NOBODY: nobody) held it when it was read, after so many `steps` of its own, and so many `changes` of its model.
    """

    number: int
    state: int = 0
    holder: int = NOBODY
    steps: int = 0
    changes: int = 0


class Row(NamedTuple):
    """One row of a tape of models. Without `other` (NONE) its share is 0.

    A row with a gradient makes base − step_share·(update), from the optimizer's `state`. One without mixes two models and,
    where it has an `other_state`, the states likewise; else it makes no state. `owner` holds what it makes (NOBODY: nobody
    does). `age` says how old the other model was: the steps that its holder had made since it was read (NONE: nothing of others
    came in).
    """

    owner: int
    base: int
    base_share: float = 1.0
    other: int = NONE
    other_share: float = 0.0
    step_share: float = 0.0
    state: int = NONE
    other_state: int = NONE
    age: int = NONE


@final
@dataclass(frozen=True, eq=False)
class Mixing:
    """The rows' columns, each of shape (U,), as in `Row`; and who came to hold what.

    Adoptions, in their order, shape (H,): `holder` holds model `held` from when `held_at` rows have been made. Learners are
    0 … λ − 1, and λ is the centre, if `has_centre`.
    """

    learners: int
    has_centre: bool
    owner: Ints
    base: Ints
    base_share: Floats
    other: Ints
    other_share: Floats
    step_share: Floats
    state: Ints
    other_state: Ints
    age: Ints
    held_at: Ints
    holder: Ints
    held: Ints

    @cached_property
    def _of_holder(self) -> tuple[tuple[Ints, Ints], ...]:
        """For every holder since when (rows made) it held which models, the initial one first."""
        order = np.argsort(self.holder, kind="stable")
        bounds = np.searchsorted(self.holder[order], np.arange(self.num_holders + 1))
        mine = (order[begin:end] for begin, end in pairwise(bounds.tolist()))
        return tuple((np.concatenate([[0], self.held_at[rows]]), np.concatenate([[0], self.held[rows]])) for rows in mine)

    @property
    def num_holders(self) -> int:
        return self.learners + self.has_centre

    def holders(self, rows: int) -> Ints:
        """The model that each holder has when so many rows have been made, shape (λ,) or, with a centre, (λ + 1,)."""
        return np.array([held[np.searchsorted(since, rows, side="right") - 1] for since, held in self._of_holder])

    def holding_periods(self) -> tuple[Ints, Ints]:
        """Return for every holding period the model, and the last row during which it is held (U if held to the end).

        Both have shape (H + holders,).
        """
        whole = len(self.owner)
        models = [held for _, held in self._of_holder]
        last = [np.append(since[1:] - 1, whole) for since, _ in self._of_holder]
        return np.concatenate(models), np.concatenate(last)

    def changes_between(self, learner: Ints, read: Ints, row: Ints) -> Ints:
        """How often the model of each `learner` changed from when it held model `read` until `row` began."""
        found = np.empty(len(row), np.int64)
        for number in np.unique(learner).tolist():
            mine = np.flatnonzero(learner == number)
            since, held = self._of_holder[number]
            found[mine] = np.searchsorted(since, row[mine], side="right") - 1 - np.searchsorted(held, read[mine])
        return found


@final
class MixingRecorder:
    """Keeps the rows of models, 72 bytes each, and 24 an adoption."""

    def __init__(self, learners: int, has_centre: bool) -> None:
        self._learners, self._has_centre = learners, has_centre
        self._columns: dict[str, array[Any]] = {name: array("d" if name.endswith("share") else "q") for name in Row._fields}
        self._held_at, self._holder, self._held = array("q"), array("q"), array("q")

    def row(self, row: Row) -> None:
        for column, value in zip(self._columns.values(), row, strict=True):
            column.append(value)

    def hold(self, rows: int, holder: int, model: int) -> None:
        self._held_at.append(rows)
        self._holder.append(holder)
        self._held.append(model)

    def columns(self) -> Mixing:
        of_rows: dict[str, Any] = {name: _column(column) for name, column in self._columns.items()}
        adopted = (_column(column) for column in (self._held_at, self._holder, self._held))
        return Mixing(
            self._learners, self._has_centre, **of_rows, **dict(zip(("held_at", "holder", "held"), adopted, strict=True))
        )


def ages(values: Sequence[int] | Ints) -> Counter[int]:
    """How often each age of what was mixed in occurs."""
    found, counts = np.unique(np.asarray(values), return_counts=True)
    return Counter({age: count for age, count in zip(found.tolist(), counts.tolist(), strict=True) if age != NONE})


def _column(values: array[Any]) -> npt.NDArray[Any]:
    """A read-only copy, so that recording may go on."""
    column = np.array(values, np.int64 if values.typecode == "q" else np.float64)
    column.flags.writeable = False
    return column
