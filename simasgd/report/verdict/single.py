"""The verdict on a single variant: what it reached, what limits it, and a next step if it failed."""

from __future__ import annotations

from simasgd.report.facts.formats import (
    capitalise,
    format_duration,
    format_epochs,
    format_factor,
    format_number,
    format_percent,
    spell_count,
)
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.sections.faults import describe_hang
from simasgd.report.sections.scores import describe_divergence, describe_score
from simasgd.report.sections.single_variant import describe_time_spent
from simasgd.report.verdict.fault_effects import describe_effects
from simasgd.report.verdict.reasons import NOT_YET, find_reason
from simasgd.report.verdict.time_lost import describe_cause
from simasgd.results.outcome import Outcome


def describe_single(variant: VariantFacts) -> list[str]:
    """Return the sentences about a variant without any other, the result first."""
    if set(variant.outcomes) == {Outcome.APPLIED_NOTHING} or (variant.staleness is None and not variant.hangs):
        return [
            f"{variant.title} applied no gradient: the run ends before the first update.",
            "Try a later stop (stop.gradients, stop.simulated_time or stop.epochs).",
        ]
    troubles = [*_describe_hang(variant), *_describe_failure(variant)]
    if troubles:
        return [*filter(None, (*troubles, _describe_idle(variant)))]
    result = _describe_rate(variant) if variant.classes is None else _describe_learning(variant)
    told = (result, _describe_idle(variant), _describe_missed_target(variant), describe_effects(variant))
    return [*filter(None, told), describe_limit(variant)]


def _describe_idle(variant: VariantFacts) -> str:
    """Return at how many seeds the run ends before the first update; "" if at none."""
    idle = variant.outcomes.count(Outcome.APPLIED_NOTHING)
    return f"At {idle} of {len(variant.seeds)} seeds it applies no gradient before the stop." if idle else ""


def _describe_hang(variant: VariantFacts) -> list[str]:
    if not variant.hangs:
        return []
    advice = "With protocol.barrier_timeout the others go on after a while." if variant.can_time_out else ""
    return [*filter(None, (describe_hang(variant), advice))]


def _describe_failure(variant: VariantFacts) -> list[str]:
    failing = variant.outcomes.count(Outcome.FAILS)
    if not failing and not variant.diverged:
        return []
    seeds = "" if failing == len(variant.seeds) else f" at {failing} of {len(variant.seeds)} seeds"
    epochs = format_epochs(variant.epochs) if variant.epochs is not None else "the run"
    reason = find_reason(variant, ())
    if variant.diverged:
        ended = f"{describe_divergence(variant)}{f', and fails to learn{seeds}' if failing else ''}"
    else:
        fails = NOT_YET if reason is not None and reason.is_time else Outcome.FAILS
        ended = f"{fails}{seeds}: {describe_score(variant)}{_describe_range(variant)} after {epochs}"
    sentence = f"{variant.title} {ended}."
    if reason is None:
        return [sentence]
    number = f" ({reason.number}{reason.result})" if reason.number else ""
    return [sentence, f"{capitalise(reason.clause)}{number}.", f"Try {reason.advice}."]


def _describe_learning(variant: VariantFacts) -> str:
    epochs = format_epochs(variant.epochs) if variant.epochs is not None else "the run"
    time = None if variant.simulated_seconds is None else f"{format_duration(variant.simulated_seconds.mean)} of {variant.time}"
    reached = f"{describe_score(variant)}{_describe_range(variant)} after {epochs}{f' in {time}' if time else ''}"
    return f"{variant.title} reaches {reached}{_describe_speedup(variant, f' ({variant.learners:,} learners)')}."


def _describe_missed_target(variant: VariantFacts) -> str:
    """Return at how many seeds the test error of `stop` was not reached."""
    if variant.target is None or not variant.missed:
        return ""
    seeds = "" if variant.missed == len(variant.seeds) else f" at {variant.missed} of {len(variant.seeds)} seeds"
    return f"A test error of {format_percent(variant.target)} was not reached{seeds}."


def _describe_range(variant: VariantFacts) -> str:
    between = "" if variant.score is None else variant.score.range(variant.metric.format_value)
    return f" ({between} over {spell_count(len(variant.seeds), 'seed')})" if between else ""


def _describe_rate(variant: VariantFacts) -> str:
    if variant.samples_rate is None:
        return ""
    learners = spell_count(variant.learners, "learner")
    rate = f"{format_number(variant.samples_rate.mean)} samples per {variant.second}"
    return f"{variant.title} applies {rate} with {learners}{_describe_speedup(variant, '')}."


def _describe_speedup(variant: VariantFacts, learners: str) -> str:
    """Return the speed-up over one learner as a clause; "" for a lone learner, or if it is not known."""
    if variant.speedup is None or variant.learners == 1:
        return ""
    return f", {format_factor(variant.speedup.mean)} as fast as one learner alone{learners}"


def describe_limit(variant: VariantFacts) -> str:
    """Return what learners do most of the time, and the part that limits the run, if one does."""
    cause = describe_cause(variant)
    return f"{describe_time_spent(variant)}{f'; {cause}' if cause else ''}."
