"""Sentences about one variant: where its time went."""

from __future__ import annotations

from simasgd.report.facts.formats import format_share
from simasgd.report.facts.names import say_resource
from simasgd.report.facts.part_facts import UNNAMED
from simasgd.report.facts.variant_facts import VariantFacts

BOTTLENECK = 0.9
"""The share of busy time from which a server or link counts as the bottleneck."""


def describe_time_spent(variant: VariantFacts) -> str:
    """Return what learners do most of the time."""
    activity, most = max(variant.learner_time.items(), key=lambda item: item[1])
    waits = variant.learner_time.get("wait", 0.0)
    also = f" and wait {format_share(waits)}" if activity != "wait" and waits >= 0.05 else ""
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


def describe_busiest(variant: VariantFacts) -> str:
    """Return a clause about the busiest server or link."""
    busiest = variant.busiest
    assert busiest is not None
    name = say_resource(busiest.name)
    if busiest.busy > BOTTLENECK:
        return f"the {name} is the bottleneck, busy {format_share(busiest.busy)} of the time"
    return f"the busiest resource is the {name}, busy {format_share(busiest.busy)} of the time"
