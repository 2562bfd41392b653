"""What a server works with: it adds messages up and makes updates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import final

from simpy import Environment, Event
from simpy.events import Timeout

from simasgd.cluster.clock.pipe import Pipe, Usage
from simasgd.cluster.clock.trail import Trail, add_update, with_pause


@final
class Processor:
    """Does a server's work one thing at a time, in the order in which it is asked for.

    An update takes the next of `update_times` (s), and each message that arrives `per_message` (s). `pause_end` maps a time (s)
    to the end of the pause that it falls into, or to itself; None where the server never pauses.
    """

    __slots__ = ("_env", "_pause_end", "_pipe", "_update_times", "per_message")

    def __init__(
        self,
        env: Environment,
        pipe: Pipe,
        update_times: Iterator[float],
        per_message: float,
        pause_end: Callable[[float], float] | None = None,
    ) -> None:
        self.per_message = per_message
        self._env = env
        self._pipe = pipe
        self._update_times = update_times
        self._pause_end = pause_end

    def update(self, cause: Trail) -> tuple[float, Trail]:
        """Ask for an update, which an arrival with the trail `cause` brings about; when it will be done (s), and the trail of
        that."""
        return self._work(next(self._update_times), cause)

    def add(self, cause: Trail) -> tuple[float, Trail]:
        """Ask for a message to be added up that arrives now, with the trail `cause`; when that will be done (s), and its
        trail."""
        return self._work(self.per_message, cause)

    def resumed(self) -> Event | None:
        """When the server's present pause is over; None if it does not pause now."""
        if self._pause_end is None:
            return None
        now = self._env.now
        end = self._pause_end(now)
        return Timeout(self._env, end - now) if end > now else None

    def idle(self) -> Event | None:
        """When all is done that was asked for so far, with the trail of that; None if it is."""
        rest = self._pipe.free - self._env.now
        return Timeout(self._env, rest, self._pipe.trail) if rest > 0.0 else None

    def usage(self, until: float) -> Usage:
        """How busy it was until `until` (s), and how much waited for it on average."""
        return self._pipe.usage(until)

    def _work(self, seconds: float, cause: Trail) -> tuple[float, Trail]:
        now, pipe = self._env.now, self._pipe
        start = pipe.request(now, seconds)
        done = pipe.free
        before = pipe.trail if start > now else cause
        extend = add_update if self._pause_end is None else with_pause(add_update, max(0.0, done - start - seconds))
        pipe.last = extend, before, done - start
        return done, extend(before, done - start)
