"""The parameter server's verbs on real messages."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain
from math import inf
from typing import final

from simasgd.errors import RunFailed
from simasgd.protocols.verbs import Timed
from simasgd.tape.tape import Gradient
from simasgd.testbed.server.presence import Presence
from simasgd.testbed.server.progress import GradientProgress
from simasgd.testbed.server.updates import GradientMessage, Request, ServerUpdates
from simasgd.testbed.system.clock import RunClock, bounded
from simasgd.testbed.system.messages import RoleStopped


@final
class RealServer:
    """A parameter server. Its protocol sees it as `ServerVerbs`; the role runs in one thread, and waits in its verbs.

    All state is guarded by `changed`, on which every waiting thread waits. `over` says that the run has ended, and
    `is_hung` that nothing could happen any more, from `hung_at` (s) on. `due` has for each learner the number of the
    weights that its next pull must wait for.
    """

    def __init__(self, learners: int, updates: ServerUpdates, presence: Presence, clock: RunClock) -> None:
        self.num_learners = learners
        self.changed = threading.Condition()
        self.over = False
        self.is_hung = False
        self.hung_at = inf
        self.clock = clock
        self.updates = updates
        self.presence = presence
        self.progress = GradientProgress(learners)
        self.ready_at = 0.0  # when weights were last there to be sent (s)
        self.due = [0] * learners
        self.arrived_of = [0] * learners
        self.barrier_timeouts = 0
        self.members_dropped = 0
        self._inbox: deque[GradientMessage] = deque()
        self.messages = 0  # that have arrived
        self._looked = 0  # messages that the role has taken into account
        self._in_hand: dict[
            tuple[int, int], GradientMessage
        ] = {}  # messages that the role has taken, by learner and mini-batch
        self._members = set(range(learners))
        self._role_waits = False  # for a message, without a time-out

    # The verbs of a protocol's server role.

    @property
    def timestamp(self) -> int:
        """The number of updates made so far."""
        return self.updates.timestamp

    def collect(self, count: int, spread: int | None = None, within: float | None = None) -> Timed[Sequence[Gradient]]:
        """Return the next messages, in order of arrival, until they hold `count` gradients.

        With a `spread`, drop each message with a gradient whose staleness would exceed `spread` in the next update. With
        `within` (s), return at the latest so long after the last update was made what is here by then; if that is
        nothing, the next message.
        """
        yield from ()
        with self.changed:
            found: list[Gradient] = []
            while len(found) < count:
                if within is None or not found:
                    self._wait(lambda: bool(self._inbox))
                elif not self._wait_within(within):
                    break
                message = self._inbox.popleft()
                oldest = 0 if spread is None else self.updates.requested - spread
                if min(gradient.timestamp for gradient in message.gradients) >= oldest:
                    found += self._take(message)
                else:
                    self._refuse(message.gradients, oldest)
            return found

    def _wait_within(self, within: float) -> bool:
        """Wait for a message until `within` (s) after the last update was made; return whether there is one."""
        self._wait(lambda: bool(self._inbox) or self.updates.idle)
        return bool(self._inbox) or self._wait(lambda: bool(self._inbox), self.updates.last_at + within)

    def first(self, count: int, *, distinct: bool) -> Timed[Sequence[Gradient]]:
        """Return the first `count` gradients on the newest weights, in order of arrival; drop all others.

        If `distinct`, they are of `count` different learners.
        """
        yield from ()
        with self.changed:
            here: list[Gradient] = []
            learners: set[int] = set()
            while len(here) < count:
                self._wait(lambda: bool(self._inbox))
                message = self._inbox.popleft()
                for gradient in self._take(message):
                    is_repeated = distinct and gradient.learner in learners
                    if gradient.timestamp == self.updates.requested and len(here) < count and not is_repeated:
                        here.append(gradient)
                        learners.add(gradient.learner)
                    else:
                        self._refuse((gradient,), gradient.timestamp + 1)
            return here

    def barrier(self, timeout: float | None = None) -> Timed[Sequence[Gradient]]:
        """Return one gradient of every member, on the newest weights, in order of arrival.

        All learners are members at first. When `timeout` (s) has passed since the first gradient, learners without a
        gradient cease to be members until a gradient of theirs arrives. Late gradients are dropped, and so is the second
        one of a learner that crashed after its first.
        """
        yield from ()
        with self.changed:
            here: dict[int, Gradient] = {}
            returning, deadline, timestamp = self._members, None, self.updates.requested
            while len(self._members) > len(here):
                if timeout is not None and deadline is None and here:
                    deadline = self.clock.now + timeout
                is_late = not self._wait(lambda: bool(self._inbox), deadline)
                while self._inbox:
                    for gradient in self._take(self._inbox.popleft()):
                        if gradient.timestamp == timestamp and gradient.learner not in here:
                            self._members.add(gradient.learner)
                            here[gradient.learner] = gradient
                        else:
                            returning.add(gradient.learner)
                            self._drop((gradient,))
                missing = self._members.difference(here)
                if is_late and missing:
                    self.barrier_timeouts += 1
                    self.members_dropped += len(missing)
                    self._members -= missing
                    returning = set()
            self._members |= returning
            return tuple(here.values())

    def update(self, gradients: Sequence[Gradient], summed: int = 1) -> None:
        """Make the next weights with the mean of `gradients`, after all earlier updates.

        If each message is the sum of `summed` gradients, the update uses the mean over messages.
        """
        with self.changed:
            messages = {id(message): message for message in map(self._message_of, gradients)}
            for gradient in gradients:
                del self._in_hand[gradient.learner, gradient.batch]
            if len(gradients) != sum(len(message.gradients) for message in messages.values()):
                raise RunFailed("an update has a part of a message, but a message is a sum; give the update all its gradients")
            self.updates.request(Request(tuple(messages.values()), summed))
            for gradient in gradients:
                self.due[gradient.learner] = self.updates.requested
            self.changed.notify_all()

    def drop(self, gradients: Sequence[Gradient]) -> None:
        """Discard `gradients`, because the protocol's rule says so."""
        with self.changed:
            self._drop(gradients)

    # For the process.

    def deliver(self, message: GradientMessage) -> int:
        """Put a message that arrives now in the inbox, and return its number. Guarded by `changed`."""
        self._inbox.append(message)
        self.messages += 1
        self.arrived_of[message.gradients[0].learner] += len(message.gradients)
        self.changed.notify_all()
        return self.messages

    def has_looked_at(self, number: int) -> bool:
        """Return whether the role has taken a message into account. Guarded by `changed`."""
        return self._looked >= number

    def run_updates(self) -> None:
        """Make the requested updates until the run is over."""
        while True:
            with self.changed:
                if self.changed.wait_for(self._has_update) and self.over:
                    return
                request = self.updates.queue.popleft()
                self.updates.working = True
            began = self.clock.now
            self.updates.make(request)
            with self.changed:
                self.changed.wait_for(lambda: self.over or not self.presence.paused)
                self.updates.working = False
                if not self.over and not self.updates.is_too_late(self.clock.now):
                    self._publish(request, began)

    def _has_update(self) -> bool:
        return self.over or (bool(self.updates.queue) and not self.presence.paused)

    def _publish(self, request: Request, began: float) -> None:
        gradients, self.over = self.updates.publish(request, began, self.clock.now)
        self.ready_at = self.updates.last_at
        self.progress.apply(gradients, self.updates.timestamp)
        self.updates.weights.forget(self._oldest())
        self.changed.notify_all()
        self.end_if_hung()

    def _oldest(self) -> int:
        """Return the number of the oldest weights that some gradient here or some learner still needs."""
        requested = (message for request in self.updates.queue for message in request.messages)
        messages = chain(self._inbox, self._in_hand.values(), requested)
        read = min((gradient.timestamp for message in messages for gradient in message.gradients), default=inf)
        return int(min(read, self.presence.oldest, self.timestamp))

    def end_if_hung(self) -> None:
        """End the run if nothing can happen any more. Guarded by `changed`."""
        if self._role_waits and not self.over and self.updates.idle and not self._inbox and self.presence.stands_still:
            self.is_hung = self.over = True
            self.hung_at = max(0.0, self.clock.now)
            self.changed.notify_all()

    def _wait(self, ready: Callable[[], bool], deadline: float | None = None) -> bool:
        """Wait until `ready`; return whether it is so before the deadline (s). Raises RoleStopped when the run is over."""
        if self.over:
            raise RoleStopped
        if ready():
            return True
        self._looked = self.messages
        self._role_waits = deadline is None
        self.changed.notify_all()
        self.end_if_hung()
        rest = None if deadline is None else bounded(deadline - self.clock.now)
        self.changed.wait_for(lambda: self.over or ready(), rest)
        self._role_waits = False
        if self.over:
            raise RoleStopped
        return ready()

    def _take(self, message: GradientMessage) -> Sequence[Gradient]:
        for gradient in message.gradients:
            self._in_hand[gradient.learner, gradient.batch] = message
        return message.gradients

    def _message_of(self, gradient: Gradient) -> GradientMessage:
        return self._in_hand[gradient.learner, gradient.batch]

    def _refuse(self, gradients: Sequence[Gradient], due: int) -> None:
        """Drop gradients whose learners next compute on weights with number `due` at least."""
        for gradient in gradients:
            self.due[gradient.learner] = max(self.due[gradient.learner], due)
        self._drop(gradients)

    def _drop(self, gradients: Sequence[Gradient]) -> None:
        for gradient in gradients:
            self._in_hand.pop((gradient.learner, gradient.batch), None)
        self.progress.drop(gradients, self.updates.timestamp)
        self.changed.notify_all()
