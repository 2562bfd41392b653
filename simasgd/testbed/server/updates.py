"""The server's updates: requested by its role, made one after another by a thread, and recorded."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple, final

from simasgd.cluster.clock.recording import Limit
from simasgd.tape.recorder import TapeRecorder
from simasgd.tape.tape import Gradient
from simasgd.testbed.system.parcels import Parcel
from simasgd.testbed.system.weights import AbstractWeights


class GradientMessage(NamedTuple):
    """A message that has arrived: its gradients, and their sum."""

    gradients: Sequence[Gradient]
    parcel: Parcel


class Request(NamedTuple):
    """An update that the role has requested: its messages, and how many gradients each is the sum of."""

    messages: Sequence[GradientMessage]
    summed: int


@final
class ServerUpdates:
    """The requested updates and those made. Not safe for threads by itself.

    `timestamp` counts updates made and `requested` those requested. `gradients` counts applied ones.
    """

    def __init__(self, weights: AbstractWeights, limit: Limit) -> None:
        self.weights = weights
        self.timestamp = 0
        self.requested = 0
        self.gradients = 0
        self.last_at = 0.0
        self.spans: list[tuple[float, float]] = []
        self.recorder = TapeRecorder()
        self.queue: deque[Request] = deque()
        self.working = False
        self._limit = limit
        self._own: dict[int, tuple[int, int]] = {}  # by learner: its last step, and its own updates since it pulled

    @property
    def idle(self) -> bool:
        """Whether all requested updates are made."""
        return not self.queue and not self.working

    def is_too_late(self, now: float) -> bool:
        """Return whether the run's time is over at `now` (s)."""
        return self._limit.seconds is not None and now > self._limit.seconds

    def request(self, request: Request) -> None:
        """Request an update, after all earlier ones."""
        self.requested += 1
        self.queue.append(request)

    def make(self, request: Request) -> None:
        """Make the next weights, which nobody sees yet."""
        count = sum(len(message.gradients) for message in request.messages)
        share = request.summed / count
        for message in request.messages:
            staleness = [self._staleness(gradient) for gradient in message.gradients]
            self.weights.update(message.parcel, message.gradients, staleness, share)
        self.weights.step()

    def publish(self, request: Request, began: float, now: float) -> tuple[Sequence[Gradient], bool]:
        """Record the weights that were made from `began` to `now` (s); return their gradients, and whether the run is over."""
        gradients = [gradient for message in request.messages for gradient in message.gradients]
        self.weights.publish()
        self.recorder.step(now, self.timestamp, gradients, request.summed)
        self.timestamp += 1
        self.gradients += len(gradients)
        self.last_at = now
        self.spans.append((began, now))
        return gradients, self._is_last()

    def _is_last(self) -> bool:
        limit = self._limit
        reached = (
            (self.gradients, limit.gradients),
            (self.timestamp, limit.updates),
            (self.weights.samples, limit.samples),
        )
        return any(most is not None and count >= most for count, most in reached)

    def _staleness(self, gradient: Gradient) -> int:
        """Return the number of other updates since the gradient's weights were made (`Tape.staleness`)."""
        late = self.timestamp - gradient.timestamp
        if not gradient.ahead:
            self._own[gradient.learner] = (self.timestamp, 0)
            return late
        before, updates = self._own[gradient.learner]
        updates += before < self.timestamp
        self._own[gradient.learner] = (self.timestamp, updates)
        return late - updates
