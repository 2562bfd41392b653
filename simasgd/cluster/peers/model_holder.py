"""A holder of a model: a learner, or the centre that learners pull towards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from simasgd.cluster.cast.context import RunContext
from simasgd.tape.mixing import AWAY, NOBODY, NONE, Model, Row, make_model, make_row
from simasgd.tape.tape import Gradient


@final
class ModelHolder:
    """A holder of a model x. Each change of x is a row of the tape.

    `number` is the learner's, or λ for the centre, and the holder's place in `holders`. `model` is
    a handle on the current x. `steps` counts the holder's own steps, and `changes` all changes of
    x.
    """

    def __init__(self, context: RunContext, number: int, holders: Sequence[ModelHolder]) -> None:
        self.number = number
        self.steps = 0
        self.changes = 0
        self._env = context.env
        self._recording = context.recording
        self._holders = holders
        self._held = 0
        self._state = 0
        self.model = Model(0, 0, number)

    def mix(self, theirs: Model, share: float, own_share: float | None = None) -> None:
        """Set x ← (1 − share)·x + share·theirs; `own_share` replaces 1 − share."""
        own = 1.0 - share if own_share is None else own_share
        self._change(make_row((self.number, self._held, own, theirs.number, share, 0.0, NONE, NONE, self._age(theirs))))

    def add(self, difference: Model) -> None:
        """Set x ← x + difference."""
        self._change(Row(self.number, self._held, 1.0, difference.number, 1.0, age=self._age(difference)))

    def subtract(self, difference: Model, of: Model | None = None) -> None:
        """Set x ← x − difference. If the difference brings in another learner's model `of`, the tape has its age."""
        age = NONE if of is None else self._age(of)
        self._change(Row(self.number, self._held, 1.0, difference.number, -1.0, age=age))

    def difference(self, mine: Model, theirs: Model, share: float) -> Model:
        """Make share·(mine − theirs), a model that nobody holds. It has the age of `theirs`."""
        made = self._recording.row(self._env.now, Row(NOBODY, mine.number, share, theirs.number, -share))
        return theirs._replace(number=made)

    def adopt(self, model: Model) -> None:
        """Hold a model that was made elsewhere, with its optimizer's state unless that is NONE."""
        if model.state != NONE:
            self._state = model.state
            self._renew_handle()
        if model.number != self._held:  # the mean of a lone learner is its own model
            self._hold(model.number)

    def take_over(self, theirs: Model) -> None:
        """Hold a copy of another holder's model, with an optimizer's state that begins anew."""
        self._state = 0
        self._change(Row(self.number, theirs.number, age=self._age(theirs)))

    def inherit(self) -> None:
        """Begin with the model, and the optimizer's state, at the end of the run's part before."""
        self._state = self._recording.row(self._env.now, Row(self.number, 0, state=0))
        self._hold(self._state)

    def lose(self) -> None:
        """Lose the model and the optimizer's state, until another model is taken over."""
        self._recording.hold(self.number, AWAY)

    def go_on(self) -> None:
        """Hold the last model again."""
        self._state = 0
        self._change(Row(self.number, self._held))

    def step(self, gradient: Gradient, staleness: int, share: float) -> None:
        """Set x ← x − share·(the optimizer's update with `gradient`)."""
        row = make_row((self.number, self._held, 1.0, NONE, 0.0, share, self._state, NONE, NONE))
        made = self._recording.row(self._env.now, row, gradient, staleness)
        self.steps += 1
        self._state = made
        self._hold(made)

    def count_step(self) -> None:
        """Count a step that other methods carried out."""
        self.steps += 1
        self._renew_handle()

    def _age(self, theirs: Model) -> int:
        """Return the number of steps that the model's holder has made since the model was read."""
        return NONE if theirs.holder == NOBODY else self._holders[theirs.holder].steps - theirs.steps

    def _change(self, row: Row) -> None:
        self._hold(self._recording.row(self._env.now, row))

    def _renew_handle(self) -> None:
        self.model = Model(self._held, self._state, self.number, self.steps, self.changes)

    def _hold(self, model: int) -> None:
        self._held = model
        self.changes = changes = self.changes + 1
        self.model = make_model((model, self._state, self.number, self.steps, changes))
        self._recording.hold(self.number, model)
