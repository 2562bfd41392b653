"""The variants that fail, in sentences: what happened, and the likely reason."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.report.facts.formats import count_seeds, list_some
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.sections.faults import describe_hang, describe_last_update
from simasgd.report.sections.scores import describe_divergence
from simasgd.report.verdict.reasons import NOT_YET, Reason, find_reason
from simasgd.results.outcome import Outcome

_MAX_NAMED = 4


def describe_failures(variants: Sequence[VariantFacts]) -> list[str]:
    """Return sentences about the variants that fail, one for all that fail for the same reason."""
    return [*_describe_hangs(variants), *_describe_idle(variants), *_describe_not_learning(variants)]


def _describe_hangs(variants: Sequence[VariantFacts]) -> list[str]:
    by_reason: dict[str, list[VariantFacts]] = {}
    for variant in variants:
        if variant.hangs:
            by_reason.setdefault(variant.hangs[0].reason.rstrip("."), []).append(variant)
    return [
        describe_hang(hung[0]) if len(hung) == 1 else f"{_list_hung(hung)}: {reason}." for reason, hung in by_reason.items()
    ]


def _list_hung(hung: Sequence[VariantFacts]) -> str:
    first = min((found for variant in hung for found in variant.hangs), key=lambda found: found.at)
    names = [f"{variant.name}{count_seeds(len(variant.hangs), len(variant.seeds))}" for variant in hung]
    return f"{list_some(names, _MAX_NAMED)} hang, the first {describe_last_update(first)}"


def _describe_idle(variants: Sequence[VariantFacts]) -> list[str]:
    names = [
        f"{variant.name}{count_seeds(idle, len(variant.seeds))}"
        for variant in variants
        if (idle := variant.outcomes.count(Outcome.APPLIED_NOTHING))
    ]
    if not names:
        return []
    return [f"{list_some(names, _MAX_NAMED)} {'apply' if len(names) > 1 else 'applies'} no gradient before the stop."]


def _describe_not_learning(variants: Sequence[VariantFacts]) -> list[str]:
    by_reason: dict[str, list[tuple[VariantFacts, Reason | None]]] = {}
    for variant in variants:
        if not {Outcome.DIVERGED, Outcome.FAILS}.intersection(variant.outcomes):
            continue
        reason = find_reason(variant, [other for other in variants if other is not variant])
        by_reason.setdefault("" if reason is None else reason.clause, []).append((variant, reason))
    return [_describe_group(clause, group) for clause, group in by_reason.items()]


def _describe_group(clause: str, group: Sequence[tuple[VariantFacts, Reason | None]]) -> str:
    names = list_some([_name_failing(variant) for variant, _ in group], _MAX_NAMED)
    fails = ("fails to learn", "fail to learn")
    if all(reason is not None and reason.is_time and not variant.diverged for variant, reason in group):
        fails = (NOT_YET, "have not learned yet")
    reasons = [reason for _, reason in group if reason is not None and reason.number]
    numbers = list_some([f"{reason.number}{reason.result}" for reason in reasons], _MAX_NAMED)
    against = {reason.against for reason in reasons}
    numbers += f"; {against.pop()}" if len(against) == 1 and "" not in against else ""
    repair = next((reason.repair for reason in reasons if reason.repair), "")
    why = f": {clause}{f' ({numbers})' if numbers else ''}" if clause else ""
    return " ".join(filter(None, (f"{names} {fails[len(group) > 1]}{why}.", repair)))


def _name_failing(variant: VariantFacts) -> str:
    """Return the name, and in brackets what it ended with."""
    failing = variant.outcomes.count(Outcome.FAILS)
    if variant.diverged:
        ended = describe_divergence(variant)
    elif variant.score is None:
        ended = f"infinite {variant.metric.name}"
    else:
        ended = variant.metric.format_value(variant.score.mean)
    seeds = f", {failing} of {len(variant.seeds)} seeds" if failing < len(variant.seeds) and not variant.diverged else ""
    if variant.diverged and failing:
        seeds = f"; {failing} of {len(variant.seeds)} seeds learn too little"
    return f"{variant.title} ({ended}{seeds})"
