"""What came out, in sentences. Pure functions of the facts; no outcome is written in advance."""

from __future__ import annotations

import math
from collections.abc import Sequence

from simasgd.report.facts.formats import (
    Spread,
    format_duration,
    format_factor,
    format_number,
    format_points,
    format_share,
    format_steps,
    list_some,
    spell_count,
)
from simasgd.report.facts.metric import ERROR, LOSS
from simasgd.report.facts.reference import choose_reference
from simasgd.report.facts.tolerances import SAME_TIME, compute_least_difference, compute_score_tolerance, is_same_work
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.sections.faults import describe_hang
from simasgd.report.sections.winner import Winner, find_winner
from simasgd.results.outcome import Outcome

_BOTTLENECK = 0.9
_MOST_COMPARED = 4


def state_verdict(variants: Sequence[VariantFacts]) -> str:
    """The sentences at the top of the report: first what came to a standstill, then which variant is best, then the others."""
    return " ".join(filter(None, (*map(describe_hang, variants), _describe_outcomes(variants))))


def _describe_outcomes(variants: Sequence[VariantFacts]) -> str:
    if len(variants) == 1:
        return _describe_single(variants[0])
    # What stood still was said to, and is compared with nothing.
    variants = [one for one in variants if not one.hangs]
    if not variants:
        return "No variant finishes."
    if len(variants) == 1:
        return f"{variants[0].name} alone does not hang. {_describe_single(variants[0])}"
    learning = [one for one in variants if one.classes is not None]
    timing = [one for one in variants if one.classes is None]
    if not learning:
        return _compare_timing(timing)
    base = choose_reference(learning)
    beside = " ".join(f"{one.title} {describe_speed(one, base)[0]} and learns nothing." for one in timing)
    if len(learning) == 1:
        return f"{_describe_single(base)} {beside}"
    return f"{_compare_learning(base, learning)} {beside}".strip()


def _compare_learning(base: VariantFacts, learning: Sequence[VariantFacts]) -> str:
    """The best of those that are judged alike, and then those of the others that it does not speak of."""
    found = [
        find_winner(same) for metric in (ERROR, LOSS) if len(same := [one for one in learning if one.metric is metric]) > 1
    ]
    said = [one.sentence for one in found]
    told = {name for one in found for name in _list_compared(one, base)}
    others = [one for one in learning if one is not base]
    rest = [one for one in others if one.name not in told]
    if len(others) > _MOST_COMPARED:
        return " ".join(
            [*said, *(_compare_with_reference(one, base) for one in _find_extremes(rest)), _count_qualities(base, others)]
        )
    return " ".join([*said, *(_compare_with_reference(one, base) for one in rest)])


def _list_compared(found: Winner, base: VariantFacts) -> Sequence[str]:
    """The variants whose comparison with the reference the winner's sentence is."""
    if found.than == base.name:
        return found.names
    return [found.than] if found.than is not None and base.name in found.names else []


def judge_quality(one: VariantFacts, base: VariantFacts) -> str:
    """How one variant's test error or loss stands to another's: fails, learns (where the other fails), worse, better, same, or
    other (one has an error and the other a loss)."""
    if one.fails:
        return "fails"
    if base.fails:
        return "learns"
    if one.metric is not base.metric:
        return "other"
    assert one.score is not None
    assert base.score is not None
    difference = _compute_difference(one, base)
    if abs(difference) <= compute_score_tolerance(one.score, base.score, base.metric):
        return "same"
    return "worse" if difference > 0 else "better"


def describe_speed(one: VariantFacts, base: VariantFacts) -> tuple[str, bool | None]:
    """What `one` is in time compared with `base`, and whether that is sooner (None: neither)."""
    if not one.samples:
        return "applied no gradient", None
    if one.simulated_seconds is None or base.simulated_seconds is None:
        return "takes a time that cannot be compared", None
    if is_same_work(one.samples, base.samples):
        ratio = base.simulated_seconds.mean / one.simulated_seconds.mean
        if abs(ratio - 1) <= SAME_TIME:
            return f"takes as long as {base.name}", None
        sooner = ratio > 1
        return (
            f"is {format_factor(ratio)} sooner than {base.name}"
            if sooner
            else f"takes {format_factor(1 / ratio)} as long as {base.name}",
            sooner,
        )
    ratio = _compute_throughput(one) / _compute_throughput(base) if _compute_throughput(base) else 0.0
    return f"applies {format_factor(ratio)} the samples per second of {base.name}", None if abs(
        ratio - 1
    ) <= SAME_TIME else ratio > 1


def _compare_with_reference(one: VariantFacts, base: VariantFacts) -> str:
    how, sooner = describe_speed(one, base)
    outcome = judge_quality(one, base)
    good = outcome in ("same", "better", "learns", "other")
    link = "and" if (sooner is not False) == good else "but"
    what = _describe_quality(outcome, one, base)
    return f"{one.title} {how} {link} {what.removeprefix('is ') if how.startswith('is ') else what}."


def _describe_quality(outcome: str, one: VariantFacts, base: VariantFacts) -> str:
    against = (
        f"{describe_score(one)} against {_format_reference_score(base) if one.metric is base.metric else describe_score(base)}"
    )
    match outcome:
        case "fails":
            return f"fails to learn{', too' if base.fails else ''}: {against}"
        case "learns":
            return f"learns where {base.name} fails: {against}"
        case "same":
            return _describe_alike(one, base, against)
        case "other":
            return f"learns something else: {describe_score(one)}"
        case _:
            return f"is {_describe_difference(one, base)}{outcome}: {against}"


def _describe_alike(one: VariantFacts, base: VariantFacts, against: str) -> str:
    difference = _compute_difference(one, base)
    assert one.score is not None
    assert base.score is not None
    if abs(difference) <= compute_least_difference(one.score, base.score, base.metric):
        return f"is no worse: {against}" + (f", within {format_points(difference)}" if base.metric is ERROR else "")
    way = "worse" if difference > 0 else "better"
    return f"is not clearly {way}: {against}, no further apart than its seeds or {base.name}'s"


def _describe_difference(one: VariantFacts, base: VariantFacts) -> str:
    """By how much, with a space after it: points of test errors, or the ratio of test losses if there is one."""
    assert one.score is not None
    assert base.score is not None
    if base.metric is ERROR:
        return f"{format_points(_compute_difference(one, base))} "
    low, high = sorted((one.score.mean, base.score.mean))
    return f"{format_factor(high / low)} " if low > 0.0 and math.isfinite(high / low) else ""


def _compute_difference(one: VariantFacts, base: VariantFacts) -> float:
    """Of the mean test errors, or losses, which both must have."""
    assert one.score is not None
    assert base.score is not None
    return one.score.mean - base.score.mean


def describe_score(one: VariantFacts) -> str:
    """The test error, or the test loss, in words, with divergence."""
    if one.diverged:
        return describe_divergence(one)
    if one.score is None:
        return "no test error" if one.metric is ERROR else "an infinite test loss"
    return one.metric.describe(one.score.mean)


def describe_divergence(one: VariantFacts) -> str:
    """Where it diverged, and for how many of its seeds."""
    first = min(one.diverged, key=lambda found: found.update)
    where = f"diverged at update {first.update:,}"
    if len(one.seeds) == 1:
        return where
    many = "every seed" if len(one.diverged) == len(one.seeds) else f"{len(one.diverged)} of {len(one.seeds)} seeds"
    return f"{where} ({many})" if len(one.diverged) == 1 else f"{where} at the earliest ({many})"


def _format_reference_score(one: VariantFacts) -> str:
    if one.diverged:
        return "a run that diverged"
    if one.score is None:
        return "none" if one.metric is ERROR else "an infinite one"
    return one.metric.form(one.score.mean)


def _find_extremes(others: Sequence[VariantFacts]) -> list[VariantFacts]:
    """Of those that learn the soonest, and the one that learns best."""
    learning = [one for one in others if not one.failure and one.score is not None and one.metric is others[0].metric]
    if not learning:
        return []
    soonest = max(learning, key=_compute_throughput)
    best = min(learning, key=lambda one: one.score.mean if one.score else math.inf)
    return [soonest] if best is soonest else [soonest, best]


def _count_qualities(base: VariantFacts, others: Sequence[VariantFacts]) -> str:
    outcomes = [judge_quality(one, base) for one in others]
    words = {  # of one, and of several
        "fails": ("fails to learn", "fail to learn"),
        "worse": ("is worse", "are worse"),
        "same": ("is no worse", "are no worse"),
        "better": ("is better", "are better"),
        "learns": ("learns", "learn"),
        "other": ("learns something else", "learn something else"),
    }
    numbers = {outcome: outcomes.count(outcome) for outcome in words if outcome in outcomes}
    failing = list_some([one.name for one, outcome in zip(others, outcomes, strict=True) if outcome == "fails"], _MOST_COMPARED)
    counted = [
        f"{found} {words[outcome][found > 1]}{f' ({failing})' if outcome == 'fails' else ''}"
        for outcome, found in numbers.items()
    ]
    return f"Of all {len(others)} compared with {base.name}, {list_some(counted, 5)}."


def _compute_throughput(one: VariantFacts) -> float:
    return 0.0 if one.simulated_seconds is None else one.samples / one.simulated_seconds.mean


def _describe_single(one: VariantFacts) -> str:
    if one.staleness is None:
        return f"{one.title} applied no gradient: the run ends before the first update."
    said = [_describe_learning(one) if one.classes is not None else _describe_rate(one), f"{describe_staleness(one)}."]
    return " ".join([*filter(None, said), f"{describe_time_spent(one)}{_describe_bottleneck(one)}."])


def _describe_learning(one: VariantFacts) -> str:
    epochs = f"{format_number(one.epochs)} epochs" if one.epochs is not None else "the run"
    time = None if one.simulated_seconds is None else f"{format_duration(one.simulated_seconds.mean)} of simulated time"
    if one.diverged:
        return f"{one.title} {describe_divergence(one)}{f'; its {epochs} take {time}' if time else ''}."
    reached = f"{describe_score(one)}{_describe_range(one)} after {epochs}{f' in {time}' if time else ''}"
    return (
        f"{one.title} fails to learn{_count_failing_seeds(one)}: {reached}." if one.fails else f"{one.title} reaches {reached}."
    )


def _count_failing_seeds(one: VariantFacts) -> str:
    many, seeds = sum(outcome in (Outcome.FAILS, Outcome.APPLIED_NOTHING) for outcome in one.outcomes), len(one.seeds)
    return "" if many == seeds else f" at {many} of {seeds} seeds"


def _describe_range(one: VariantFacts) -> str:
    between = "" if one.score is None else one.score.range(one.metric.form)
    return f" ({between} over {spell_count(len(one.seeds), 'seed')})" if between else ""


def _describe_rate(one: VariantFacts) -> str:
    if one.rate is None:
        return ""
    who = spell_count(one.learners, "learner")
    rate = f"{format_number(one.rate.mean)} gradients per simulated second"
    epochs = "" if one.epochs is None else f", over {format_number(one.epochs)} epochs"
    return f"{one.title} applies {rate} with {who}{epochs}."


def describe_staleness(one: VariantFacts) -> str:
    """The mean staleness beside its law, and the mean age of what is mixed in."""
    if one.staleness is None:
        return "No gradient was applied, so there is no staleness"
    mixed = "" if one.mixing is None else f", and what is mixed in is {format_steps(one.mixing.mean)} old in the mean"
    if one.staleness.high == 0:
        return "No gradient is stale" + (", as the protocol has it" if one.law == 0 else mixed)
    measured = f"The mean staleness is {format_number(one.staleness.mean)}"
    law = "" if one.law is None else f"; with free communication and no waiting it would be {format_number(one.law)}"
    return f"{measured}{law or mixed}"


def describe_time_spent(one: VariantFacts) -> str:
    """What learners mostly do."""
    activity, most = max(one.learner_time.items(), key=lambda item: item[1])
    waits = one.learner_time["wait"]
    also = f" and wait {format_share(waits)}" if activity != "wait" and waits >= 0.05 else ""
    verb = {"compute": "compute", "wait": "wait", "push": _name_pushing(one), "pull": _name_pulling(one), "idle": "are idle"}[
        activity
    ]
    return f"Learners {verb} {format_share(most)} of the time{also}"


def _name_pushing(one: VariantFacts) -> str:
    if one.own_models:
        return "send models"
    return "push gradients" if one.has_server else "exchange gradients"


def _name_pulling(one: VariantFacts) -> str:
    return "fetch models" if one.own_models else "pull weights"


def _describe_bottleneck(one: VariantFacts) -> str:
    busiest = one.busiest
    return "" if busiest is None or busiest.busy == 0 else f"; {describe_busiest(one)}"


def describe_busiest(one: VariantFacts) -> str:
    """The busiest server or link, in a clause."""
    busiest = one.busiest
    assert busiest is not None
    name = busiest.name if busiest.name.startswith("server") else f"link {busiest.name}"
    if busiest.busy > _BOTTLENECK:
        return f"the {name} is the bottleneck, {format_share(busiest.busy)} busy"
    return f"the busiest resource is the {name}, at {format_share(busiest.busy)}"


def _compare_timing(variants: Sequence[VariantFacts]) -> str:
    """Who applies gradients fastest, first; a variant without a rate is only said to have none."""
    idle = [f"{one.name} applied no gradient." for one in variants if one.rate is None]
    timed = [one for one in variants if one.rate is not None]
    if not timed:
        return " ".join(idle)
    base = choose_reference(timed)
    groups = sorted(_group_by_rate([one for one in timed if one is not base]), key=lambda group: -_get_rate(group[0]))
    said = [_compare_rates(group, base) for group in (groups if len(groups) <= _MOST_COMPARED else groups[:1])]
    most = max(timed, key=lambda one: one.busiest.busy if one.busiest else 0.0)
    if most.busiest is not None and most.busiest.busy > 0:
        said.append(f"Under {most.name} {describe_busiest(most)}.")
    return " ".join([*said, *idle])


def _get_rate(one: VariantFacts) -> float:
    return 0.0 if one.rate is None else one.rate.mean


def _group_by_rate(variants: Sequence[VariantFacts]) -> list[list[VariantFacts]]:
    """The variants, those together that a comparison of times cannot tell apart."""
    groups: dict[tuple[Spread | None, Spread | None], list[VariantFacts]] = {}
    for one in variants:
        groups.setdefault((one.rate, one.staleness), []).append(one)
    return list(groups.values())


def _compare_rates(group: Sequence[VariantFacts], base: VariantFacts) -> str:
    one, names = group[0], list_some([one.name for one in group])
    verb = "apply" if len(group) > 1 else "applies"
    rates = f"{format_number(_get_rate(one))} gradients per simulated second against {format_number(_get_rate(base))}"
    ratio = _get_rate(one) / _get_rate(base)
    if abs(ratio - 1) <= SAME_TIME:
        return f"{names} {verb} gradients as fast as {base.name}: {rates}{_compare_staleness(one, base)}."
    how = f"{format_factor(max(ratio, 1 / ratio))} {'faster' if ratio > 1 else 'slower'}"
    return f"{names} {verb} gradients {how} than {base.name}: {rates}{_compare_staleness(one, base)}."


def _compare_staleness(one: VariantFacts, base: VariantFacts) -> str:
    if one.staleness is None or base.staleness is None:
        return ""
    return f", at a mean staleness of {format_number(one.staleness.mean)} against {format_number(base.staleness.mean)}"
