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
    find_point,
)
from simasgd.report.facts.formats import NBSP, format_bytes, format_duration, format_number, list_some, spell_count
from simasgd.report.facts.metric import Metric
from simasgd.results.outcome import Outcome

_MAX_NAMED = 6


def format_epochs(value: float) -> str:
    return f"{format_number(value)}{NBSP}epoch{'' if value == 1 else 's'}"


def choose_format(key: str, metric: Metric) -> Callable[[float], str]:
    """Shows a quantity with its unit."""
    forms = {
        SECONDS: format_duration,
        TIME_TO_TARGET: format_duration,
        BYTES: format_bytes,
        BYTES_TO_TARGET: format_bytes,
        EPOCHS_TO_TARGET: format_epochs,
    }
    return forms.get(key, metric.form)


def name_quantity(key: str, metric: Metric) -> str:
    """What a criterion is about."""
    names = {
        SECONDS: "simulated time",
        TIME_TO_TARGET: "time to the target",
        BYTES: "bytes sent",
        EPOCHS_TO_TARGET: "epochs to the target",
    }
    return names.get(key, f"final {metric.name}")


def describe_standings(comparison: Comparison) -> str:
    """The front, and who wins by what."""
    metric = comparison.metric
    decided = [row for row in comparison.criteria if row.best is not None and not row.is_even]
    even = [name_quantity(row.key, metric) for row in comparison.criteria if row.is_even]
    said = [describe_front(comparison), *(describe_criterion(row, metric) for row in decided)]
    said += [f"By {list_some(even, _MAX_NAMED)} all who compete tie."] if even else []
    reasons: dict[str, list[str]] = {}
    for row in comparison.criteria:
        if row.best is None:
            reasons.setdefault(row.reason, []).append(name_quantity(row.key, metric))
    said += [f"Nobody wins by {list_some(names, _MAX_NAMED)}: {reason}." for reason, names in reasons.items()]
    return " ".join(said)


def describe_criterion(row: Criterion, metric: Metric) -> str:
    """Who is best by one criterion."""
    assert row.best is not None
    what, shown = name_quantity(row.key, metric), choose_format(row.key, metric)
    least = shown(row.means[row.best])
    if row.tied:
        names = [f"{name} ({shown(row.means[name])})" for name in (row.best, *row.tied)]
        return f"By {what} {list_some(names, _MAX_NAMED)} tie."
    if len(row.means) == 1:
        return f"By {what} {row.best} ({least}) has no rival."
    return f"By {what} {row.best} wins ({least}), {describe_seeds_won(row.seeds_won[row.best], row.seeds)}."


def describe_seeds_won(won: int, seeds: int) -> str:
    """`at 2 of 3 seeds`."""
    if seeds == 0:
        return "with no seed in common"
    if won == seeds:
        return "at the one seed" if seeds == 1 else f"at each of {spell_count(seeds, 'seed')}"
    return f"at {won} of {seeds} seeds"


def describe_front(comparison: Comparison) -> str:
    """Who is on the Pareto front, and who is dominated by whom."""
    on_it = comparison.front
    if not on_it:
        return "There is no Pareto front, for no variant learns."
    names = list_some([f"{one.name} ({_format_point(one, comparison.metric)})" for one in on_it], _MAX_NAMED)
    if len(on_it) == 1:
        said = [f"On the Pareto front of {comparison.metric.name} and simulated time is {names} alone."]
    else:
        said = [f"On the Pareto front of {comparison.metric.name} and simulated time are {names}."]
    return " ".join([*said, *_describe_others(comparison)])


def _describe_others(comparison: Comparison) -> list[str]:
    """Who is not on the front, and why; the same for those with the same reason."""
    because: dict[str, list[str]] = {}
    for one in comparison.contenders:
        better = comparison.dominated_by.get(one.name, ())
        if one.failure:
            because.setdefault(one.failure, []).append(one.name)
        elif better:
            because.setdefault(f"dominated by {list_some(better)}", []).append(one.name)
    return [_describe_outside(names, reason) for reason, names in because.items()]


def _describe_outside(names: list[str], reason: str) -> str:
    several = len(names) > 1
    listed = list_some(names, _MAX_NAMED)
    if reason.startswith("dominated"):
        return f"{listed} {'are' if several else 'is'} {reason}."
    verb = "fail to learn" if several and reason == Outcome.FAILS else reason
    return f"{listed} {verb} and {'do' if several else 'does'} not compete."


def _format_point(one: Contender, metric: Metric) -> str:
    at = find_point(one)
    assert at is not None
    return f"{metric.form(at[1])} in {format_duration(at[0])}"


def describe_target(comparison: Comparison) -> str:
    """The target, where it comes from, and when each got there."""
    metric, target = comparison.metric, comparison.target
    if target is None:
        return "No variant learns, so there is no target to reach."
    said = [f"The target is {metric.describe(target)}, {_explain_target(comparison)}."]
    said += [f"{list_some([_describe_reach(one) for one in comparison.contenders], 8)}."]
    return " ".join([*said, "These are times of evaluations, the first at or below the target: when in between is not known."])


def _explain_target(comparison: Comparison) -> str:
    if comparison.given:
        return "as asked for"
    metric = comparison.metric
    levels = sorted(one.level for one in comparison.contenders if one.level is not None and not one.failure)
    which = "the second-best variant" if len(levels) > 1 else "the only variant that learns"
    return f"the best value that {which} gets to at every seed ({metric.form(levels[:2][-1])}), rounded up"


def _describe_reach(one: Contender) -> str:
    found, all_seeds = one.spread(TIME_TO_TARGET), len(one.outcomes)
    if found is None:
        return f"{one.name} never reaches it"
    reached = one.spread(EPOCHS_TO_TARGET)
    assert reached is not None
    often = "" if one.reached == all_seeds else f" at {one.reached} of {all_seeds} seeds"
    return f"{one.name} is there after {format_duration(found.mean)} ({format_epochs(reached.mean)}){often}"
