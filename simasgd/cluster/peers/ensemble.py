"""All learners together: the mean of their gradients, or of their models, by a collective operation."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from simpy import Environment, Event

from simasgd.cluster.clock.activity import Activity
from simasgd.cluster.clock.recording import Recording
from simasgd.cluster.clock.trail import Trail
from simasgd.cluster.collectives.operations import AbstractOperations, Done
from simasgd.protocols.base import Meeting
from simasgd.tape.mixing import NOBODY, NONE, Model, Row
from simasgd.tape.tape import Gradient, Weights

if TYPE_CHECKING:
    from simasgd.cluster.peers.peer import Peer

_WAIT, _PUSH = Activity.WAIT, Activity.PUSH


@dataclass(frozen=True, eq=False)
class MeetingContext:
    """What meetings need: what they are like, where what they make is written down, and, given what is to be told when the
    first learner has that, the operations."""

    env: Environment
    recording: Recording
    learners: int
    meeting: Meeting
    operations: Callable[[Callable[[int, Trail], None]], AbstractOperations]


@final
class GradientEnsemble:
    """Learners who make the mean of their gradients, and with it the same step. It is made when the first of them has it.

    Of B buckets the b-th is there when `forward` + (1 − `forward`)·b/B of the computing is done.
    """

    def __init__(self, meeting_context: MeetingContext) -> None:
        self._env = meeting_context.env
        self._recording = meeting_context.recording
        self._operations = meeting_context.operations(self._first_has_it)
        buckets, forward = meeting_context.meeting.buckets, meeting_context.meeting.forward
        self._parts = [forward + (1.0 - forward) * part / buckets for part in range(1, buckets)]
        self._given: list[Gradient] = []
        self._timestamp = 0

    @property
    def pending(self) -> int:
        """Gradients that were computed and are in no step yet."""
        return len(self._given)

    def step(self, peer: Peer, read: Model) -> Generator[Event, Any, Model]:
        """Compute a gradient on the common model, average it with everybody's, part by part as the backward pass makes them,
        and step."""
        operations, number, parts = self._operations, peer.number, self._parts
        met = operations.join(number, peer.activity_log.trail)

        def forecast(seconds: float, done: float, then: float) -> None:
            now, made = self._env.now, [part for part in parts if done < part <= then]
            operations.forecast(number, [now + seconds * ((part - done) / (then - done)) for part in made])

        self._given.append((yield from peer.backward(Weights(read.number), forecast)))
        operations.provide(number)
        yield from _until(peer, met)
        return Model(self._timestamp)

    def _first_has_it(self, meeting: int, trail: Trail) -> None:
        gradients = sorted(self._given)
        self._given = []
        self._recording.trail = trail
        self._recording.write(self._env.now, self._timestamp, gradients, 1)
        self._timestamp += 1


@final
class ModelEnsemble:
    """Learners who replace their models by the mean of all. It is made when the first of them has it."""

    def __init__(self, meeting_context: MeetingContext) -> None:
        self._env = meeting_context.env
        self._recording = meeting_context.recording
        self._learners = meeting_context.learners
        self._operations = meeting_context.operations(self._first_has_it)
        self._given: dict[int, Model] = {}
        self._with_states = False
        self._mean = Model(0)

    def average(self, peer: Peer, with_states: bool) -> Generator[Event, Any, None]:
        """x_l ← (1/λ)·Σ x_j, and the optimizers' states likewise or not."""
        self._given[peer.number] = peer.model
        self._with_states = with_states
        met = self._operations.join(peer.number, peer.activity_log.trail)
        self._operations.provide(peer.number)
        yield from _until(peer, met)
        peer.adopt(self._mean)

    def _first_has_it(self, meeting: int, trail: Trail) -> None:
        first, *others = (self._given[number] for number in range(self._learners))
        self._given = {}
        self._recording.trail = trail
        share = 1.0 / self._learners
        total, own_share = first, share
        for model in others:
            states = (total.state, model.state) if self._with_states else (NONE, NONE)
            row = Row(NOBODY, total.number, own_share, model.number, share, state=states[0], other_state=states[1])
            made = self._recording.row(self._env.now, row)
            total, own_share = Model(made, made), 1.0
        self._mean = total if self._with_states else total._replace(state=NONE)


def _until(peer: Peer, met: Event) -> Generator[Event, Any, None]:
    """Wait until a meeting is over for this learner."""
    activity_log = peer.activity_log
    activity_log.begin(_WAIT, peer.now)
    done: Done = yield met
    activity_log.trail = done.trail
    activity_log.then(_PUSH, done.started)
