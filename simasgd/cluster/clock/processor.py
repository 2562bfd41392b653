"""The processor of a server, which copies messages, adds them up and makes updates."""

from __future__ import annotations

from typing import final

from simpy import Environment, Event

from simasgd.cluster.clock.events import timeout
from simasgd.cluster.clock.log import COPY
from simasgd.cluster.clock.pace import ScheduledPace
from simasgd.cluster.clock.pipe import Pipe, Usage
from simasgd.cluster.clock.trail import Extend, Trail, add_copy, add_update, with_pause


@final
class Processor:
    """Does a server's work one item at a time, in the order of the requests.

    Each arriving message is first copied in `copy_in` (s) and then added up in `per_message` (s).
    `take_up` requests both, and is needed only if the processor `takes_messages` at a cost.
    `pauses` is the pace of the pipe, whose spells are the server's pauses; None if it never pauses. A
    pause is no busy time. `update` requests work of some seconds now, which an arrival with a
    trail brings about. It returns when the work will be done (s), and the trail of that instant.
    """

    __slots__ = ("_copy_in", "_env", "_held_up", "_pauses", "_per_message", "_pipe", "take_up", "takes_messages", "update")

    def __init__(
        self,
        env: Environment,
        pipe: Pipe,
        per_message: float,
        pauses: ScheduledPace | None = None,
        copy_in: float = 0.0,
    ) -> None:
        self.update = pipe.work if pauses is None else self._update_around_pauses
        self.takes_messages = per_message > 0.0 or copy_in > 0.0
        self.take_up = self._add if copy_in == 0.0 else self._copy_and_add
        self._copy_in = copy_in
        self._per_message = per_message
        self._env = env
        self._pipe = pipe
        self._pauses = pauses
        self._held_up: list[tuple[float, float]] = []  # begin and end (s) of the work in which the server pauses

    def _add(self, cause: Trail) -> tuple[float, Trail]:
        """Request that a message with the trail `cause`, which arrives now, is added up.

        Return when that will be done (s), and the trail of that instant.
        """
        return self.update(self._env.now, self._per_message, cause)

    def _copy_and_add(self, cause: Trail) -> tuple[float, Trail]:
        """Request that an arriving message is copied and added up, as `_add` does."""
        copied = self.copy(self._copy_in, cause)
        return self._add(copied[1]) if self._per_message else copied

    def copy(self, seconds: float, cause: Trail) -> tuple[float, Trail]:
        """Request a copy of a message, which takes `seconds`, as `update` does."""
        return self._request(seconds, cause, add_copy, COPY)

    def copied(self, seconds: float, cause: Trail) -> Event | None:
        """Request a copy; return an event for its end, with its trail, or None if there is nothing to wait for."""
        done, trail = self.copy(seconds, cause)
        rest = done - self._env.now
        return timeout(self._env, rest, trail) if rest > 0.0 else None

    def resumed(self) -> Event | None:
        """Return an event for the end of the server's present pause; None if it does not pause now."""
        if self._pauses is None:
            return None
        now = self._env.now
        end = self._pauses.end(now, 0.0)
        return timeout(self._env, end - now) if end > now else None

    def idle(self) -> Event | None:
        """Return an event for the end of all requested work, with its trail; None if all is done."""
        rest = self._pipe.free - self._env.now
        return timeout(self._env, rest, self._pipe.trail) if rest > 0.0 else None

    def usage(self, until: float) -> Usage:
        """Return how busy the processor was until `until` (s), and how much work waited on average."""
        usage = self._pipe.usage(until)
        if self._pauses is None or until <= 0.0:
            return usage
        paused = sum(self._pauses.standstill(start, min(done, until)) for start, done in self._held_up if start < until)
        return usage._replace(busy=max(0.0, usage.busy - paused / until))

    def _update_around_pauses(self, now: float, seconds: float, cause: Trail) -> tuple[float, Trail]:
        return self._request(seconds, cause, add_update)

    def _request(self, seconds: float, cause: Trail, extend: Extend, activity: int | None = None) -> tuple[float, Trail]:
        pipe = self._pipe
        start, done, before = pipe.serve(self._env.now, seconds, cause, extend, activity=activity)
        if self._pauses is not None and (pause := self._pauses.standstill(start, done)):
            self._held_up.append((start, done))
            extend = with_pause(extend, pause)
            pipe.last = extend, before, done - start
        return done, extend(before, done - start)
