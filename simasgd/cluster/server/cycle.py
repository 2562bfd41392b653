"""A learner whose role is a cycle that nothing interrupts, as methods that events call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappush
from math import inf
from typing import Any, final

from simpy import Event
from simpy.events import NORMAL

from simasgd.cluster.cast.context import RunContext
from simasgd.cluster.cast.worker import AbstractWorker
from simasgd.cluster.clock.activity import Activity, ActivityLog, Thread
from simasgd.cluster.clock.events import END_OF_TIME, after, timed_event
from simasgd.cluster.clock.trail import START, Trail, wait_until
from simasgd.cluster.network.routes import AbstractRoute
from simasgd.cluster.server.server import Server
from simasgd.protocols.base import Cycle, Role
from simasgd.tape.tape import Gradient, make_gradient

_COMPUTE, _PUSH, _WAIT, _PULL = (of.value for of in (Activity.COMPUTE, Activity.PUSH, Activity.WAIT, Activity.PULL))


@final
class CyclicLearner(AbstractWorker):
    """Learner number `number`, which pulls, computes and pushes over and over, under base.

    It does what `Learner` does in the role `learn` of the protocol, event by event. But an event
    calls a method, where a process would be resumed through several generators. The seconds of each
    activity are added up once a cycle, from the instants of its parts. A part that is still to come
    has an infinite one.
    """

    __slots__ = (
        "_began",
        "_computed_at",
        "_deliver",
        "_down",
        "_end",
        "_for_newer",
        "_is_ready_for",
        "_left_at",
        "_message",
        "_on_end",
        "_on_pulled",
        "_on_pushed",
        "_on_ready",
        "_on_turn",
        "_place",
        "_pushed_at",
        "_sent_at",
        "_server",
        "_sums",
        "_timestamp",
        "_trail",
        "_up",
        "_work",
    )

    def __init__(
        self,
        context: RunContext,
        number: int,
        activity_log: ActivityLog,
        server: Server,
        up: AbstractRoute,
        down: AbstractRoute,
        cycle: Cycle,
    ) -> None:
        super().__init__(context, number, activity_log)
        self._server = server
        self._deliver = server.deliver
        self._is_ready_for = server.is_ready_for
        self._on_ready = self._answer
        self._up = up
        self._down = down
        self._for_newer = cycle.for_newer
        self._sums = 0.0, 0.0, 0.0, 0.0  # (s) computing, pushing, waiting and pulling, in all cycles but this one
        self._trail = START
        self._timestamp = -1  # of the learner's weights
        self._message: tuple[Gradient, ...] = ()  # the last one
        self._end = timed_event(self._env)  # of a mini-batch, a message or a wait for a link: one at a time
        up.reuse(self._end)
        down.reuse(self._end)
        # The callbacks of a mini-batch, of messages, and of a reply's turn on its link: nobody may add one.
        self._on_end: list[Callable[[Any], None]] = [self._computed]
        self._on_pushed: list[Callable[[Any], None]] = [self._pushed]
        self._on_turn: list[Callable[[Any], None]] = [self._cross]
        self._on_pulled: list[Callable[[Any], None]] = [self._compute]
        self._place: Any = None  # of the weights in the first link, until they leave the server
        self._work = 0.0  # (s) that the mini-batch takes
        self._began = inf  # (s) when the mini-batch began
        self._computed_at = inf  # (s) when its gradient was there
        self._sent_at = inf  # (s) when the gradient left; until then it waits for a link
        self._pushed_at = inf  # (s) when the server had it
        self._left_at = inf  # (s) when the weights left the server

    def run(self) -> Role:
        """Begin the cycle, which then goes on by itself."""
        self._began = self._computed_at = self._sent_at = now = self._env.now
        self.activity_log.begin(_WAIT, now)  # ends the time before the start
        self._trail = self.activity_log.trail
        self._pull(now)
        yield from ()

    @property
    def in_flight(self) -> int:
        return 1 if self._computed_at < self._pushed_at == inf else 0

    @property
    def threads(self) -> Sequence[Thread]:
        return ()

    @property
    def is_computing(self) -> bool:
        return self._began < self._computed_at == inf

    def crash(self) -> None:
        raise AssertionError("learners that may crash have processes")

    def close(self, now: float) -> None:
        if self._began == inf:
            self.activity_log.close(now)
            return
        seconds = self.activity_log.seconds
        seconds[_COMPUTE], seconds[_PUSH], seconds[_WAIT], seconds[_PULL] = self._sums
        seconds[_COMPUTE] += min(self._computed_at, now) - self._began
        if self._computed_at < inf:
            self._add_message(_PUSH, self._computed_at, self._sent_at, min(self._pushed_at, now))
            if self._pushed_at < inf:
                self._add_message(_PULL, self._pushed_at, self._left_at, now)

    def _add_message(self, activity: int, since: float, left: float, until: float) -> None:
        """Add the seconds of a message, which waited from `since` on and left at `left`, until `until` (s)."""
        turn = min(left, until)
        seconds = self.activity_log.seconds
        seconds[_WAIT] += turn - since
        seconds[activity] += until - turn

    def _pull(self, now: float) -> None:
        """Request weights; as `fetch`."""
        self._pushed_at, self._left_at = now, inf
        if self._is_ready_for(self.number, self._timestamp if self._for_newer else -1, self._on_ready):
            self._answer(self._trail)

    def _answer(self, trail: Trail | None) -> None:
        """Let the reply take its place in the first link. The weights are read when it leaves."""
        env = self._env
        now = env.now
        start, arrival, place = self._down.depart(now, trail or wait_until(self._trail, now, "pause"))
        if start > now:
            self._place = place
            end = self._end
            end.callbacks = self._on_turn
            heappush(env._queue, (now + (start - now), NORMAL, next(env._eid), end))
            return
        self._left_at, self._timestamp = now, self._server.timestamp
        if arrival is None:
            self._trail = place
            self._compute(None)
        else:
            arrival.callbacks = self._on_pulled

    def _cross(self, _: Event) -> None:
        """Read the weights; the reply leaves now."""
        self._left_at, self._timestamp = self._env.now, self._server.timestamp
        self._trail, place = self._place
        arrival = self._down.cross(place)
        if arrival is None:
            self._compute(None)
        else:
            arrival.callbacks = self._on_pulled

    def _compute(self, pulled: Event | None) -> None:
        """Receive the weights, and begin the next mini-batch; as `compute_gradient`."""
        env = self._env
        now = env.now
        if pulled is not None:
            self._trail = pulled._value
        left = self._down.receive(self._left_at)
        computed, sent, pushed = self._computed_at, self._sent_at, self._pushed_at
        computing, pushing, waiting, pulling = self._sums
        if sent < pushed:  # as `_add_message`, without a call
            waiting += sent - computed
            pushing += pushed - sent
        else:
            waiting += pushed - computed
        if left < now:
            waiting += left - pushed
            pulling += now - left
        else:
            waiting += now - pushed
        self._sums = computing + (computed - self._began), pushing, waiting, pulling
        self._began, self._computed_at = now, inf
        self._work = work = next(self._times)
        if self._pace is not None:
            self._work = 0.0
            self._compute_at_its_pace_from(now, work)
        elif now + work < END_OF_TIME:
            end = self._end
            end.callbacks = self._on_end
            heappush(env._queue, (now + work, NORMAL, next(env._eid), end))

    def _compute_at_its_pace_from(self, now: float, work: float) -> None:
        seconds, left = self._stretch(now, work)
        self._work += seconds
        end = after(self._env, now, seconds)
        if left:
            end.callbacks.append(lambda _: self._compute_at_its_pace_from(self._env.now, left))
        else:
            end.callbacks.append(self._computed)

    def _computed(self, _: Event) -> None:
        """Make the gradient and send it; as `push`."""
        self._computed_at = now = self._env.now
        compute, push, update, pull, other = self._trail
        self._trail = trail = compute + self._work, push, update, pull, other
        number = self.drawn
        self.drawn = number + 1
        self._message = message = (make_gradient((self.number, number, self._timestamp, self._began, now, (), 0)),)
        self._sent_at, arrival = self._up.send(now, trail)
        if arrival is None:
            self._up.receive(now)
            self._deliver(message, trail)
            self._pull(now)
        else:
            self._pushed_at = inf
            arrival.callbacks = self._on_pushed

    def _pushed(self, arrival: Event) -> None:
        self._trail = trail = arrival._value
        self._sent_at = self._up.receive(self._sent_at)
        self._deliver(self._message, trail)
        self._pushed_at, self._left_at = self._env.now, inf  # as `_pull`, without a call
        if self._is_ready_for(self.number, self._timestamp if self._for_newer else -1, self._on_ready):
            self._answer(trail)
