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
Trail = tuple[float, float, float, float, float]  # a plain tuple: two are made for every message
"""Seconds of each of PARTS. `other` is the rest: a crashed learner's absence, a time-out, a pause.

If there are costs, the last number may be a `Rest`, which includes those of COST_PARTS.
"""


@final
class Rest(float):
    """Seconds that belong to none of the first four parts, of which `costs` belong to COST_PARTS.

    So runs without costs, whose trails hold plain numbers, are not slowed down by them.
    """

    costs: tuple[float, ...]

    def __new__(cls, seconds: float, costs: tuple[float, ...]) -> Rest:
        made = super().__new__(cls, seconds)
        made.costs = costs
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
    return _with_cost(trail, 0, seconds)


def add_mix(trail: Trail, seconds: float) -> Trail:
    """Return the trail with more seconds of mixing models."""
    return _with_cost(trail, 1, seconds)


def add_copy(trail: Trail, seconds: float) -> Trail:
    """Return the trail with more seconds of copying a message."""
    return _with_cost(trail, 2, seconds)


def add_launch(trail: Trail, seconds: float) -> Trail:
    """Return the trail with more seconds of starting a collective operation."""
    return _with_cost(trail, 3, seconds)


def _with_cost(trail: Trail, part: int, seconds: float) -> Trail:
    compute, push, update, pull, rest = trail
    costs = rest.costs if isinstance(rest, Rest) else (0.0,) * len(COST_PARTS)
    grown = (*costs[:part], costs[part] + seconds, *costs[part + 1 :])
    return compute, push, update, pull, Rest(rest + seconds, grown)


def _renewed(rest: float, seconds: float) -> float:
    """Return `seconds` of the rest with the costs that are known of `rest`."""
    return Rest(seconds, rest.costs) if isinstance(rest, Rest) else seconds


def list_parts(trail: Trail, *, with_costs: bool) -> Sequence[float]:
    """Return the seconds of PARTS, and with costs also those of COST_PARTS."""
    if not with_costs:
        return trail
    rest = trail[4]
    costs = rest.costs if isinstance(rest, Rest) else (0.0,) * len(COST_PARTS)
    return *trail[:4], max(0.0, float(rest) - sum(costs)), *costs


def with_pause(extend: Extend, pause: float) -> Extend:
    """Return an extension like the given one, of which `pause` (s) count as other."""

    def extend_around(trail: Trail, seconds: float) -> Trail:
        compute, push, update, pull, other = extend(trail, seconds - pause)
        return compute, push, update, pull, _renewed(other, other + pause)

    return extend_around


def wait_until(trail: Trail, now: float) -> Trail:
    """Return the trail of an instant at `now` (s) that only the passing of time brought about."""
    compute, push, update, pull, _ = trail
    other = trail[4]
    return compute, push, update, pull, _renewed(other, max(other, now - compute - push - update - pull))
