"""The parameter server: collects gradients, updates the weights and answers the learners."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, final

from simpy import Event

from simasgd.cluster.cast.context import RunContext
from simasgd.cluster.cast.mailbox import Mailbox
from simasgd.cluster.cast.updater import GoOn, Updater, make_updater
from simasgd.cluster.clock.events import Signal, after
from simasgd.cluster.clock.pipe import Usage
from simasgd.cluster.clock.trail import START, Trail, wait_until
from simasgd.cluster.clock.vector_clock import VectorClock
from simasgd.cluster.server.barrier import Barrier
from simasgd.cluster.server.interfaces import AbstractSink, AbstractSource, Deliver
from simasgd.scenario.cluster.architecture import Base
from simasgd.tape.tape import Gradient


@final
class Server(AbstractSource, AbstractSink):
    """A parameter server. `num_learners` is λ, `timestamp` the number of updates made so far.

    Its protocol sees it as `ServerVerbs`. `clock` counts the gradients of each learner that the
    server has applied or dropped, and `dropped_of` those dropped. `rounds` are those of `barrier`.
    New weights become visible when their update is done. With `any_count` the server
    updates with the next `any_count` gradients, over and over, and has neither a role nor a `clock`.
    """

    def __init__(self, context: RunContext, any_count: int | None = None) -> None:
        env, learners = context.env, context.spec.learners
        self.num_learners = learners
        self.timestamp = 0
        self.trail = START  # of the current weights
        self.clock = VectorClock(env, learners)
        self._write = context.recording.write
        self.dropped_of = [0] * learners
        self._env = env
        is_direct = isinstance(context.spec.architecture, Base)  # otherwise the messages are sums of decoded gradients
        apply = self._apply if any_count is None else self._apply_gathered
        self._updater: Updater[Any]
        self._updater = make_updater(context, apply, context.gradient_payload if is_direct else context.payload)
        self._awaited = self._updater.awaited
        self._update, self._counts_messages = self._updater.update, self._updater.counts_messages
        self._pauses = bool(context.spec.faults.server_pauses)
        self._copy_out = context.spec.costs.copy_seconds(context.payload / context.spec.architecture.parts)
        self._mailbox: Mailbox[Gradient] = Mailbox(env)
        self._gathered: list[Gradient] = []
        self._any_count = any_count or 0
        self._put: Deliver = self._mailbox.put if any_count is None else self._gather
        self.deliver = self._take_up if self._counts_messages else self._put
        self.rounds = Barrier(env, self._mailbox, learners, self.drop)
        self.round = self.rounds.round
        self._requested = 0  # the timestamp that the last requested update will make
        self._updated_at = 0.0  # (s) when the current weights were made
        self._due = [0] * learners

    # The verbs of a protocol's server role.

    def collect(
        self, count: int, spread: int | None = None, within: float | None = None
    ) -> Generator[Event, None, Sequence[Gradient]]:
        """Return the next messages, in order of arrival, until they hold `count` gradients.

        In a tree of servers, a message may be the sum of several gradients. It cannot be split, so
        there may be more than `count` gradients. With a `spread`, drop each message with a gradient
        whose staleness would exceed `spread` in the next update.

        With `within` (s), return at the latest so long after the last update was made what is here by
        then, the arrivals of that very instant included; if that is nothing, the next message.
        """
        if self.round.timestamp >= 0:
            self.round.close()
        if within is not None:
            return self._collect_within(count, spread, within)
        return self._mailbox.collect(count) if spread is None else self._collect_fresh(count, spread)

    def first(self, count: int, *, distinct: bool) -> Generator[Event, None, Sequence[Gradient]]:
        """Return the first `count` gradients on the newest weights, in order of arrival; drop all others.

        If `distinct`, they are of `count` different learners. Gradients of one message count one by
        one.
        """
        if distinct and count == self.num_learners:
            self.round.open(self._requested)
        else:
            self.round.close()
        here: list[Gradient] = []
        learners: set[int] = set()
        while len(here) < count:
            if not self._mailbox.messages:
                yield self._mailbox.until_held(1)  # look at each one when it arrives, before its sender is answered
            for gradient in self._mailbox.take():
                is_repeated = distinct and gradient.learner in learners
                if gradient.timestamp == self._requested and len(here) < count and not is_repeated:
                    here.append(gradient)
                    learners.add(gradient.learner)
                else:
                    self._refuse((gradient,), gradient.timestamp + 1)
        return here

    def barrier(self, timeout: float | None = None) -> Generator[Event, None, Sequence[Gradient]]:
        """Return one gradient of every member, on the newest weights, in order of arrival.

        All learners are members at first. When `timeout` (s) has passed since the first gradient,
        learners without a gradient cease to be members until a gradient of theirs arrives. In a
        tree of servers a gradient counts as soon as it is at any server. Late gradients are
        dropped, and so is the second one of a learner that crashed after its first.
        """
        return self.rounds.collect(self._requested, timeout)

    def update(self, gradients: Sequence[Gradient], summed: int = 1) -> None:
        """Make the next weights with the mean of `gradients`, after all earlier updates.

        If each message is the sum of `summed` gradients, the update uses the mean over messages.
        """
        self._requested = requested = self._requested + 1
        due = self._due
        for gradient in gradients:
            due[gradient[0]] = requested  # of its learner
        self._update((tuple(gradients), summed), self._mailbox.arrival)  # a role may use its list again

    def drop(self, gradients: Sequence[Gradient]) -> None:
        """Discard `gradients`, because the protocol's rule says so."""
        for gradient in gradients:
            self.dropped_of[gradient.learner] += 1
        self.clock.advance(gradients, self.timestamp, self._mailbox.arrival)

    # The interfaces to learners and relays.

    def _gather(self, gradients: Sequence[Gradient], trail: Trail) -> None:
        self._mailbox.received += len(gradients)
        if self._any_count > 1:
            gathered = self._gathered
            gathered += gradients
            if len(gathered) < self._any_count:
                return
            gradients, self._gathered = gathered, []
        self._requested = requested = self._requested + 1
        due = self._due
        for gradient in gradients:
            due[gradient[0]] = requested
        self._update(gradients, trail)

    def _take_up(self, gradients: Sequence[Gradient], trail: Trail) -> None:
        self._updater.take_up(trail)  # before any update that the message causes
        self._put(gradients, trail)

    def absorbed(self) -> Event | None:
        # Without the wait for the requested updates, their queue would grow without bound where messages do not wait for their
        # own update, as a learner does under base.
        return self._updater.idle() if self._updater.counts_messages else self.until(self._requested)

    @property
    def received(self) -> int:
        """The number of gradients that have arrived."""
        return self._mailbox.received

    @property
    def newest(self) -> int:
        return self.timestamp

    def due(self, learner: int) -> int:
        """Return the timestamp of the weights that will contain this learner's last gradient.

        A gradient that has not been given to `update` does not count. If the gradient was dropped,
        return the oldest timestamp that the learner may still compute on.
        """
        return self._due[learner]

    def until(self, timestamp: int) -> Signal | None:
        """Return a signal that happens when weights number `timestamp` are made, with their trail; None if they are."""
        return self._updater.until_made(timestamp) if timestamp > self.timestamp else None

    def ready(self, minimum: int, trail: Trail) -> Event | None:
        if minimum > self.timestamp:
            return self._updater.until_made(minimum)
        return self._updater.resumed() if self._pauses else None

    def is_ready_for(self, learner: int, newer_than: int, go_on: GoOn) -> bool:
        """Return whether the learner's request for newer weights than number `newer_than` is answered now.

        Otherwise `go_on` is called when it is.
        """
        minimum = self._due[learner]
        if newer_than >= minimum:
            minimum = newer_than + 1
        if minimum > self.timestamp:
            waiting = self._awaited.get(minimum)
            if waiting is None:
                self._awaited[minimum] = [go_on]
            else:
                waiting.append(go_on)
            return False
        if self._pauses and (resumed := self._updater.resumed()):
            resumed.callbacks.append(lambda _: go_on(None))
            return False
        return True

    def copy_out(self, trail: Trail) -> Event | None:
        return self._updater.copied(self._copy_out, trail)

    def usage(self, until: float) -> Usage:
        """Return how busy the server's work kept it until `until` (s), and how much work waited on average."""
        return self._updater.usage(until)

    def _collect_fresh(self, count: int, spread: int) -> Generator[Event, None, Sequence[Gradient]]:
        # The next update starts from weights number `_requested`, which the updates under way will have made by then.
        oldest = self._requested - spread
        fresh: list[Gradient] = []
        while len(fresh) < count:
            if not self._mailbox.messages:
                yield self._mailbox.until_held(1)  # look at each one when it arrives, before its sender is answered
            fresh += self._take_fresh(oldest)
        return fresh

    def _take_fresh(self, oldest: int) -> Sequence[Gradient]:
        """Take the next message; drop it, and return nothing, if a gradient in it is on weights before number `oldest`."""
        message = self._mailbox.take()
        if min(gradient.timestamp for gradient in message) >= oldest:
            return message
        self._refuse(message, oldest)
        return ()

    def _collect_within(self, count: int, spread: int | None, within: float) -> Generator[Event, None, Sequence[Gradient]]:
        oldest = 0 if spread is None else self._requested - spread
        env, mailbox, found, deadline = self._env, self._mailbox, list[Gradient](), None
        while True:
            while mailbox.messages and len(found) < count:
                found += self._take_fresh(oldest)
            if len(found) >= count:
                return found
            if deadline is not None and deadline.processed and found:
                mailbox.arrival = wait_until(mailbox.arrival, env.now, "timeout")
                return found
            if deadline is None and self.timestamp == self._requested:
                waited = env.now - self._updated_at
                deadline = after(env, env.now, max(0.0, within - waited))
            yield self._arrival_or(deadline)

    def _arrival_or(self, deadline: Event | None) -> Signal:
        """Return a signal that happens when a message arrives, or at a deadline; without one, when the last update is made."""
        first = Signal(self._env)

        def come(_: Event) -> None:
            if not first.triggered:
                first.call()

        def pass_by(_: Event) -> None:
            if not first.triggered:
                first.follow()  # other messages may arrive at this instant

        def be_made(_: Event) -> None:
            if not first.triggered:
                first.fire()  # the update's consequences come before

        self._mailbox.until_held(1).callbacks.append(come)
        if deadline is None:
            self._updater.until_made(self._requested).callbacks.append(be_made)
        elif not deadline.processed:
            deadline.callbacks.append(pass_by)
        return first

    def _refuse(self, gradients: Sequence[Gradient], due: int) -> None:
        """Drop gradients whose learners next compute on weights of timestamp `due` at least.

        These weights are requested, or will be with the gradients that are here already, so no
        learner waits for ever.
        """
        for gradient in gradients:
            self._due[gradient.learner] = max(self._due[gradient.learner], due)
        self.drop(gradients)

    def _apply(self, work: tuple[Sequence[Gradient], int], trail: Trail) -> None:
        gradients, summed = work
        timestamp = self.timestamp
        self._updated_at = now = self._env.now
        self._write(now, timestamp, gradients, summed)
        self.timestamp = timestamp = timestamp + 1
        self.trail = trail
        for go_on in self._awaited.pop(timestamp, ()):  # as `Updater.announce`, without a call
            go_on(trail)
        clock = self.clock
        counts = clock.counts
        for gradient in gradients:
            counts[gradient[0]] += 1  # of its learner
        if clock.is_watched:
            clock.tell(gradients, timestamp, trail)

    def _apply_gathered(self, gradients: Sequence[Gradient], trail: Trail) -> None:
        """Apply gradients as `_apply` does, where no role waits for the gradients of one learner."""
        timestamp = self.timestamp
        self._write(self._env.now, timestamp, gradients, 1)
        self.timestamp = timestamp = timestamp + 1
        self.trail = trail
        for go_on in self._awaited.pop(timestamp, ()):
            go_on(trail)
