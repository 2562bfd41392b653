"""What a run loses time to, where the facts make it plain."""

from __future__ import annotations

from collections.abc import Mapping

from simasgd.report.facts.formats import format_duration, format_factor, format_number, format_share
from simasgd.report.facts.part_facts import WhatIfFact
from simasgd.report.facts.tolerances import is_same_work
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.sections.single_variant import describe_load, find_bottleneck

_PLAIN = 0.6
"""An activity that makes up this share of the difference explains it."""
_UNEQUAL = 1.3
"""The ratio of learners' mean compute times from which they are unequal."""
_GAIN = 1.15
"""The speed-up by a part twice as fast from which that part limits the run."""
_MESSAGES = ("push", "pull", "launch", "copy")


def describe_time_lost(slower: VariantFacts, faster: VariantFacts) -> str:
    """Return a sentence about the activity in which `slower` loses its time; "" if none explains most of it.

    The mean seconds of each activity of a learner are compared. Both must have applied as many samples. What the sentence says
    of waiting is all waiting, as the page's table of the time has it, whatever it is waiting for.
    """
    if slower.simulated_seconds is None or faster.simulated_seconds is None:
        return ""
    lost = slower.simulated_seconds.mean - faster.simulated_seconds.mean
    if lost <= 0.0 or not is_same_work(slower.samples, faster.samples):
        return ""
    here, there = _sum_seconds(slower), _sum_seconds(faster)
    more = {kind: seconds - there[kind] for kind, seconds in here.items()}
    kind = max(more, key=lambda one: more[one])
    if more[kind] < _PLAIN * lost:
        return _describe_sum(more, lost, slower, faster)
    if kind == "messages":
        longer = f"{format_duration(more[kind])} longer"
        return f"Messages take {longer} under {slower.name} than under {faster.name}{_add(_name_limit(slower))}."
    waits = _compare_waiting(slower, faster)
    if not waits:
        return ""
    if kind == "slowest" and _has_unequal_learners(slower):
        return f"{waits}, most of it for its {_name_slowest(slower)}."
    limit = _name_limit(slower)
    if not limit and _has_unequal_learners(slower):
        return f"{waits}; its slowest learner {_compare_learners(slower)}."
    return f"{waits}{_add(limit)}."


def _compare_waiting(slower: VariantFacts, faster: VariantFacts) -> str:
    """Return that a variant waits longer than another, with both shares; "" if that is not most of the difference."""
    assert slower.simulated_seconds is not None
    assert faster.simulated_seconds is not None
    here, there = (one.learner_time.get("wait", 0.0) for one in (slower, faster))
    whole, other = slower.simulated_seconds.mean, faster.simulated_seconds.mean
    longer = here * whole - there * other
    if longer < _PLAIN * (whole - other):
        return ""
    shares = f"{_format_part(here, whole)} against {_format_part(there, other)}"
    return f"{slower.name} waits {format_duration(longer)} longer than {faster.name} ({shares})"


def _format_part(share: float, whole: float) -> str:
    return f"{format_share(share)} of {format_duration(whole)}"


def _describe_sum(more: Mapping[str, float], lost: float, slower: VariantFacts, faster: VariantFacts) -> str:
    """Return a sentence about messages and waiting if only both together explain most of the difference, else ""."""
    waiting = more["slowest"] + more["waiting"]
    if min(more["messages"], waiting) <= 0.0 or more["messages"] + waiting < _PLAIN * lost:
        return ""
    messages = f"its messages take {format_duration(more['messages'])} longer"
    waits = f"{slower.name} waits {format_duration(waiting)} longer than {faster.name}"
    return f"{waits}, and {messages}{_add(_name_limit(slower))}."


def describe_cause(variant: VariantFacts) -> str:
    """Return a clause about the part that limits a run; "" if none does plainly.

    That is a busy server or link, a slow learner that the others wait for, or a network or server
    whose speed matters. A server or link that is busy but does not limit the run is told, too.
    """
    seconds = _sum_seconds(variant)
    waiting = seconds["slowest"] + seconds["waiting"]
    if (
        variant.simulated_seconds is not None
        and _has_unequal_learners(variant)
        and seconds["slowest"] > max(0.5 * waiting, 0.05 * variant.simulated_seconds.mean)
    ):
        return f"they wait for the {_name_slowest(variant)}"
    return describe_load(variant) or _name_limit(variant)


def _sum_seconds(variant: VariantFacts) -> Mapping[str, float]:
    """Return the mean seconds of a learner in messages, in waiting for slower learners, and in other waiting.

    A learner that the others wait for waits least itself. So what the others wait longer than it is
    waiting for slower learners.
    """
    spent, whole = variant.learner_time, 0.0 if variant.simulated_seconds is None else variant.simulated_seconds.mean
    wait = spent.get("wait", 0.0)
    least = wait if variant.least_wait is None else min(wait, variant.least_wait)
    return {
        "messages": whole * sum(spent.get(activity, 0.0) for activity in _MESSAGES),
        "slowest": whole * (wait - least),
        "waiting": whole * (least + spent.get("idle", 0.0)),
    }


def _has_unequal_learners(variant: VariantFacts) -> bool:
    return variant.slowest is not None and variant.slowest >= _UNEQUAL


def _name_slowest(variant: VariantFacts) -> str:
    return f"slowest learner, which {_compare_learners(variant)}"


def _compare_learners(variant: VariantFacts) -> str:
    assert variant.slowest is not None
    return f"computes {format_factor(variant.slowest)} as long as the fastest"


def _name_limit(variant: VariantFacts) -> str:
    """Return a clause about the bottleneck, or about the gain by a faster network or server; "" for neither."""
    if find_bottleneck(variant) is not None:
        return describe_load(variant)
    best = find_gain(variant)
    if best is None:
        return ""
    fast = "twice" if best.factor == 2 else f"{format_number(best.factor)} times"
    return f"a {best.part} {fast} as fast would make it {format_factor(best.speedup)} as fast"


def find_gain(variant: VariantFacts) -> WhatIfFact | None:
    """Return the network or the server, whichever speeds the run up more if it is faster; None if neither does much."""
    gains = [row for row in variant.what_if if row.part != "node" and row.is_clear and row.speedup >= _GAIN]
    return max(gains, key=lambda row: row.speedup, default=None)


def _add(clause: str) -> str:
    return f"; {clause}" if clause else ""
