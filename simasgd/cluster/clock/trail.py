"""The critical path: the chain of causes of an instant, from time 0 on.

A trail belongs to an event. It says how many seconds of which work lie on the one chain of causes
that ends in the event. A message that waits for a link continues the trail of the message before
it. An update that waits for a gradient continues the trail of the gradient. So a trail has no
waiting in it, and its parts add up to the time of its event.
"""

from __future__ import annotations

from collections.abc import Callable

PARTS = ("compute", "push", "update", "pull", "other")
Trail = tuple[float, float, float, float, float]  # a plain tuple: two are made for every message
"""Seconds of each of PARTS. `other` is the rest: a crashed learner's absence, a time-out, a pause."""

START: Trail = (0.0, 0.0, 0.0, 0.0, 0.0)
Extend = Callable[[Trail, float], Trail]


def add_compute(trail: Trail, seconds: float) -> Trail:
    """Return the trail with more seconds of computing."""
    compute, push, update, pull, other = trail
    return compute + seconds, push, update, pull, other


def add_push(trail: Trail, seconds: float) -> Trail:
    """Return the trail with more seconds of pushing."""
    compute, push, update, pull, other = trail
    return compute, push + seconds, update, pull, other


def add_update(trail: Trail, seconds: float) -> Trail:
    """Return the trail with more seconds of an update."""
    compute, push, update, pull, other = trail
    return compute, push, update + seconds, pull, other


def add_pull(trail: Trail, seconds: float) -> Trail:
    """Return the trail with more seconds of pulling."""
    compute, push, update, pull, other = trail
    return compute, push, update, pull + seconds, other


def with_pause(extend: Extend, pause: float) -> Extend:
    """Return an extension like the given one, of which `pause` (s) count as other."""

    def extend_around(trail: Trail, seconds: float) -> Trail:
        compute, push, update, pull, other = extend(trail, seconds - pause)
        return compute, push, update, pull, other + pause

    return extend_around


def wait_until(trail: Trail, now: float) -> Trail:
    """Return the trail of an instant at `now` (s) that only the passing of time brought about."""
    compute, push, update, pull, _ = trail
    return compute, push, update, pull, max(trail[4], now - compute - push - update - pull)
