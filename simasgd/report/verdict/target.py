"""Who reaches the given target first."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.report.facts.formats import format_duration, list_some
from simasgd.report.facts.learning_facts import GoalFact
from simasgd.report.facts.spread import Spread
from simasgd.report.facts.tolerances import compute_amount_tolerance
from simasgd.report.facts.variant_facts import VariantFacts

_MAX_NAMED = 4


def describe_goal(variants: Sequence[VariantFacts]) -> str:
    """Return who reaches the given target first, of the variants that reach it at every seed; "" without a target."""
    asked = [(variant, variant.goal) for variant in variants if variant.goal is not None]
    if not asked:
        return ""
    target = asked[0][0].metric.describe(asked[0][1].value)
    reached = sorted(
        ((variant, seconds) for variant, goal in asked if (seconds := _reach_always(variant, goal)) is not None),
        key=lambda pair: pair[1].mean,
    )
    if not reached:
        seeds = "" if all(len(variant.seeds) == 1 for variant, _ in asked) else " at every seed"
        return f"No variant reaches {target}{seeds}."
    soonest = reached[0][1]
    first = [pair for pair in reached if pair[1].mean - soonest.mean <= compute_amount_tolerance(pair[1], soonest)]
    later = reached[len(first) :]
    names = list_some([variant.name for variant, _ in first], _MAX_NAMED)
    verb = "tie in reaching" if len(first) > 1 else "reaches"
    when = f" {'first' if later else 'alone' if len(asked) > 1 and len(first) == 1 else ''}".rstrip()
    next_one = f" ({later[0][0].name}: {format_duration(later[0][1].mean)})" if later else ""
    return f"{names} {verb} {target}{when}, after {format_duration(soonest.mean)}{next_one}."


def _reach_always(variant: VariantFacts, goal: GoalFact) -> Spread | None:
    """Return the times to the target of a sound variant that reaches it at every seed."""
    return goal.seconds if not variant.failure and goal.reached == len(variant.seeds) else None
