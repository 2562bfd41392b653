"""A tape of learners' own models made ready for one compiled loop: which models, and which optimizer's states, are kept where.
NumPy only, and no data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simasgd.learning.chain.plan import assign_slots
from simasgd.mixing import NONE, Mixing
from simasgd.tape import Ints, Tape


@dataclass(frozen=True, eq=False)
class MixingPlan:
    """Rows u = 0 … U − 1 apply evaluations first[u] to first[u + 1], one or none; first of shape (U + 1,).

    slot (U + 1,): where model u is kept; state_slot (U + 1,): where the optimizer's state that was made with it is. The last
    slot of each is never read. `turn` (E,) are the rows that have a gradient, in order.
    """

    tape: Tape
    mixing: Mixing
    first: Ints
    turn: Ints
    slot: Ints
    num_slots: int
    state_slot: Ints
    num_state_slots: int

    @property
    def num_steps(self) -> int:
        return len(self.first) - 1

    @property
    def num_evaluations(self) -> int:
        return len(self.turn)

    @property
    def mixes_states(self) -> bool:
        """Whether means are made of the optimizers' states, too."""
        return bool((self.mixing.other_state != NONE).any())

    def held(self, rows: int) -> tuple[Ints, Ints]:
        """The slot of each learner's model when so many rows have been made, shape (λ,), and that of the model which is looked
        at where there is a centre, shape (1,), or none, shape (0,)."""
        slots = self.slot[self.mixing.holders(rows)]
        return slots[: self.mixing.learners], slots[self.mixing.learners :]


def mixing_plan(tape: Tape) -> MixingPlan:
    """Lay a tape out whose learners have models of their own."""
    mixing = tape.mixing
    assert mixing is not None
    turn = np.flatnonzero(np.diff(tape.offsets))
    every = np.arange(tape.num_steps)
    held, last = mixing.lives()
    others = mixing.other != NONE
    models = [(mixing.base, every), (mixing.other[others], every[others]), (tape.timestamp, tape.step), (held, last)]
    slot, num_slots = assign_slots(tape.num_steps, *_alive(models))
    reads = [(state[state != NONE], every[state != NONE]) for state in (mixing.state, mixing.other_state)]
    state_slot, num_state_slots = assign_slots(tape.num_steps, *_alive(reads))
    return MixingPlan(tape, mixing, tape.offsets, turn, slot, num_slots, state_slot, num_state_slots)


def _alive(reads: list[tuple[Ints, Ints]]) -> tuple[Ints, Ints]:
    """Which numbers are needed until which rows: shapes (N, 1) and (N,). What is given up before the first row after the one
    that makes it is needed by none."""
    numbers, rows = (np.concatenate(column) for column in zip(*reads, strict=True))
    kept = rows >= numbers
    return numbers[kept][:, None], rows[kept]
