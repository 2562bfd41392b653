"""The barrier of the parameter server: one gradient of every member."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import final

from simpy import Environment, Event

from simasgd.cluster.cast.mailbox import Mailbox
from simasgd.cluster.clock.trail import wait_until
from simasgd.cluster.server.barrier_round import BarrierRound
from simasgd.tape.tape import Gradient


@final
class Barrier:
    """Collects rounds of gradients from a mailbox; `drop` is called with every gradient that is not of the round.

    `timeouts` counts the rounds that ended without some member, and `members_dropped` those
    members.
    """

    def __init__(
        self, env: Environment, mailbox: Mailbox[Gradient], learners: int, drop: Callable[[Sequence[Gradient]], None]
    ) -> None:
        self.timeouts = 0
        self.members_dropped = 0
        self.round = BarrierRound(learners, self._on_first)
        self._env = env
        self._mailbox = mailbox
        self._drop = drop
        self._awaits_first = False  # the time-out starts with the first gradient of the round

    def collect(self, timestamp: int, timeout: float | None) -> Generator[Event, None, Sequence[Gradient]]:
        """Collect one gradient of every member on the weights of that timestamp, in order of arrival.

        When `timeout` (s) has passed since the first gradient, the members whose gradients are
        missing cease to be members.
        """
        here: dict[int, Gradient] = {}
        present, mailbox = self.round, self._mailbox
        present.open(timestamp)
        members, deadline = present.members, None
        returning = members  # learners with late gradients become members at once, until the time-out
        while (missing := len(members) - len(here)) > 0:
            if timeout is not None and deadline is None and (here or present.here):
                deadline = self._env.now + timeout
            self._awaits_first = timeout is not None and deadline is None
            needed = 1 if self._awaits_first else missing
            if mailbox.held < needed:
                yield mailbox.until_held(needed, deadline)
            late = not self._awaits_first and mailbox.held < needed
            self._awaits_first = False
            self._sort(timestamp, here, returning)
            if late:
                # Wait for the gradients that are at a server of the tree. Other learners are out until the next round.
                timeout, deadline, returning = None, None, set()
                self._drop_members(members.difference(here, present.here))
        members |= returning
        return tuple(here.values())

    def _sort(self, timestamp: int, here: dict[int, Gradient], returning: set[int]) -> None:
        """Move the round's gradients from the mailbox to `here`; drop the others and add their senders to `returning`."""
        members = self.round.members
        for message in self._mailbox.messages:
            for gradient in message:
                learner = gradient.learner
                if gradient.timestamp == timestamp and learner not in here:
                    members.add(learner)
                    here[learner] = gradient
                else:
                    returning.add(learner)
                    self._drop((gradient,))
        self._mailbox.clear()

    def _drop_members(self, missing: set[int]) -> None:
        if missing:
            self.timeouts += 1
            self.members_dropped += len(missing)
            self._mailbox.arrival = wait_until(self._mailbox.arrival, self._env.now, "timeout")
            self.round.drop(missing)

    def _on_first(self) -> None:
        """Start the time-out: the first gradient of the round is at a server of the tree."""
        if self._awaits_first:
            self._mailbox.wake()
