"""The critical path: the chain of causes of an instant, from time 0 on.

A trail belongs to an event. It says how many seconds of which work lie on the one chain of causes
that ends in the event. A message that waits for a link continues the trail of the message before
it. An update that waits for a gradient continues the trail of the gradient. So a trail has no
waiting in it, and its parts add up to the time of its event.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import final

PARTS = ("compute", "push", "update", "pull", "other")
COST_PARTS = ("step", "mix", "copy", "launch")
"""Further parts of the path, which only costs bring about (`cluster.costs`)."""
LOST_PARTS = ("down", "resend", "timeout", "pause")
"""Further parts of the path, in which nothing works.

down: a learner is away. resend: from the departure of a message that gets lost until it is sent again. timeout: a
time-out or a deadline passes. pause: the server pauses.
"""
Trail = tuple[float, float, float, float, float]  # a plain tuple: two are made for every message
"""Seconds of each of PARTS. `other` is the rest.

If there are costs or faults, the last number may be a `Rest`, which includes those of COST_PARTS and LOST_PARTS.
"""
_NAMES = (*COST_PARTS, *LOST_PARTS)


@final
class Rest(float):
    """Seconds that belong to none of the first four parts, of which `named` belong to COST_PARTS and LOST_PARTS.

    So runs without costs and faults, whose trails hold plain numbers, are not slowed down by them.
    """

    named: tuple[float, ...]

    def __new__(cls, seconds: float, named: tuple[float, ...]) -> Rest:
        made = super().__new__(cls, seconds)
        made.named = named
        return made


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


def add_step(trail: Trail, seconds: float) -> Trail:
    """Return the trail with more seconds of a learner's own step."""
    return _with_named(trail, "step", seconds)


def add_mix(trail: Trail, seconds: float) -> Trail:
    """Return the trail with more seconds of mixing models."""
    return _with_named(trail, "mix", seconds)


def add_copy(trail: Trail, seconds: float) -> Trail:
    """Return the trail with more seconds of copying a message."""
    return _with_named(trail, "copy", seconds)


def add_launch(trail: Trail, seconds: float) -> Trail:
    """Return the trail with more seconds of starting a collective operation."""
    return _with_named(trail, "launch", seconds)


def _with_named(trail: Trail, part: str, seconds: float) -> Trail:
    """Return the trail with more seconds of a part of COST_PARTS or LOST_PARTS."""
    compute, push, update, pull, rest = trail
    named, place = _named(rest), _NAMES.index(part)
    grown = (*named[:place], named[place] + seconds, *named[place + 1 :])
    return compute, push, update, pull, Rest(rest + seconds, grown)


def _named(rest: float) -> tuple[float, ...]:
    return rest.named if isinstance(rest, Rest) else (0.0,) * len(_NAMES)


def read_part(trail: Trail, part: str) -> float:
    """Return the seconds of a part of COST_PARTS or LOST_PARTS."""
    return _named(trail[4])[_NAMES.index(part)]


def list_parts(trail: Trail, *, with_costs: bool) -> Sequence[float]:
    """Return the seconds of PARTS; with costs also those of COST_PARTS, and if any were lost, those of LOST_PARTS as well."""
    rest = trail[4]
    named = _named(rest)
    costs, lost = named[: len(COST_PARTS)], named[len(COST_PARTS) :]
    more = (*costs, *lost) if any(lost) else costs if with_costs else ()
    return *trail[:4], max(0.0, float(rest) - sum(named)), *more


def with_pause(extend: Extend, pause: float) -> Extend:
    """Return an extension like the given one, of which the server pauses for `pause` (s)."""

    def extend_around(trail: Trail, seconds: float) -> Trail:
        return _with_named(extend(trail, seconds - pause), "pause", pause)

    return extend_around


def wait_until(trail: Trail, now: float, part: str = "") -> Trail:
    """Return the trail of an instant at `now` (s) that only the passing of time brought about.

    The seconds since the trail's own instant belong to `part`, one of LOST_PARTS, or to none with a name.
    """
    compute, push, update, pull, other = trail
    seconds = now - compute - push - update - pull - other
    if seconds <= 0.0:
        return trail
    if part:
        return _with_named(trail, part, seconds)
    rest = other + seconds
    return compute, push, update, pull, Rest(rest, other.named) if isinstance(other, Rest) else rest
