"""Sentences about one variant: where its time went."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.report.facts.formats import format_factor, format_share
from simasgd.report.facts.names import say_resource
from simasgd.report.facts.part_facts import UNNAMED, ResourceFact, WhatIfFact
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.sections.what_if import name_factor
from simasgd.what_if.changes import NO_GAIN

BUSY = 0.9
"""The share of busy time from which a server or link may be the bottleneck."""
_WAITS = 0.05
"""The share of waiting from which it is said that learners wait."""


def describe_time_spent(variant: VariantFacts) -> str:
    """Return what learners do most of the time."""
    activity, most = max(variant.learner_time.items(), key=lambda item: item[1])
    waits = variant.learner_time.get("wait", 0.0)
    also = f" and wait {format_share(waits)}" if activity != "wait" and waits >= _WAITS else ""
    verbs = {
        "compute": "compute",
        "wait": "wait",
        "push": _name_pushing(variant),
        "pull": _name_pulling(variant),
        "idle": "are idle",
        "step": "step their own models",
        "mix": "mix models",
        "copy": "copy messages",
        "launch": "start collective operations",
        UNNAMED: "do what the log does not name",
    }
    return f"Learners {verbs[activity]} {format_share(most)} of the time{also}"


def _name_pushing(variant: VariantFacts) -> str:
    if variant.own_models:
        return "send models"
    return "push gradients" if variant.has_server else "exchange gradients"


def _name_pulling(variant: VariantFacts) -> str:
    return "fetch models" if variant.own_models else "pull weights"


def find_bottleneck(variant: VariantFacts) -> ResourceFact | None:
    """Return the server or link that limits the run; None if there is none.

    It is busy nearly all the time, and no other part brings more if it is faster. If the gain by a faster one is not known,
    learners must wait for servers or links.
    """
    loads = sorted((load for load in variant.resources if load.busy > BUSY), key=lambda load: -load.busy)
    return next((load for load in loads if _limits_run(load, variant)), None)


def _limits_run(load: ResourceFact, variant: VariantFacts) -> bool:
    own, best = _find_gain(load, variant), _find_best(variant)
    if own is None:
        shares = (variant.learner_time.get(activity, 0.0) for activity in ("push", "wait", "pull", "idle"))
        return sum(shares) >= _WAITS
    return own.is_clear and (best is None or own.speedup >= best.speedup)


def _find_gain(load: ResourceFact, variant: VariantFacts) -> WhatIfFact | None:
    """Return what a faster one of this server or link brings; None if it is not known.

    A limit of the critical path tells only that a faster one brings little.
    """
    best = _find_best(variant)
    most = NO_GAIN if best is None else max(NO_GAIN, best.speedup)
    parts = _name_parts(load)
    found = [row for row in variant.what_if if row.part in parts and (not row.is_limit or row.speedup < most)]
    return max(found, key=lambda row: row.speedup, default=None)


def _name_parts(load: ResourceFact) -> Sequence[str]:
    """Return the parts of a cluster that are faster if this server or link is."""
    is_link = ", " in load.name or not load.name.startswith("server")
    if load.name.startswith("server"):
        return ("network", "server") if is_link else ("server",)
    return ("network",)


def _find_best(variant: VariantFacts) -> WhatIfFact | None:
    """Return the simulated part that speeds the run up most, one that chance does not explain first; None without any."""
    simulated = (row for row in variant.what_if if not row.is_limit)
    return max(simulated, key=lambda row: (row.is_clear, row.speedup), default=None)


def describe_load(variant: VariantFacts) -> str:
    """Return a clause about the bottleneck, or why the busiest server or link is none; "" if none is busy nearly always."""
    bottleneck = find_bottleneck(variant)
    if bottleneck is not None:
        return f"the {say_resource(bottleneck.name)} is the bottleneck, busy {format_share(bottleneck.busy)} of the time"
    busiest = variant.busiest
    if busiest is None or busiest.busy <= BUSY:
        return ""
    load = f"the {say_resource(busiest.name)} is busy {format_share(busiest.busy)} of the time"
    return f"{load}, but {_describe_spare(busiest, variant)}"


def _describe_spare(load: ResourceFact, variant: VariantFacts) -> str:
    """Return a clause that tells why a busy server or link does not limit the run."""
    own, best = _find_gain(load, variant), _find_best(variant)
    if own is None:
        return "learners hardly wait for it"
    if best is None or not best.is_clear:
        clearly = "" if best is None or best.speedup < NO_GAIN else "clearly "
        return f"a {own.part} {name_factor(own)} would not make the run {clearly}faster"
    other = f"a {best.part} {name_factor(best)} would make the run {format_factor(best.speedup)} as fast"
    return f"{other}, and a {own.part} {'at most' if own.is_limit else 'only'} {format_factor(own.speedup)}"


def describe_busiest(variant: VariantFacts) -> str:
    """Return a clause about the bottleneck, or about the busiest server or link."""
    busiest = variant.busiest
    assert busiest is not None
    name, busy = say_resource(busiest.name), format_share(busiest.busy)
    return describe_load(variant) or f"the busiest resource is the {name}, busy {busy} of the time"
