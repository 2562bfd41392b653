"""Models of the learners' own: the columns of the tape that say how models are made and who holds them.

A row makes one model from one or two others: model u + 1 is base_share·(model base) + other_share·(model other), less
step_share times the optimizer's update if the row has a gradient. Model 0 is the initial one, which every learner holds at
first. Several learners may hold one model (the mean of all, say). A model that no learner holds is on its way, or part of a
sum.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np
import numpy.typing as npt

from simasgd.tape.arrays import Floats, Ints

if TYPE_CHECKING:
    from jaxtyping import Float64, Int64

NOBODY = -1
NONE = -1
AWAY = -2


class Model(NamedTuple):
    """A handle on a model. Never an array."""

    number: int
    state: int = 0
    """Number of the model whose optimizer state goes with this one."""
    holder: int = NOBODY
    """The learner (or centre) that held the model when it was read; NOBODY: none."""
    steps: int = 0
    """Steps that the holder had made by then."""
    changes: int = 0
    """Changes of the holder's model by then."""


make_model: Callable[[tuple[int, int, int, int, int]], Model]
make_model = partial(tuple.__new__, Model)  # twice as fast as Model
"""Make a handle of its fields, in their order."""


class Row(NamedTuple):
    """One row of a tape of models. Without `other` (NONE) its share is 0.

    A row with a gradient makes base − step_share·(update), from the optimizer's `state`. A row without a gradient mixes two
    models; if it has an `other_state`, it mixes the optimizer states likewise, else it makes no state. `owner` holds the new
    model (NOBODY: no learner). `age` is the age of the other model: the steps that its holder had made since it was read
    (NONE: no other learner's model came in).
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


make_row: Callable[[tuple[int, int, float, int, float, float, int, int, int]], Row]
make_row = partial(tuple.__new__, Row)
"""Make a row of its fields, in their order."""


@final
@dataclass(frozen=True, eq=False)
class Mixing:
    """The columns of U rows, as in `Row`, and H adoptions: `holder` holds model `held` after `held_at` rows.

    Adoptions are in order of time. Learners are 0 … λ − 1, and λ is the centre, if `has_centre`.
    """

    learners: int
    has_centre: bool
    owner: Int64[Ints, " U"]
    base: Int64[Ints, " U"]
    base_share: Float64[Floats, " U"]
    other: Int64[Ints, " U"]
    other_share: Float64[Floats, " U"]
    step_share: Float64[Floats, " U"]
    state: Int64[Ints, " U"]
    other_state: Int64[Ints, " U"]
    age: Int64[Ints, " U"]
    held_at: Int64[Ints, " H"]
    """Number of rows made before the adoption."""
    holder: Int64[Ints, " H"]
    held: Int64[Ints, " H"]
    """Number of the model; AWAY if the holder loses its model, until it has another one."""

    @cached_property
    def _of_holder(self) -> tuple[tuple[Ints, Ints], ...]:
        """For every holder: the numbers of rows after which its model changed, and its models, the initial one first."""
        order = np.argsort(self.holder, kind="stable")
        bounds = np.searchsorted(self.holder[order], np.arange(self.num_holders + 1))
        mine = (order[begin:end] for begin, end in pairwise(bounds.tolist()))
        return tuple((np.concatenate([[0], self.held_at[rows]]), np.concatenate([[0], self.held[rows]])) for rows in mine)

    @property
    def num_holders(self) -> int:
        """The number of learners, and one more if there is a centre."""
        return self.learners + self.has_centre

    def holders(self, rows: int) -> Ints:
        """Return the models of the learners that have one after `rows` rows, and the centre's last, if there is a centre.

        If no learner has one, these are the models that the learners had last.
        """
        found = [held[np.searchsorted(since, rows, side="right") - 1] for since, held in self._of_holder]
        learners = [model for model in found[: self.learners] if model != AWAY]
        if not learners:
            before = [(since, held) for since, held in map(self._without_absences, range(self.learners))]
            learners = [held[np.searchsorted(since, rows, side="right") - 1] for since, held in before]
        return np.array([*learners, *found[self.learners :]])

    def holding_periods(self) -> tuple[Ints, Ints]:
        """Return for every holding period the model, and the last row during which it is held (U if held to the end).

        Both have the same shape. A model that a learner loses counts as held until it has another.
        """
        whole = len(self.owner)
        periods = [self._without_absences(number) for number in range(self.num_holders)]
        last = [np.append(since[1:] - 1, whole) for since, _ in periods]
        return np.concatenate([held for _, held in periods]), np.concatenate(last)

    def last_held(self, rows: int) -> Ints:
        """Return the models that all learners had last after `rows` rows, and then the centre's, if there is a centre."""
        found = [self._without_absences(number) for number in range(self.num_holders)]
        return np.array([held[np.searchsorted(since, rows, side="right") - 1] for since, held in found])

    def last_states(self, rows: int) -> Ints:
        """Return the states of all learners' optimizers after `rows` rows, as numbers of models."""
        found = [self._states(number) for number in range(self.learners)]
        return np.array([states[np.searchsorted(since, rows, side="right") - 1] for since, states in found])

    def state_periods(self) -> tuple[Ints, Ints]:
        """Return for every state of a learner's optimizer the state, and the last row during which the learner has it.

        Both have the same shape. A state that is there to the end has the number of rows.
        """
        periods = [self._states(number) for number in range(self.learners)]
        last = [np.append(since[1:] - 1, len(self.owner)) for since, _ in periods]
        return np.concatenate([states for _, states in periods]), np.concatenate(last)

    def _states(self, number: int) -> tuple[Ints, Ints]:
        """Return for a learner the numbers of rows after which its model changed, and the optimizer's states since then.

        A step, and a mixture of states, make the state of their model. A copy of a model begins with state 0, and other
        mixtures leave the learner's state as it is.
        """
        since, held = self._without_absences(number)
        if not len(self.owner):
            return since, held
        row = np.maximum(held - 1, 0)
        makes, copies = self.state[row] != NONE, self.other[row] == NONE
        own = np.where(held == 0, 0, np.where(makes, held, np.where(copies, 0, NONE)))
        latest = np.maximum.accumulate(np.where(own == NONE, 0, np.arange(len(own))))
        return since, own[latest]

    def changes_between(self, learner: Ints, read: Ints, row: Ints) -> Ints:
        """Count the changes of each learner's model from model `read` until `row` begins."""
        found = np.empty(len(row), np.int64)
        for number in np.unique(learner).tolist():
            mine = np.flatnonzero(learner == number)
            since, held = self._without_absences(number)
            found[mine] = np.searchsorted(since, row[mine], side="right") - 1 - np.searchsorted(held, read[mine])
        return found

    def _without_absences(self, number: int) -> tuple[Ints, Ints]:
        """Return the rows and models of a holder, as `_of_holder` does, without those at which it lost its model."""
        since, held = self._of_holder[number]
        kept = held != AWAY
        return (since, held) if kept.all() else (since[kept], held[kept])


@final
class MixingRecorder:
    """Keeps the rows of models, 72 bytes each, and 24 an adoption."""

    def __init__(self, learners: int, has_centre: bool) -> None:
        self._learners, self._has_centre = learners, has_centre
        self._columns: dict[str, array[Any]] = {name: array("d" if name.endswith("share") else "q") for name in Row._fields}
        self._held_at, self._holder, self._held = array("q"), array("q"), array("q")

    def row(self, row: Row) -> None:
        """Record a row."""
        for column, value in zip(self._columns.values(), row, strict=True):
            column.append(value)

    def hold(self, rows: int, holder: int, model: int) -> None:
        """Record that `holder` holds a model after `rows` rows."""
        self._held_at.append(rows)
        self._holder.append(holder)
        self._held.append(model)

    def columns(self) -> Mixing:
        """Return the columns so far."""
        of_rows: dict[str, Any] = {name: _column(column) for name, column in self._columns.items()}
        adopted = (_column(column) for column in (self._held_at, self._holder, self._held))
        return Mixing(
            self._learners, self._has_centre, **of_rows, **dict(zip(("held_at", "holder", "held"), adopted, strict=True))
        )


def ages(values: Sequence[int] | Ints) -> Counter[int]:
    """Count how often each age of a mixed-in model occurs."""
    found, counts = np.unique(np.asarray(values), return_counts=True)
    return Counter({age: count for age, count in zip(found.tolist(), counts.tolist(), strict=True) if age != NONE})


def _column(values: array[Any]) -> npt.NDArray[Any]:
    """Return a read-only copy, so that recording can continue."""
    column = np.array(values, np.int64 if values.typecode == "q" else np.float64)
    column.flags.writeable = False
    return column
