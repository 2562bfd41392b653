"""All learners together: the mean of their gradients, or of their models, by a ring of calls between neighbours."""

from __future__ import annotations

from typing import NamedTuple, final

from simasgd.cluster.clock.activity import Activity
from simasgd.tape.mixing import Model
from simasgd.tape.tape import Gradient
from simasgd.testbed.engine.abstract import Process
from simasgd.testbed.learner.activities import Activities
from simasgd.testbed.peers.holder import RealHolder
from simasgd.testbed.peers.messaging import Outbox
from simasgd.testbed.peers.models import RealModel
from simasgd.testbed.peers.operations import MeetingInput, MeetingResult, ProcessOperations
from simasgd.testbed.peers.process_lock import ProcessLock
from simasgd.testbed.peers.ring import RingExchange, Vector
from simasgd.testbed.peers.values import AbstractCommonValues, AbstractValues
from simasgd.testbed.peers.vectors import VectorCodec


class RingPlace(NamedTuple):
    """A learner's place in the ring: its rank, the number of learners, and the process of the next one."""

    rank: int
    size: int
    next: Process


@final
class Meetings:
    """The collective operations of one learner, counted from 1.

    A learner's messages count as pushed from its first received part on; until then it waits for others.
    """

    def __init__(self, place: RingPlace, gate: ProcessLock, activities: Activities) -> None:
        self.size = place.size
        self.number = 0
        self._next = place.next
        self._gate = gate
        self._activities = activities
        self._outbox = Outbox(gate)
        self._parts: dict[tuple[int, int], Vector] = {}
        self._ring = RingExchange(place.rank, place.size, self._send, self._receive)

    def total(self, vector: Vector) -> Vector:
        """Return the sum of the vectors of all learners."""
        self.number += 1
        self._activities.begin(Activity.WAIT, self._gate.clock.now)
        total = self._ring.total(vector)
        self._outbox.wait()
        self._activities.begin(Activity.WAIT, self._gate.clock.now)
        return total

    def deliver(self, meeting: int, number: int, part: Vector) -> None:
        """Take in the part that arrives now in a round of a meeting."""
        with self._gate.changed:
            self._parts[meeting, number] = part
            self._gate.received += 1
            self._gate.changed.notify_all()

    def _send(self, number: int, part: Vector) -> None:
        self._outbox.send(self._next, part.nbytes, "chunk", self.number, number, part)

    def _receive(self, number: int) -> Vector:
        key = (self.number, number)
        self._gate.wait_for(lambda: key in self._parts)
        if number == 0:
            self._activities.begin(Activity.PUSH, self._gate.clock.now)
        return self._parts.pop(key)


@final
class ModelMeetings:
    """Learners that replace their models by the mean of all models."""

    def __init__(self, meetings: Meetings, holder: RealHolder, values: AbstractValues, size: float) -> None:
        self._meetings = meetings
        self._holder = holder
        self._models = VectorCodec(values.start, size)
        self._models_and_states = VectorCodec((values.start, values.start_state), size)

    def average(self, *, with_states: bool) -> None:
        """Replace x by the mean of all models; `with_states` also averages the optimizers' states."""
        meetings, holder = self._meetings, self._holder
        if meetings.size == 1:  # the mean of a lone learner is its own model
            return
        share = 1.0 / meetings.size
        model, (state, _) = holder.give(meetings.number + 1), holder.state
        if with_states:
            both = (model.values, state)
            values, state = self._models_and_states.tree(meetings.total(self._models_and_states.vector(both, share)), both)
            holder.adopt(meetings.number, values, state)
        else:
            values = self._models.tree(meetings.total(self._models.vector(model.values, share)), model.values)
            holder.adopt(meetings.number, values, None)


@final
class GradientMeetings:
    """Learners that average their gradients and make the same step with the mean. The common model has its step's number."""

    def __init__(self, meetings: Meetings, values: AbstractCommonValues, gate: ProcessLock, log: ProcessOperations) -> None:
        self._meetings = meetings
        self._values = values
        self._gate = gate
        self._log = log

    def part(self, batch: int, model: RealModel) -> Vector:
        """Compute the learner's part of the next mean gradient."""
        return self._values.gradient(batch, model.values, model.number)

    def step(self, gradient: Gradient, part: Vector, model: RealModel) -> Model:
        """Average a gradient, whose part this is, with all, and return the next common model."""
        gate, meetings, step = self._gate, self._meetings, model.number
        with gate.changed:
            self._log.append(MeetingInput(gate.clock.now, step, gradient=gradient))
        values = self._values.step(model.values, meetings.total(part), step)
        with gate.changed:
            self._log.hold(MeetingResult(gate.clock.now, step, step + 1), step + 1, values)
        return RealModel.of(values, step + 1)
