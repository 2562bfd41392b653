"""The plan of a tape whose learners have models of their own, for one compiled loop.

A plan says in which slot each model and each optimizer's state is kept. It needs NumPy only and no
data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Shaped

from simasgd.learning.layout.costs import DeviceCosts, Work
from simasgd.learning.layout.slots import assign_slots
from simasgd.learning.layout.waves import Waves, plan_waves
from simasgd.tape.arrays import Ints
from simasgd.tape.mixing import NONE, Mixing
from simasgd.tape.tape import Tape


@dataclass(frozen=True, eq=False)
class MixingPlan:
    """The arrangement of the U rows of a tape, E of which have a gradient.

    Row u applies gradients `first[u]` to `first[u + 1]`, one or none.
    """

    tape: Tape
    mixing: Mixing
    first: Shaped[Ints, " U+1"]
    gradient_rows: Shaped[Ints, " E"]
    """The rows that have a gradient, in order."""
    slot: Shaped[Ints, " U+1"]
    """The slot of each model. The last slot is never read."""
    num_slots: int
    state_slot: Shaped[Ints, " U+1"]
    """The slot of the optimizer's state that was made with each model.

    The last slot is never read.
    """
    num_state_slots: int
    needed: Shaped[Ints, " U+1"]
    """The last row that needs each model; −1 if none does."""
    state_needed: Shaped[Ints, " U+1"]
    """The last row that needs the optimizer's state that was made with each model; −1 if none does."""
    waves: Waves | None
    """None if gradients are computed one by one."""

    @property
    def num_steps(self) -> int:
        """U, the number of rows."""
        return len(self.first) - 1

    @property
    def num_evaluations(self) -> int:
        """E, the number of gradients."""
        return len(self.gradient_rows)

    @property
    def mixes_states(self) -> bool:
        """Whether optimizers' states are mixed, too."""
        return bool((self.mixing.other_state != NONE).any())

    def slots_held(self, rows: int) -> tuple[Shaped[Ints, " learners"], Shaped[Ints, " centres"]]:
        """Return the slots of the learners' models and that of the centre's after `rows` rows.

        Learners that have none then are left out. The second array is empty if there is no centre.
        """
        slots = self.slot[self.mixing.holders(rows)]
        learners = len(slots) - self.mixing.has_centre
        return slots[:learners], slots[learners:]


def plan_mixing(
    tape: Tape, costs: DeviceCosts, work: Callable[[], Work], stops: Sequence[int] = (), *, keeps_states: bool = False
) -> MixingPlan:
    """Return the plan of a tape whose learners have models of their own.

    Waves end at the `stops`. work() returns the work of a gradient; it is called only where that
    decides. With `keeps_states` a slot keeps the state of each learner's optimizer until it has
    another.
    """
    mixing = tape.mixing
    assert mixing is not None
    gradient_rows = np.flatnonzero(np.diff(tape.offsets))
    rows = np.arange(tape.num_steps)
    held, last = mixing.holding_periods()
    mixed = mixing.other != NONE
    reads = [(mixing.base, rows), (mixing.other[mixed], rows[mixed]), (tape.timestamp, tape.step), (held, last)]
    models, model_rows = _needed(reads)
    slot, num_slots = assign_slots(tape.num_steps, models, model_rows)
    states = [(state[state != NONE], rows[state != NONE]) for state in (mixing.state, mixing.other_state)]
    if keeps_states:
        states.append(mixing.state_periods())
    of_states, state_rows = _needed(states)
    state_slot, num_state_slots = assign_slots(tape.num_steps, of_states, state_rows)
    waves = None
    if costs.has_waves and tape.num_steps:
        newest = np.zeros(tape.num_steps, np.int64)  # a mixture may have models that the wave itself makes
        newest[gradient_rows] = tape.timestamp
        waves = plan_waves(newest, tape.offsets, tape.mini_batch, costs, work(), stops)
    return MixingPlan(
        tape=tape,
        mixing=mixing,
        first=tape.offsets,
        gradient_rows=gradient_rows,
        slot=slot,
        num_slots=num_slots,
        state_slot=state_slot,
        num_state_slots=num_state_slots,
        needed=_last_rows(tape.num_steps, models, model_rows),
        state_needed=_last_rows(tape.num_steps, of_states, state_rows),
        waves=waves,
    )


def _last_rows(steps: int, numbers: Shaped[Ints, "N 1"], rows: Shaped[Ints, " N"]) -> Shaped[Ints, " U+1"]:
    """Return the last of the rows that go with each number; −1 for a number without any."""
    last = np.full(steps + 1, -1)
    np.maximum.at(last, numbers[:, 0], rows)
    return last


def _needed(reads: list[tuple[Ints, Ints]]) -> tuple[Shaped[Ints, "N 1"], Shaped[Ints, " N"]]:
    """Return which models are needed, and in which rows, from pairs of these columns.

    A model that is given up before the first row after the one that makes it is not needed.
    """
    numbers, rows = (np.concatenate(column) for column in zip(*reads, strict=True))
    kept = rows >= numbers
    return numbers[kept][:, None], rows[kept]
