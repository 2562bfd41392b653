"""Work of a thread of a learner that is neither computing nor waiting: copies, steps and mixing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from typing import Any, NamedTuple, final

from simpy import Environment, Event

from simasgd.cluster.clock.activity import Activity, ActivityLog, CostActivity
from simasgd.cluster.clock.events import Signal, after
from simasgd.cluster.clock.trail import Trail, add_copy

ANSWER = "answer"
"""The name of the thread that answers the requests of other learners."""
Work = Callable[[ActivityLog], Generator[Event, Any, Any]]
"""Some work of the thread with that log; it takes simulated time and then returns a result."""


def copy(env: Environment, activity_log: ActivityLog, seconds: float) -> Generator[Event, Any, None]:
    """Copy a message, which takes the thread `seconds`."""
    if seconds > 0.0:
        activity_log.begin(CostActivity.COPY, env.now)
        yield after(env, env.now, seconds)
        activity_log.trail = add_copy(activity_log.trail, seconds)


class JobResult(NamedTuple):
    """The result of a job, and the trail of its end."""

    result: Any
    trail: Trail


class _Job(NamedTuple):
    work: Work
    trail: Trail
    done: Signal


@final
class AnswerThread:
    """A thread of a learner that does what other learners ask for, one job after another.

    Its process exists only while there are jobs. `activity_log` belongs to the thread.
    """

    def __init__(self, env: Environment, activity_log: ActivityLog) -> None:
        self.activity_log = activity_log
        self._env = env
        self._jobs: deque[_Job] = deque()

    def ask(self, work: Work, trail: Trail) -> Signal:
        """Ask for some work, in a request with that trail; return a signal for its end, whose value is a `JobResult`."""
        done = Signal(self._env)
        self._jobs.append(_Job(work, trail, done))
        if len(self._jobs) == 1:
            self.activity_log.trail = trail
            self._env.process(self._run())
        return done

    def run(self) -> Generator[Event, Any, None]:
        """Do nothing: a job starts the thread."""
        yield from ()

    def _run(self) -> Generator[Event, Any, None]:
        while self._jobs:
            work, _, done = self._jobs[0]
            result = yield from work(self.activity_log)
            self._jobs.popleft()
            self.activity_log.begin(Activity.IDLE, self._env.now)
            done.call(JobResult(result, self.activity_log.trail))
