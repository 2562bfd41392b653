"""The plan of a tape whose learners have models of their own, for one compiled loop.

A plan says in which slot each model and each optimizer's state is kept. It needs NumPy only and no
data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Shaped

from simasgd.learning.layout.slots import assign_slots
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


def plan_mixing(tape: Tape, *, keeps_states: bool = False) -> MixingPlan:
    """Return the plan of a tape whose learners have models of their own.

    With `keeps_states` a slot keeps the state of each learner's optimizer until it has another.
    """
    mixing = tape.mixing
    assert mixing is not None
    gradient_rows = np.flatnonzero(np.diff(tape.offsets))
    rows = np.arange(tape.num_steps)
    held, last = mixing.holding_periods()
    mixed = mixing.other != NONE
    reads = [(mixing.base, rows), (mixing.other[mixed], rows[mixed]), (tape.timestamp, tape.step), (held, last)]
    slot, num_slots = assign_slots(tape.num_steps, *_needed(reads))
    states = [(state[state != NONE], rows[state != NONE]) for state in (mixing.state, mixing.other_state)]
    if keeps_states:
        states.append(mixing.state_periods())
    state_slot, num_state_slots = assign_slots(tape.num_steps, *_needed(states))
    return MixingPlan(tape, mixing, tape.offsets, gradient_rows, slot, num_slots, state_slot, num_state_slots)


def _needed(reads: list[tuple[Ints, Ints]]) -> tuple[Shaped[Ints, "N 1"], Shaped[Ints, " N"]]:
    """Return which models are needed, and in which rows, from pairs of these columns.

    A model that is given up before the first row after the one that makes it is not needed.
    """
    numbers, rows = (np.concatenate(column) for column in zip(*reads, strict=True))
    kept = rows >= numbers
    return numbers[kept][:, None], rows[kept]
