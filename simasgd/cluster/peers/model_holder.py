"""Who holds a model: a learner, or the centre that learners pull towards."""

from __future__ import annotations

import abc
from collections.abc import Sequence

from simpy import Environment

from simasgd.cluster.clock.recording import Recording
from simasgd.cluster.clock.trail import Trail
from simasgd.protocols.verbs import Message
from simasgd.tape.mixing import NOBODY, NONE, Model, Row
from simasgd.tape.tape import Gradient


class AbstractModelHolder(abc.ABC):
    """A holder of a model, which it changes a row of the tape at a time. `number` is the learner's, or λ for the centre;
    `steps` counts its own steps and `changes` all changes of its model."""

    @abc.abstractmethod
    def deliver(self, message: Message, trail: Trail) -> None:
        """A message arrives."""

    def __init__(self, env: Environment, recording: Recording, number: int, holders: Sequence[AbstractModelHolder]) -> None:
        self.number = number
        self.steps = 0
        self.changes = 0
        self._env = env
        self._recording = recording
        self._holders = holders
        self._held = 0
        self._state = 0

    @property
    def model(self) -> Model:
        """A handle on the model as it is now."""
        return Model(self._held, self._state, self.number, self.steps, self.changes)

    def mix(self, theirs: Model, share: float, own_share: float | None = None) -> None:
        """x ← (1 − share)·x + share·theirs; or own_share·x instead of 1 − share."""
        own = 1.0 - share if own_share is None else own_share
        self._change(Row(self.number, self._held, own, theirs.number, share, age=self._age(theirs)))

    def add(self, difference: Model) -> None:
        """x ← x + difference."""
        self._change(Row(self.number, self._held, 1.0, difference.number, 1.0, age=self._age(difference)))

    def subtract(self, difference: Model, of: Model | None = None) -> None:
        """x ← x − difference; as old as the model of another that it is the difference `of`, if it brings that in."""
        age = NONE if of is None else self._age(of)
        self._change(Row(self.number, self._held, 1.0, difference.number, -1.0, age=age))

    def difference(self, mine: Model, theirs: Model, share: float) -> Model:
        """share·(mine − theirs), which nobody holds; as old as theirs."""
        made = self._recording.row(self._env.now, Row(NOBODY, mine.number, share, theirs.number, -share))
        return theirs._replace(number=made)

    def adopt(self, model: Model) -> None:
        """Hold a model that somebody else made, with its optimizer's state unless that is NONE."""
        if model.state != NONE:
            self._state = model.state
        if model.number != self._held:  # the mean of a lone learner is its own
            self._hold(model.number)

    def _step(self, gradient: Gradient, staleness: int, share: float) -> None:
        """x ← x − share·(the optimizer's update with a gradient)."""
        row = Row(self.number, self._held, step_share=share, state=self._state)
        made = self._recording.row(self._env.now, row, gradient, staleness)
        self.steps += 1
        self._state = made
        self._hold(made)

    def _age(self, theirs: Model) -> int:
        """The steps that their holder has made since it was read."""
        return NONE if theirs.holder == NOBODY else self._holders[theirs.holder].steps - theirs.steps

    def _change(self, row: Row) -> None:
        self._hold(self._recording.row(self._env.now, row))

    def _hold(self, model: int) -> None:
        self._held = model
        self.changes += 1
        self._recording.hold(self.number, model)
