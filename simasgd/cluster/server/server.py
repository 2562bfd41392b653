"""The parameter server: collects gradients, updates the weights, answers the learners."""

from __future__ import annotations

import abc
from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import Any, final

from simpy import Environment, Event
from simpy.events import Timeout

from simasgd.cluster.clock.events import Signal
from simasgd.cluster.clock.pipe import Usage
from simasgd.cluster.clock.processor import Processor
from simasgd.cluster.clock.trail import START, Trail, wait_until
from simasgd.cluster.clock.vector_clock import VectorClock
from simasgd.cluster.server.barrier_round import BarrierRound
from simasgd.cluster.server.weights import AbstractSource
from simasgd.tape.tape import Gradient


class AbstractSink(abc.ABC):
    """Somebody who takes gradients."""

    @abc.abstractmethod
    def deliver(self, gradients: Sequence[Gradient], trail: Trail) -> None:
        """A message arrives with one gradient, or the sum of several; it is acted on at once."""

    @abc.abstractmethod
    def absorbed(self) -> Event | None:
        """When what has been delivered is out of the way, so that a server of the tree may send the next message; None for now.
        Its value is the trail of that."""


@final
class Server(AbstractSource, AbstractSink):
    """A parameter server as its protocol sees it. `num_learners` is λ, `timestamp` the number of updates made so far.

    The verbs of a protocol's server role are `collect`, `first`, `barrier`, `update` and `drop`. `clock` counts the gradients
    of each learner that it is done with. `processor` makes the updates; weights become visible when their update is done, and
    `on_update(time, timestamp, gradients, summed)` is then told that weights number `timestamp` + 1 were made.
    """

    def __init__(
        self,
        env: Environment,
        num_learners: int,
        processor: Processor,
        on_update: Callable[[float, int, Sequence[Gradient], int], None],
    ) -> None:
        self.num_learners = num_learners
        self.timestamp = 0
        self.trail = START  # of the current weights
        self.clock = VectorClock(env, num_learners)
        self.received = 0
        self.dropped = 0
        self.barrier_timeouts = 0
        self.members_dropped = 0
        self._env = env
        self._on_update = on_update
        self._processor = processor
        self._mailbox: deque[Sequence[Gradient]] = deque()
        self._held = 0  # gradients in it
        self._arrival = START  # the trail of the last message's arrival
        self._wanted = 0
        self._enough: Signal | None = None
        self.round = BarrierRound(num_learners, self._stir)
        self._awaits_first = False  # a barrier waits for the first gradient of its round
        self._promised = 0  # the timestamp that the last update asked for will make
        self._due = [0] * num_learners
        self._reached: dict[int, Signal] = {}

    # The verbs of a protocol's server role.

    def collect(self, count: int, spread: int | None = None) -> Generator[Event, None, Sequence[Gradient]]:
        """The next messages, in order of arrival and whoever sent them, until they hold `count` gradients. Under a tree of
        servers a message may hold several, which are summed up and cannot be parted: then there may be more.

        With a `spread`, messages are dropped in which some gradient would be staler than that in the update to come, and others
        taken for them.
        """
        if self.round.is_open:
            self.round.close()
        if spread is not None:
            return (yield from self._collect_fresh(count, spread))
        if self._held < count:
            self._wanted = count
            self._enough = enough = Signal(self._env)
            yield enough
        mailbox = self._mailbox
        taken = mailbox.popleft()
        if len(taken) < count:
            together = [*taken]
            while len(together) < count:
                together += mailbox.popleft()
            taken = together
        self._held -= len(taken)
        return taken

    def first(self, count: int, *, distinct: bool) -> Generator[Event, None, Sequence[Gradient]]:
        """The first `count` gradients on the newest weights, in order of arrival, of as many learners if `distinct`. All others
        are dropped, be they in one message with these: a server of the tree would not have added them up."""
        if distinct and count == self.num_learners:
            self.round.open(self._promised)
        else:
            self.round.close()
        here: list[Gradient] = []
        who: set[int] = set()
        while len(here) < count:
            if not self._mailbox:
                yield self._until_held(1)  # each is looked at when it arrives, before its sender is answered
            message = self._mailbox.popleft()
            self._held -= len(message)
            for gradient in message:
                is_another = distinct and gradient.learner in who
                if gradient.timestamp == self._promised and len(here) < count and not is_another:
                    here.append(gradient)
                    who.add(gradient.learner)
                else:
                    self._refuse((gradient,), gradient.timestamp + 1)
        return here

    def barrier(self, timeout: float | None = None) -> Generator[Event, None, Sequence[Gradient]]:
        """One gradient of every member, on the newest weights, in order of arrival.

        All learners are members. When `timeout` (s) has passed since the first gradient, those missing are members no more,
        until a gradient of theirs is here. In a tree of servers a gradient counts from when it is at any of them. One that is
        late, or the second of a learner that crashed after its first, is dropped.
        """
        here: dict[int, Gradient] = {}
        present = self.round
        present.open(self._promised)
        members, deadline = present.members, None
        back = members  # in what the senders of late gradients are: members at once while the round's time runs
        while (missing := len(members) - len(here)) > 0:
            if timeout is not None and deadline is None and (here or present.here):
                deadline = self._env.now + timeout
            self._awaits_first = timeout is not None and deadline is None
            wanted = 1 if self._awaits_first else missing
            if self._held < wanted:
                yield self._until_held(wanted, deadline)
            late = not self._awaits_first and self._held < wanted
            self._awaits_first = False
            self._admit(here, back)
            if late:
                # Gradients that are at a server of the tree by now are waited for. Other learners are out until the next round.
                timeout, deadline, back = None, None, set()
                self._do_without(members.difference(here, present.here))
        members |= back
        return tuple(here.values())

    def update(self, gradients: Sequence[Gradient], summed: int = 1) -> None:
        """Make the next weights from the current ones and the mean of `gradients`, when the earlier updates are done. Where
        messages are sums of `summed` gradients each it is the mean over messages."""
        self._promised += 1
        for gradient in gradients:
            self._due[gradient.learner] = self._promised
        done, trail = self._processor.update(self._arrival)
        rest = done - self._env.now
        if rest > 0.0:
            Timeout(self._env, rest, (gradients, summed, trail)).callbacks.append(self._finish)
        else:
            self._apply(gradients, summed, trail)

    def drop(self, gradients: Sequence[Gradient]) -> None:
        """Do without these gradients, by the protocol's rule."""
        self.dropped += len(gradients)
        self.clock.advance(gradients, self.timestamp, self._arrival)

    # What the others ask of it.

    def deliver(self, gradients: Sequence[Gradient], trail: Trail) -> None:
        if self._processor.per_message:
            self._processor.add(trail)  # before any update that it brings about
        number = len(gradients)
        self.received += number
        self._held += number
        self._mailbox.append(gradients)
        self._arrival = trail
        if self._enough is not None and self._held >= self._wanted:
            enough, self._enough = self._enough, None
            enough.call()

    def absorbed(self) -> Event | None:
        # A message is received by the thread that updates: without this its queue would grow for ever where messages do not
        # wait for their own update, as a learner does under base.
        return self._processor.idle() if self._processor.per_message else self.until(self._promised)

    @property
    def newest(self) -> int:
        return self.timestamp

    def due(self, learner: int) -> int:
        """The timestamp of the weights that contain this learner's last gradient, as far as an update with it was asked
        for: one that is still being summed up with others is not waited for. If it was dropped, of the first weights that are
        not too old to compute on."""
        return self._due[learner]

    def until(self, timestamp: int) -> Signal | None:
        """Happens when weights number `timestamp` are made, with their trail; None if they are."""
        return self._until_reached(timestamp) if timestamp > self.timestamp else None

    def ready(self, minimum: int, trail: Trail) -> Event | None:
        if minimum > self.timestamp:
            return self._until_reached(minimum)
        return self._processor.resumed()

    def usage(self, until: float) -> Usage:
        """How busy the server's work kept it, and how much of it waited on average."""
        return self._processor.usage(until)

    def _until_held(self, count: int, deadline: float | None = None) -> Signal:
        """Happens when so many gradients are here, or at the deadline (s)."""
        self._wanted = count
        self._enough = enough = Signal(self._env)
        if deadline is not None:

            def give_up(_: Event) -> None:
                if self._enough is enough:
                    self._enough = None
                    enough.call()

            Timeout(self._env, max(0.0, deadline - self._env.now)).callbacks.append(give_up)
        return enough

    def _do_without(self, gone: set[int]) -> None:
        """A barrier's time is over, and these are missing."""
        if gone:
            self.barrier_timeouts += 1
            self.members_dropped += len(gone)
            self._arrival = wait_until(self._arrival, self._env.now)
            self.round.drop(gone)

    def _stir(self) -> None:
        """The first gradient of a round is at a server of the tree: a barrier's time begins to run."""
        if self._awaits_first and self._enough is not None:
            enough, self._enough = self._enough, None
            enough.call()

    def _admit(self, here: dict[int, Gradient], back: set[int]) -> None:
        """Sort the mailbox into a barrier's round, and the senders of gradients that are not of it into `back`."""
        for message in self._mailbox:
            for gradient in message:
                if gradient.timestamp == self._promised and gradient.learner not in here:
                    self.round.members.add(gradient.learner)
                    here[gradient.learner] = gradient
                else:
                    back.add(gradient.learner)
                    self.drop((gradient,))
        self._mailbox.clear()
        self._held = 0

    def _collect_fresh(self, count: int, spread: int) -> Generator[Event, None, Sequence[Gradient]]:
        # The next update makes its weights from number `_promised`, which those under way will have made by then.
        oldest = self._promised - spread
        fresh: list[Gradient] = []
        while len(fresh) < count:
            if not self._mailbox:
                yield self._until_held(1)  # each is looked at when it arrives, before its sender is answered
            message = self._mailbox.popleft()
            self._held -= len(message)
            if min(gradient.timestamp for gradient in message) >= oldest:
                fresh += message
                continue
            self._refuse(message, oldest)
        return fresh

    def _refuse(self, gradients: Sequence[Gradient], due: int) -> None:
        """Drop gradients whose learners' next ones shall be on weights of that timestamp at least: they are promised, or will
        be with what is here already, so nobody waits for ever."""
        for gradient in gradients:
            self._due[gradient.learner] = max(self._due[gradient.learner], due)
        self.drop(gradients)

    def _until_reached(self, timestamp: int) -> Signal:
        signal = self._reached.get(timestamp)
        if signal is None:
            signal = self._reached[timestamp] = Signal(self._env)
        return signal

    def _finish(self, event: Event) -> None:
        value: Any = event.value
        self._apply(*value)

    def _apply(self, gradients: Sequence[Gradient], summed: int, trail: Trail) -> None:
        self._on_update(self._env.now, self.timestamp, gradients, summed)
        self.timestamp += 1
        self.trail = trail
        if self._reached and (signal := self._reached.pop(self.timestamp, None)) is not None:
            signal.call(trail)
        self.clock.advance(gradients, self.timestamp, trail)
