"""Who wins where, in sentences. Pure functions of a comparison; no outcome is written in advance."""

from __future__ import annotations

from collections.abc import Callable

from simasgd.report.comparison.comparison import (
    BYTES,
    BYTES_TO_TARGET,
    EPOCHS_TO_TARGET,
    SECONDS,
    TIME_TO_TARGET,
    Comparison,
    Contender,
    Criterion,
    point,
)
from simasgd.report.facts.metric import Metric
from simasgd.report.facts.words import NBSP, count, duration, few, number, volume
from simasgd.results.outcome import Outcome

_MOST_NAMED = 6


def epochs(value: float) -> str:
    return f"{number(value)}{NBSP}epoch{'' if value == 1 else 's'}"


def form(key: str, metric: Metric) -> Callable[[float], str]:
    """Shows a quantity with its unit."""
    forms = {
        SECONDS: duration,
        TIME_TO_TARGET: duration,
        BYTES: volume,
        BYTES_TO_TARGET: volume,
        EPOCHS_TO_TARGET: epochs,
    }
    return forms.get(key, metric.form)


def quantity(key: str, metric: Metric) -> str:
    """What a criterion is about."""
    names = {
        SECONDS: "simulated time",
        TIME_TO_TARGET: "time to the target",
        BYTES: "bytes sent",
        EPOCHS_TO_TARGET: "epochs to the target",
    }
    return names.get(key, f"final {metric.name}")


def standings(comparison: Comparison) -> str:
    """The front, and who wins by what."""
    metric = comparison.metric
    decided = [row for row in comparison.criteria if row.best is not None and not row.is_even]
    even = [quantity(row.key, metric) for row in comparison.criteria if row.is_even]
    said = [front(comparison), *(standing(row, metric) for row in decided)]
    said += [f"By {few(even, _MOST_NAMED)} all who compete tie."] if even else []
    reasons: dict[str, list[str]] = {}
    for row in comparison.criteria:
        if row.best is None:
            reasons.setdefault(row.reason, []).append(quantity(row.key, metric))
    said += [f"Nobody wins by {few(names, _MOST_NAMED)}: {reason}." for reason, names in reasons.items()]
    return " ".join(said)


def standing(row: Criterion, metric: Metric) -> str:
    """Who is best by one criterion."""
    assert row.best is not None
    what, shown = quantity(row.key, metric), form(row.key, metric)
    least = shown(row.means[row.best])
    if row.tied:
        names = [f"{name} ({shown(row.means[name])})" for name in (row.best, *row.tied)]
        return f"By {what} {few(names, _MOST_NAMED)} tie."
    if len(row.means) == 1:
        return f"By {what} {row.best} ({least}) has no rival."
    return f"By {what} {row.best} wins ({least}), {at_seeds(row.seeds_won[row.best], row.seeds)}."


def at_seeds(won: int, seeds: int) -> str:
    """`at 2 of 3 seeds`."""
    if seeds == 0:
        return "with no seed in common"
    if won == seeds:
        return "at the one seed" if seeds == 1 else f"at each of {count(seeds, 'seed')}"
    return f"at {won} of {seeds} seeds"


def front(comparison: Comparison) -> str:
    """Who is on the Pareto front, and who is dominated by whom."""
    on_it = comparison.front
    if not on_it:
        return "There is no Pareto front, for no variant learns."
    names = few([f"{one.name} ({_point(one, comparison.metric)})" for one in on_it], _MOST_NAMED)
    if len(on_it) == 1:
        said = [f"On the Pareto front of {comparison.metric.name} and simulated time is {names} alone."]
    else:
        said = [f"On the Pareto front of {comparison.metric.name} and simulated time are {names}."]
    return " ".join([*said, *_others(comparison)])


def _others(comparison: Comparison) -> list[str]:
    """Who is not on the front, and why; the same for those with the same reason."""
    because: dict[str, list[str]] = {}
    for one in comparison.contenders:
        better = comparison.dominated_by.get(one.name, ())
        if one.failure:
            because.setdefault(one.failure, []).append(one.name)
        elif better:
            because.setdefault(f"dominated by {few(better)}", []).append(one.name)
    return [_not_on_it(names, reason) for reason, names in because.items()]


def _not_on_it(names: list[str], reason: str) -> str:
    several = len(names) > 1
    listed = few(names, _MOST_NAMED)
    if reason.startswith("dominated"):
        return f"{listed} {'are' if several else 'is'} {reason}."
    verb = "fail to learn" if several and reason == Outcome.FAILS else reason
    return f"{listed} {verb} and {'do' if several else 'does'} not compete."


def _point(one: Contender, metric: Metric) -> str:
    at = point(one)
    assert at is not None
    return f"{metric.form(at[1])} in {duration(at[0])}"


def target_reading(comparison: Comparison) -> str:
    """The target, where it comes from, and when each got there."""
    metric, target = comparison.metric, comparison.target
    if target is None:
        return "No variant learns, so there is no target to reach."
    said = [f"The target is {metric.said(target)}, {_source(comparison)}."]
    said += [f"{few([_when(one) for one in comparison.contenders], 8)}."]
    return " ".join([*said, "These are times of evaluations, the first at or below the target: when in between is not known."])


def _source(comparison: Comparison) -> str:
    if comparison.given:
        return "as asked for"
    metric = comparison.metric
    levels = sorted(one.level for one in comparison.contenders if one.level is not None and not one.failure)
    which = "the second-best variant" if len(levels) > 1 else "the only variant that learns"
    return f"the best value that {which} gets to at every seed ({metric.form(levels[:2][-1])}), rounded up"


def _when(one: Contender) -> str:
    found, all_seeds = one.spread(TIME_TO_TARGET), len(one.outcomes)
    if found is None:
        return f"{one.name} never reaches it"
    reached = one.spread(EPOCHS_TO_TARGET)
    assert reached is not None
    often = "" if one.reached == all_seeds else f" at {one.reached} of {all_seeds} seeds"
    return f"{one.name} is there after {duration(found.mean)} ({epochs(reached.mean)}){often}"
