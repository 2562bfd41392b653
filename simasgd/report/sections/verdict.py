"""What came out, in sentences. Pure functions of the facts; no outcome is written in advance."""

from __future__ import annotations

import math
from collections.abc import Sequence

from simasgd.report.facts.differences import SAME_TIME, alike_scores, least, same_work
from simasgd.report.facts.facts import Facts
from simasgd.report.facts.metric import ERROR, LOSS
from simasgd.report.facts.reference import reference
from simasgd.report.facts.words import Spread, count, duration, factor, few, number, points, share, steps
from simasgd.report.sections.faults import hang
from simasgd.report.sections.winner import Winner, winner
from simasgd.results.outcome import Outcome

_BOTTLENECK = 0.9
_MOST_COMPARED = 4


def verdict(variants: Sequence[Facts]) -> str:
    """The sentences at the top of the report: first what came to a standstill, then which variant is best, then the others."""
    return " ".join(filter(None, (*map(hang, variants), _outcomes(variants))))


def _outcomes(variants: Sequence[Facts]) -> str:
    if len(variants) == 1:
        return _single(variants[0])
    # What stood still was said to, and is compared with nothing.
    variants = [one for one in variants if not one.hangs]
    if not variants:
        return "No variant finishes."
    if len(variants) == 1:
        return f"{variants[0].name} alone does not hang. {_single(variants[0])}"
    learning = [one for one in variants if one.classes is not None]
    timing = [one for one in variants if one.classes is None]
    if not learning:
        return _timing(timing)
    base = reference(learning)
    beside = " ".join(f"{one.title} {speed(one, base)[0]} and learns nothing." for one in timing)
    if len(learning) == 1:
        return f"{_single(base)} {beside}"
    return f"{_learners_compared(base, learning)} {beside}".strip()


def _learners_compared(base: Facts, learning: Sequence[Facts]) -> str:
    """The best of those that are judged alike, and then those of the others that it does not speak of."""
    found = [winner(same) for metric in (ERROR, LOSS) if len(same := [one for one in learning if one.metric is metric]) > 1]
    said = [one.sentence for one in found]
    told = {name for one in found for name in _told(one, base)}
    others = [one for one in learning if one is not base]
    rest = [one for one in others if one.name not in told]
    if len(others) > _MOST_COMPARED:
        return " ".join([*said, *(_compared(one, base) for one in _extremes(rest)), _tally(base, others)])
    return " ".join([*said, *(_compared(one, base) for one in rest)])


def _told(found: Winner, base: Facts) -> Sequence[str]:
    """The variants whose comparison with the reference the winner's sentence is."""
    if found.than == base.name:
        return found.names
    return [found.than] if found.than is not None and base.name in found.names else []


def quality(one: Facts, base: Facts) -> str:
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
    difference = _difference(one, base)
    if abs(difference) <= alike_scores(one.score, base.score, base.metric):
        return "same"
    return "worse" if difference > 0 else "better"


def speed(one: Facts, base: Facts) -> tuple[str, bool | None]:
    """What `one` is in time compared with `base`, and whether that is sooner (None: neither)."""
    if not one.samples:
        return "applied no gradient", None
    if one.simulated_seconds is None or base.simulated_seconds is None:
        return "takes a time that cannot be compared", None
    if same_work(one.samples, base.samples):
        ratio = base.simulated_seconds.mean / one.simulated_seconds.mean
        if abs(ratio - 1) <= SAME_TIME:
            return f"takes as long as {base.name}", None
        sooner = ratio > 1
        return (
            f"is {factor(ratio)} sooner than {base.name}" if sooner else f"takes {factor(1 / ratio)} as long as {base.name}",
            sooner,
        )
    ratio = _throughput(one) / _throughput(base) if _throughput(base) else 0.0
    return f"applies {factor(ratio)} the samples per second of {base.name}", None if abs(ratio - 1) <= SAME_TIME else ratio > 1


def _compared(one: Facts, base: Facts) -> str:
    how, sooner = speed(one, base)
    outcome = quality(one, base)
    good = outcome in ("same", "better", "learns", "other")
    link = "and" if (sooner is not False) == good else "but"
    what = _outcome(outcome, one, base)
    return f"{one.title} {how} {link} {what.removeprefix('is ') if how.startswith('is ') else what}."


def _outcome(outcome: str, one: Facts, base: Facts) -> str:
    against = f"{error(one)} against {_plain_error(base) if one.metric is base.metric else error(base)}"
    match outcome:
        case "fails":
            return f"fails to learn{', too' if base.fails else ''}: {against}"
        case "learns":
            return f"learns where {base.name} fails: {against}"
        case "same":
            return _alike(one, base, against)
        case "other":
            return f"learns something else: {error(one)}"
        case _:
            return f"is {_apart(one, base)}{outcome}: {against}"


def _alike(one: Facts, base: Facts, against: str) -> str:
    difference = _difference(one, base)
    assert one.score is not None
    assert base.score is not None
    if abs(difference) <= least(one.score, base.score, base.metric):
        return f"is no worse: {against}" + (f", within {points(difference)}" if base.metric is ERROR else "")
    way = "worse" if difference > 0 else "better"
    return f"is not clearly {way}: {against}, no further apart than its seeds or {base.name}'s"


def _apart(one: Facts, base: Facts) -> str:
    """By how much, with a space after it: points of test errors, or the ratio of test losses if there is one."""
    assert one.score is not None
    assert base.score is not None
    if base.metric is ERROR:
        return f"{points(_difference(one, base))} "
    low, high = sorted((one.score.mean, base.score.mean))
    return f"{factor(high / low)} " if low > 0.0 and math.isfinite(high / low) else ""


def _difference(one: Facts, base: Facts) -> float:
    """Of the mean test errors, or losses, which both must have."""
    assert one.score is not None
    assert base.score is not None
    return one.score.mean - base.score.mean


def error(one: Facts) -> str:
    """The test error, or the test loss, in words, with divergence."""
    if one.diverged:
        return divergence(one)
    if one.score is None:
        return "no test error" if one.metric is ERROR else "an infinite test loss"
    return one.metric.said(one.score.mean)


def divergence(one: Facts) -> str:
    """Where it diverged, and for how many of its seeds."""
    first = min(one.diverged, key=lambda found: found.update)
    where = f"diverged at update {first.update:,}"
    if len(one.seeds) == 1:
        return where
    many = "every seed" if len(one.diverged) == len(one.seeds) else f"{len(one.diverged)} of {len(one.seeds)} seeds"
    return f"{where} ({many})" if len(one.diverged) == 1 else f"{where} at the earliest ({many})"


def _plain_error(one: Facts) -> str:
    if one.diverged:
        return "a run that diverged"
    if one.score is None:
        return "none" if one.metric is ERROR else "an infinite one"
    return one.metric.form(one.score.mean)


def _extremes(others: Sequence[Facts]) -> list[Facts]:
    """Of those that learn the soonest, and the one that learns best."""
    learning = [one for one in others if not one.failure and one.score is not None and one.metric is others[0].metric]
    if not learning:
        return []
    soonest = max(learning, key=_throughput)
    best = min(learning, key=lambda one: one.score.mean if one.score else math.inf)
    return [soonest] if best is soonest else [soonest, best]


def _tally(base: Facts, others: Sequence[Facts]) -> str:
    outcomes = [quality(one, base) for one in others]
    words = {  # of one, and of several
        "fails": ("fails to learn", "fail to learn"),
        "worse": ("is worse", "are worse"),
        "same": ("is no worse", "are no worse"),
        "better": ("is better", "are better"),
        "learns": ("learns", "learn"),
        "other": ("learns something else", "learn something else"),
    }
    numbers = {outcome: outcomes.count(outcome) for outcome in words if outcome in outcomes}
    failing = few([one.name for one, outcome in zip(others, outcomes, strict=True) if outcome == "fails"], _MOST_COMPARED)
    counted = [
        f"{found} {words[outcome][found > 1]}{f' ({failing})' if outcome == 'fails' else ''}"
        for outcome, found in numbers.items()
    ]
    return f"Of all {len(others)} compared with {base.name}, {few(counted, 5)}."


def _throughput(one: Facts) -> float:
    return 0.0 if one.simulated_seconds is None else one.samples / one.simulated_seconds.mean


def _single(one: Facts) -> str:
    if one.staleness is None:
        return f"{one.title} applied no gradient: the run ends before the first update."
    said = [_learned(one) if one.classes is not None else _applied(one), f"{staleness(one)}."]
    return " ".join([*filter(None, said), f"{spent(one)}{_bottleneck(one)}."])


def _learned(one: Facts) -> str:
    epochs = f"{number(one.epochs)} epochs" if one.epochs is not None else "the run"
    time = None if one.simulated_seconds is None else f"{duration(one.simulated_seconds.mean)} of simulated time"
    if one.diverged:
        return f"{one.title} {divergence(one)}{f'; its {epochs} take {time}' if time else ''}."
    reached = f"{error(one)}{_over_seeds(one)} after {epochs}{f' in {time}' if time else ''}"
    return f"{one.title} fails to learn{_how_often(one)}: {reached}." if one.fails else f"{one.title} reaches {reached}."


def _how_often(one: Facts) -> str:
    many, seeds = sum(outcome in (Outcome.FAILS, Outcome.APPLIED_NOTHING) for outcome in one.outcomes), len(one.seeds)
    return "" if many == seeds else f" at {many} of {seeds} seeds"


def _over_seeds(one: Facts) -> str:
    between = "" if one.score is None else one.score.range(one.metric.form)
    return f" ({between} over {count(len(one.seeds), 'seed')})" if between else ""


def _applied(one: Facts) -> str:
    if one.rate is None:
        return ""
    who = count(one.learners, "learner")
    rate = f"{number(one.rate.mean)} gradients per simulated second"
    return f"{one.title} applies {rate} with {who}{f', over {number(one.epochs)} epochs' if one.epochs is not None else ''}."


def staleness(one: Facts) -> str:
    """The mean staleness beside its law, and the mean age of what is mixed in."""
    if one.staleness is None:
        return "No gradient was applied, so there is no staleness"
    mixed = "" if one.mixing is None else f", and what is mixed in is {steps(one.mixing.mean)} old in the mean"
    if one.staleness.high == 0:
        return "No gradient is stale" + (", as the protocol has it" if one.law == 0 else mixed)
    measured = f"The mean staleness is {number(one.staleness.mean)}"
    law = "" if one.law is None else f"; with free communication and no waiting it would be {number(one.law)}"
    return f"{measured}{law or mixed}"


def spent(one: Facts) -> str:
    """What learners mostly do."""
    activity, most = max(one.learner_time.items(), key=lambda item: item[1])
    waits = one.learner_time["wait"]
    also = f" and wait {share(waits)}" if activity != "wait" and waits >= 0.05 else ""
    verb = {"compute": "compute", "wait": "wait", "push": _pushing(one), "pull": _pulling(one), "idle": "are idle"}[activity]
    return f"Learners {verb} {share(most)} of the time{also}"


def _pushing(one: Facts) -> str:
    if one.own_models:
        return "send models"
    return "push gradients" if one.has_server else "exchange gradients"


def _pulling(one: Facts) -> str:
    return "fetch models" if one.own_models else "pull weights"


def _bottleneck(one: Facts) -> str:
    busiest = one.busiest
    return "" if busiest is None or busiest.busy == 0 else f"; {resource(one)}"


def resource(one: Facts) -> str:
    """The busiest server or link, in a clause."""
    busiest = one.busiest
    assert busiest is not None
    name = busiest.name if busiest.name.startswith("server") else f"link {busiest.name}"
    if busiest.busy > _BOTTLENECK:
        return f"the {name} is the bottleneck, {share(busiest.busy)} busy"
    return f"the busiest resource is the {name}, at {share(busiest.busy)}"


def _timing(variants: Sequence[Facts]) -> str:
    """Who applies gradients fastest, first; a variant without a rate is only said to have none."""
    idle = [f"{one.name} applied no gradient." for one in variants if one.rate is None]
    timed = [one for one in variants if one.rate is not None]
    if not timed:
        return " ".join(idle)
    base = reference(timed)
    groups = sorted(_same_clock([one for one in timed if one is not base]), key=lambda group: -_rate(group[0]))
    said = [_compared_in_time(group, base) for group in (groups if len(groups) <= _MOST_COMPARED else groups[:1])]
    most = max(timed, key=lambda one: one.busiest.busy if one.busiest else 0.0)
    if most.busiest is not None and most.busiest.busy > 0:
        said.append(f"Under {most.name} {resource(most)}.")
    return " ".join([*said, *idle])


def _rate(one: Facts) -> float:
    return 0.0 if one.rate is None else one.rate.mean


def _same_clock(variants: Sequence[Facts]) -> list[list[Facts]]:
    """The variants, those together that a comparison of times cannot tell apart."""
    groups: dict[tuple[Spread | None, Spread | None], list[Facts]] = {}
    for one in variants:
        groups.setdefault((one.rate, one.staleness), []).append(one)
    return list(groups.values())


def _compared_in_time(group: Sequence[Facts], base: Facts) -> str:
    one, names = group[0], few([one.name for one in group])
    verb = "apply" if len(group) > 1 else "applies"
    rates = f"{number(_rate(one))} gradients per simulated second against {number(_rate(base))}"
    ratio = _rate(one) / _rate(base)
    if abs(ratio - 1) <= SAME_TIME:
        return f"{names} {verb} gradients as fast as {base.name}: {rates}{_stale(one, base)}."
    how = f"{factor(max(ratio, 1 / ratio))} {'faster' if ratio > 1 else 'slower'}"
    return f"{names} {verb} gradients {how} than {base.name}: {rates}{_stale(one, base)}."


def _stale(one: Facts, base: Facts) -> str:
    if one.staleness is None or base.staleness is None:
        return ""
    return f", at a mean staleness of {number(one.staleness.mean)} against {number(base.staleness.mean)}"
