"""The standings of a comparison in sentences, as a function of the comparison alone."""

from __future__ import annotations

from collections.abc import Callable

from simasgd.report.comparison.comparison import MetricComparison
from simasgd.report.comparison.contenders import (
    BYTES,
    BYTES_TO_TARGET,
    EPOCHS_TO_TARGET,
    SECONDS,
    TIME_TO_TARGET,
    Contender,
    find_point,
)
from simasgd.report.facts.formats import (
    capitalise,
    format_bytes,
    format_duration,
    format_epochs,
    list_some,
)
from simasgd.report.facts.metric import Metric
from simasgd.report.verdict.reasons import NOT_YET
from simasgd.results.outcome import Outcome
from simasgd.targets import ROUND_NUMBERS

_MAX_NAMED = 6
_OF_SEVERAL = {str(Outcome.FAILS): "fail to learn", NOT_YET: "have not learned yet"}


def choose_format(key: str, metric: Metric) -> Callable[[float], str]:
    """Return a function that formats a quantity with its unit."""
    forms = {
        SECONDS: format_duration,
        TIME_TO_TARGET: format_duration,
        BYTES: format_bytes,
        BYTES_TO_TARGET: format_bytes,
        EPOCHS_TO_TARGET: format_epochs,
    }
    return forms.get(key, metric.format_value)


def name_quantity(key: str, comparison: MetricComparison) -> str:
    """Return the name of a criterion's quantity."""
    names = {
        SECONDS: comparison.time,
        TIME_TO_TARGET: "time to the target",
        BYTES: "bytes sent",
        EPOCHS_TO_TARGET: "epochs to the target",
    }
    return names.get(key, f"final {comparison.metric.name}")


def describe_front(comparison: MetricComparison) -> str:
    """Return the variants on the Pareto front, and for the others why they are not on it."""
    on_it = comparison.front
    if not on_it:
        return "There is no Pareto front, because no variant learns."
    names = list_some([f"{contender.name} ({_format_point(contender, comparison.metric)})" for contender in on_it], _MAX_NAMED)
    where = f"on the Pareto front of {comparison.metric.name} and {comparison.time}"
    sentence = f"Only {names} is {where}." if len(on_it) == 1 else f"{capitalise(where)} are {names}."
    return " ".join([sentence, *describe_ties(comparison), *_describe_others(comparison)])


def describe_ties(comparison: MetricComparison) -> list[str]:
    """Return sentences about variants that are on the front because they tie with one that is better in the means."""
    points = {contender.name: at for contender in comparison.front if (at := find_point(contender)) is not None}
    found = []
    for name, at in points.items():
        better = [other for other, there in points.items() if there != at and there[0] <= at[0] and there[1] <= at[1]]
        if better:
            found.append(f"{name} ties with {list_some(better, _MAX_NAMED)} in both.")
    return found


def _describe_others(comparison: MetricComparison) -> list[str]:
    """Return sentences about variants that are not on the front, one for each reason."""
    because: dict[str, list[str]] = {}
    for contender in comparison.contenders:
        better = comparison.dominated_by.get(contender.name, ())
        if contender.failure:
            because.setdefault(contender.ended, []).append(contender.name)
        elif better:
            because.setdefault(f"dominated by {list_some(better)}", []).append(contender.name)
    return [_describe_outside(names, reason) for reason, names in because.items()]


def _describe_outside(names: list[str], reason: str) -> str:
    several = len(names) > 1
    listed = list_some(names, _MAX_NAMED)
    if reason.startswith("dominated"):
        return f"{listed} {'are' if several else 'is'} {reason}."
    verb = _OF_SEVERAL.get(reason, reason) if several else reason
    return f"{listed} {verb} and {'do' if several else 'does'} not compete."


def _format_point(contender: Contender, metric: Metric) -> str:
    at = find_point(contender)
    assert at is not None
    return f"{metric.format_value(at[1])} in {format_duration(at[0])}"


def describe_target(comparison: MetricComparison) -> str:
    """Return the target and its origin."""
    metric, target = comparison.metric, comparison.target
    if target is None:
        return "No variant learns, so there is no target to reach."
    note = "The times are those of the first evaluation at or below the target."
    return f"The target is {metric.describe(target)}, {_explain_target(comparison)}. {note}"


def _explain_target(comparison: MetricComparison) -> str:
    if comparison.given:
        return "as requested"
    metric = comparison.metric
    levels = sorted(
        contender.level for contender in comparison.contenders if contender.level is not None and not contender.failure
    )
    which = "the second-best variant" if len(levels) > 1 else "the only variant that learns"
    best = metric.format_value(levels[:2][-1])
    return f"the best value that {which} reaches at every seed ({best}), rounded up to {_list_round_numbers()}"


def _list_round_numbers() -> str:
    return f"{', '.join(ROUND_NUMBERS[:-1])} or {ROUND_NUMBERS[-1]} times a power of ten"
