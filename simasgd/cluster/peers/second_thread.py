"""A learner's second thread, which sends and receives while the compute thread computes."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, final

from simpy import Environment, Event

from simasgd.cluster.cast.waiting import wait_for
from simasgd.cluster.clock.activity import Log
from simasgd.cluster.clock.events import Signal
from simasgd.cluster.peers.member_messaging import MemberMessaging
from simasgd.cluster.peers.messaging import Messaging
from simasgd.tape.tape import Gradient


@final
class SecondThread:
    """The second thread's messaging, and a place for one gradient that the compute thread hands over."""

    def __init__(
        self,
        env: Environment,
        messaging: Messaging | MemberMessaging,
        compute_log: Log,
        log: Log,
    ) -> None:
        self.messaging = messaging
        self._env = env
        self._compute_log = compute_log
        self._log = log
        self._gradient: Gradient | None = None
        self._given: Signal | None = None
        self._taken: Signal | None = None

    def hand_over(self, gradient: Gradient) -> Generator[Event, Any, None]:
        """Hand a gradient to this thread, once it has taken the previous one; for the compute thread."""
        if self._gradient is not None:
            self._taken = Signal(self._env)
            yield from wait_for(self._env, self._taken, self._compute_log)
        self._gradient = gradient
        if self._given is not None:
            given, self._given = self._given, None
            given.fire(self._compute_log.trail)

    def handed_over(self) -> Generator[Event, Any, Gradient]:
        """Return the next gradient from the compute thread; for this thread."""
        if self._gradient is None:
            self._given = Signal(self._env)
            yield from wait_for(self._env, self._given, self._log)
        gradient, self._gradient = self._gradient, None
        assert gradient is not None
        if self._taken is not None:
            taken, self._taken = self._taken, None
            taken.fire(self._log.trail)
        return gradient
