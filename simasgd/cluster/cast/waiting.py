"""How a thread of a learner waits."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from simpy import Environment, Event

from simasgd.cluster.clock.activity import Activity, Log
from simasgd.cluster.clock.trail import Trail, wait_until


def wait_for(env: Environment, event: Event, activity_log: Log) -> Generator[Event, Any, None]:
    """Wait for an event whose value is its trail; the waiting goes to the thread's log.

    Without a trail, the event is news of a learner that was away.
    """
    activity_log.begin(Activity.WAIT, env.now)
    trail: Trail | None = yield event
    activity_log.trail = trail or wait_until(activity_log.trail, env.now, "down")
