"""Who reaches the given target first."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.report.facts.formats import format_duration, format_factor, format_range, format_several
from simasgd.report.facts.learning_facts import GoalFact
from simasgd.report.facts.reference import choose_reference
from simasgd.report.facts.spread import Spread
from simasgd.report.facts.tolerances import compute_amount_tolerance
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.verdict.competing import Scope, Winner, add_reference, name_best, note_close_times


def find_first_at_target(variants: Sequence[VariantFacts], scope: Scope) -> Winner | None:
    """Find the variants that reach the given target first, of those that reach it at every seed.

    None without a target, or if no variant reaches it. Times tie by the usual tolerance. The winners
    are compared with the next, and with the reference variant if it reaches the target later still.
    """
    reached = _list_reached(variants)
    if not reached:
        return None
    soonest = reached[0][1]
    first = [pair for pair in reached if pair[1].mean - soonest.mean <= compute_amount_tolerance(pair[1], soonest)]
    later = [pair for pair in reached if pair not in first]
    best = [variant for variant, _ in first]
    names = tuple(variant.name for variant in best)
    target = _name_target(variants)
    times = format_several([one.mean for _, one in first], format_duration)
    when = f"after {times}"
    reach = "they reach" if len(best) > 1 else "it reaches"
    if not later:
        return Winner(names, None, None, _describe_unrivalled(best, variants, target, when, scope), at_target=True)
    than, seconds = later[0]
    ratio = seconds.mean / soonest.mean
    ratios = format_range([seconds.mean / one.mean for _, one in first], format_factor)
    sentence = (
        f"{name_best(best)}: {reach} {target} {when}, {ratios} as fast as {than.name} "
        f"({format_duration(seconds.mean)}){note_close_times([*best, than], ratio)}"
        f"{add_reference(choose_reference(variants), than, later, [one.mean for _, one in first])}."
    )
    return Winner(names, than.name, ratio, scope.open(sentence), at_target=True)


def describe_missed(variants: Sequence[VariantFacts]) -> str:
    """Return that no variant reaches the given target; "" without a target, or if one does."""
    if not any(variant.goal for variant in variants) or _list_reached(variants):
        return ""
    return f"No variant reaches {_name_target(variants)}{_name_seeds(variants)}."


def _list_reached(variants: Sequence[VariantFacts]) -> list[tuple[VariantFacts, Spread]]:
    """Return the sound variants that reach the target at every seed, with their times, the soonest first."""
    asked = [(variant, variant.goal) for variant in variants if variant.goal is not None]
    reached = [(variant, seconds) for variant, goal in asked if (seconds := _reach_always(variant, goal)) is not None]
    return sorted(reached, key=lambda pair: pair[1].mean)


def _reach_always(variant: VariantFacts, goal: GoalFact) -> Spread | None:
    return goal.seconds if not variant.failure and goal.reached == len(variant.seeds) else None


def _name_target(variants: Sequence[VariantFacts]) -> str:
    return next(variant.metric.describe(variant.goal.value) for variant in variants if variant.goal is not None)


def _name_seeds(variants: Sequence[VariantFacts]) -> str:
    return "" if all(len(variant.seeds) == 1 for variant in variants) else " at every seed"


def _describe_unrivalled(
    best: Sequence[VariantFacts], variants: Sequence[VariantFacts], target: str, when: str, scope: Scope
) -> str:
    if len(best) == len(variants):
        return f"{scope.say_tie(best)}: they reach {target} {when}."
    if len(best) == 1:
        return f"{scope.say(f'only {best[0].title} reaches {target}{_name_seeds(variants)}')}, {when}."
    return scope.open(f"{name_best(best)}: they reach {target} {when}; no other variant reaches it{_name_seeds(variants)}.")
