"""Sentences about one variant alone: what it reached, its staleness, and where its time went."""

from __future__ import annotations

from simasgd.report.facts.formats import (
    format_duration,
    format_epochs,
    format_number,
    format_percent,
    format_share,
    format_steps,
    spell_count,
)
from simasgd.report.facts.part_facts import UNNAMED
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.sections.scores import describe_divergence, describe_score
from simasgd.results.outcome import Outcome

_BOTTLENECK = 0.9
"""The share of busy time from which a server or link counts as the bottleneck."""


def describe_single(variant: VariantFacts) -> str:
    """Return the headline about a variant without any other: score or rate, staleness, time."""
    if variant.staleness is None:
        return f"{variant.title} applied no gradient: the run ends before the first update."
    result = _describe_rate(variant) if variant.classes is None else _describe_learning(variant)
    time = f"{describe_time_spent(variant)}{_describe_bottleneck(variant)}."
    return " ".join(filter(None, (result, f"{describe_staleness(variant)}.", time)))


def _describe_learning(variant: VariantFacts) -> str:
    epochs = format_epochs(variant.epochs) if variant.epochs is not None else "the run"
    time = None if variant.simulated_seconds is None else f"{format_duration(variant.simulated_seconds.mean)} of {variant.time}"
    if variant.diverged:
        return f"{variant.title} {describe_divergence(variant)}{f'; its {epochs} take {time}' if time else ''}."
    reached = f"{describe_score(variant)}{_describe_range(variant)} after {epochs}{f' in {time}' if time else ''}"
    if variant.fails:
        return f"{variant.title} fails to learn{_count_failing_seeds(variant)}: {reached}."
    return f"{variant.title} reaches {reached}.{_describe_missed_target(variant)}"


def _describe_missed_target(variant: VariantFacts) -> str:
    """Return at how many seeds the test error of `stop` was not reached."""
    if variant.target is None or not variant.missed:
        return ""
    seeds = "" if variant.missed == len(variant.seeds) else f" at {variant.missed} of {len(variant.seeds)} seeds"
    return f" A test error of {format_percent(variant.target)} was not reached{seeds}."


def _count_failing_seeds(variant: VariantFacts) -> str:
    failing = sum(outcome in (Outcome.FAILS, Outcome.APPLIED_NOTHING) for outcome in variant.outcomes)
    return "" if failing == len(variant.seeds) else f" at {failing} of {len(variant.seeds)} seeds"


def _describe_range(variant: VariantFacts) -> str:
    between = "" if variant.score is None else variant.score.range(variant.metric.format_value)
    return f" ({between} over {spell_count(len(variant.seeds), 'seed')})" if between else ""


def _describe_rate(variant: VariantFacts) -> str:
    if variant.rate is None:
        return ""
    learners = spell_count(variant.learners, "learner")
    rate = f"{format_number(variant.rate.mean)} gradients per {variant.second}"
    epochs = "" if variant.epochs is None else f", over {format_epochs(variant.epochs)}"
    return f"{variant.title} applies {rate} with {learners}{epochs}."


def describe_staleness(variant: VariantFacts) -> str:
    """Return the mean staleness beside its law, and the mean age of mixed-in models."""
    if variant.staleness is None:
        return "No gradient was applied, so there is no staleness"
    mixed = "" if variant.mixing is None else f", and the mean age of mixed-in models is {format_steps(variant.mixing.mean)}"
    if variant.staleness.high == 0:
        return "No gradient is stale" + (", as the protocol guarantees" if variant.law == 0 else mixed)
    measured = f"The mean staleness is {format_number(variant.staleness.mean)}"
    law = "" if variant.law is None else f"; with free communication and no waiting it would be {format_number(variant.law)}"
    return f"{measured}{law or mixed}"


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


def _describe_bottleneck(variant: VariantFacts) -> str:
    busiest = variant.busiest
    return "" if busiest is None or busiest.busy == 0 else f"; {describe_busiest(variant)}"


def describe_busiest(variant: VariantFacts) -> str:
    """Return a clause about the busiest server or link."""
    busiest = variant.busiest
    assert busiest is not None
    name = busiest.name if busiest.name.startswith("server") else f"link {busiest.name}"
    if busiest.busy > _BOTTLENECK:
        return f"the {name} is the bottleneck, busy {format_share(busiest.busy)} of the time"
    return f"the busiest resource is the {name}, busy {format_share(busiest.busy)} of the time"
