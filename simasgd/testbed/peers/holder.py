"""A holder of a model on a real process: a learner, or the centre that learners pull towards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from simasgd.learning.models.network import Parameters
from simasgd.learning.rules.trees import State
from simasgd.tape.mixing import NOBODY, Model, Row
from simasgd.tape.tape import Gradient
from simasgd.testbed.peers.models import ModelNumbers, RealModel, SentModel, values_of
from simasgd.testbed.peers.operations import (
    CentreMoved,
    MeetingInput,
    MeetingResult,
    ModelMade,
    ModelRead,
    Operation,
    ProcessOperations,
)
from simasgd.testbed.peers.process_lock import ProcessLock
from simasgd.testbed.peers.values import AbstractValues, Reading


@final
class RealHolder:
    """A holder of a model x, under the lock of `gate`. Each change of x is logged; its protocol sees `ModelHolderVerbs`.

    `model` is a handle on the current x. `steps` counts the holder's own steps, and `changes` all changes of x.
    """

    def __init__(self, number: int, holders: int, values: AbstractValues, gate: ProcessLock, log: ProcessOperations) -> None:
        self.number = number
        self.steps = 0
        self.changes = 0
        self.names = ModelNumbers(holders, number)
        self._values = values
        self._gate = gate
        self._state, self._state_number = values.start_state, 0
        self.model = RealModel.of(values.start, 0, 0, number)
        self._log = log

    @property
    def state(self) -> tuple[State, int]:
        """The optimizer's state, and the number of the model that it goes with."""
        return self._state, self._state_number

    def mix(self, theirs: Model, share: float, own_share: float | None = None) -> None:
        """Mix in a model: x ← (1 − share)·x + share·theirs; `own_share` replaces 1 − share."""
        with self._gate.changed:
            own = 1.0 - share if own_share is None else own_share
            self._change(theirs, own, share, _read(theirs))

    def difference(self, mine: Model, theirs: Model, share: float) -> Model:
        """Make share·(mine − theirs), a model that nobody holds. It has the age of `theirs`."""
        values = self._values.mix(values_of(mine), values_of(theirs), share, -share)
        with self._gate.changed:
            number = self.names.next()
            row = Row(NOBODY, mine.number, share, theirs.number, -share)
            self._log.append(ModelMade(self._gate.clock.now, number, row))
            return RealModel.of(values, number, theirs.state, theirs.holder, theirs.steps, theirs.changes)

    def subtract(self, difference: Model, of: Model | None = None) -> None:
        """Subtract a difference: x ← x − difference. If it contains another learner's model `of`, log its age."""
        with self._gate.changed:
            self._change(difference, 1.0, -1.0, None if of is None else _read(of))

    def step(self, gradient: Gradient, reading: Reading, share: float) -> None:
        """Set x ← x − share·(the optimizer's update with `gradient`). The caller has the lock."""
        row = Row(self.number, self.model.number, step_share=share, state=self._state_number)
        values, self._state = self._values.step(self.model.values, self._state, reading, share)
        number = self.names.next()
        self.steps += 1
        self._state_number = number
        self._hold(values, number, ModelMade(self._gate.clock.now, number, row, gradient))

    def move(self, differences: Sequence[Model]) -> None:
        """Set x ← x + Σ differences, and count that as one step."""
        with self._gate.changed:
            values, base, made = self.model.values, self.model.number, []
            for difference in differences:
                values = self._values.mix(values, values_of(difference), 1.0, 1.0)
                number = self.names.next()
                row = Row(self.number, base, 1.0, difference.number, 1.0)
                made.append(ModelMade(self._gate.clock.now, number, row, read=_read(difference)))
                base = number
            self.steps += 1
            self.changes += len(made) - 1
            self._hold(values, base, CentreMoved(self._gate.clock.now, tuple(made)))
            self._gate.changed.notify_all()

    def give(self, meeting: int) -> RealModel:
        """Log that the learner gives its model to a meeting, and return it."""
        with self._gate.changed:
            self._log.append(MeetingInput(self._gate.clock.now, meeting, self.model.number, self._state_number))
            return self.model

    def adopt(self, meeting: int, values: Parameters, state: State | None) -> None:
        """Hold the mean of a meeting; with a `state`, the mean of the optimizers' states, too."""
        with self._gate.changed:
            number = self.names.of_meeting(meeting)
            if state is not None:
                self._state, self._state_number = state, number
            self._hold(values, number, MeetingResult(self._gate.clock.now, meeting, number, state is not None))

    def send(self) -> SentModel:
        """Return x as it is now, ready to be sent."""
        model = self.model
        return SentModel(Model(*model), self._values.pack(model.values))

    def _change(self, other: Model, base_share: float, other_share: float, read: ModelRead | None) -> None:
        values = self._values.mix(self.model.values, values_of(other), base_share, other_share)
        row = Row(self.number, self.model.number, base_share, other.number, other_share)
        number = self.names.next()
        self._hold(values, number, ModelMade(self._gate.clock.now, number, row, read=read))

    def _hold(self, values: Parameters, number: int, operation: Operation) -> None:
        self.changes += 1
        self.model = RealModel.of(values, number, self._state_number, self.number, self.steps, self.changes)
        self._log.hold(operation, number, values)


def _read(theirs: Model) -> ModelRead | None:
    return None if theirs.holder == NOBODY else ModelRead(theirs.holder, theirs.steps)
