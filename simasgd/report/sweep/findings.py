"""What each axis of a sweep does to the error and to the time, in sentences."""

from __future__ import annotations

from simasgd.report.facts.formats import capitalise, join_words, list_some
from simasgd.report.sweep.facts.dials import Dial
from simasgd.report.sweep.facts.effects import Effect, choose_tolerance, measure_effect
from simasgd.report.sweep.facts.sweep_facts import (
    NAMES,
    SECONDS,
    THROUGHPUT,
    Row,
    SweepFacts,
    format_quantity,
    select,
    varies,
)
from simasgd.results.outcome import Outcome
from simasgd.sweeps.roles import Role

_MOST_NAMED = 3


def describe_effects(facts: SweepFacts, anchor: Row) -> list[str]:
    """Return a sentence for each axis with several values; the rest is as in the setting `anchor`."""
    return [describe_effect(dial, facts, anchor) for dial in facts.varying]


def describe_effect(dial: Dial, facts: SweepFacts, anchor: Row) -> str:
    """Return what an axis does to the error and to the time, and where it makes settings fail.

    "Here" is with the rest as in the best setting, and "elsewhere" with any other combination of the rest.
    """
    quantities = ([] if facts.measure is None else [facts.measure]) + [_choose_speed(facts)]
    parts = [
        _describe(effect, dial)
        for quantity in quantities
        if (effect := measure_effect(dial, quantity, anchor, facts, choose_tolerance(quantity, facts.test_samples))) is not None
    ]
    failing = _find_failing(dial, facts, anchor)
    if failing:
        learn = "" if facts.measure is None else " or learn"
        where = " here" if len(facts.varying) > 1 else ""
        parts.append(f"does not finish{learn}{where} at {list_some(failing, _MOST_NAMED)}")
    if not parts:
        parts = [f"no two of its values can be compared{' here' if len(facts.varying) > 1 else ''}"]
    return f"{capitalise(dial.name)}: {'; '.join(parts)}."


def _choose_speed(facts: SweepFacts) -> str:
    """Return the quantity for the time: the simulated time where it varies, else the quantity that ranks settings by speed."""
    return SECONDS if varies(facts.sound[SECONDS]) and facts.speed != THROUGHPUT else facts.speed


def _describe(effect: Effect, dial: Dial) -> str:
    name = "throughput" if effect.quantity == THROUGHPUT else NAMES[effect.quantity]
    if not effect.is_beyond:
        return f"no clear effect on the {name} here{_say_elsewhere(effect)}"
    low = f"{_show(effect.quantity, effect.least)} at {dial.labels[effect.low]}"
    high = f"{_show(effect.quantity, effect.greatest)} at {dial.labels[effect.high]}"
    compared = f"lowest {low}, highest {high}" if effect.at_ends else f"{low}, {high}"
    return f"{name} {compared}{_say_often(effect, dial)}"


def _say_elsewhere(effect: Effect) -> str:
    """Say how often the axis has a clear effect elsewhere; "" where nothing can be compared."""
    if effect.others == 0:
        return ""
    if effect.moved == 0:
        return ", nor elsewhere"
    return f", but elsewhere in {_count(effect.moved, effect.others)}"


def _say_often(effect: Effect, dial: Dial) -> str:
    """Say in how many cases elsewhere the two values compare in the same way, and in how many the other way round."""
    if effect.both == 0:
        return ""
    reverse = f", the other way round in {effect.reverse}" if effect.reverse else ""
    if effect.likewise == effect.both:
        return f" (elsewhere, too, clearly lower at {dial.labels[effect.low]} in {_count(effect.both, effect.both)})"
    if effect.both == 1:
        return f" (elsewhere {'the other way round' if effect.reverse else 'no clear difference'} in the only case)"
    compared = f"clearly lower at {dial.labels[effect.low]} in {_count(effect.likewise, effect.both)}"
    return f" (elsewhere {compared}{reverse})"


def _count(found: int, total: int) -> str:
    """Return, for example, `2 of 3 cases`, `all 3 cases`, `the only case`."""
    if total == 1:
        return "the only case"
    return f"{'all' if found == total else f'{found} of' if found else 'none of'} {total} cases"


def _show(quantity: str, value: float) -> str:
    return f"{format_quantity(quantity, value)} samples/s" if quantity == THROUGHPUT else format_quantity(quantity, value)


def _find_failing(dial: Dial, facts: SweepFacts, anchor: Row) -> list[str]:
    """Return the values of the axis at which the setting fails that is otherwise as the anchor."""
    rest = {other.key: anchor[other.key] for other in facts.varying if other.key != dial.key}
    rows = select(facts.settings, rest)
    has_run = ~rows["outcome"].str.contains(str(Outcome.MISSING), regex=False)
    return [dial.labels[value] for value in rows[~rows["sound"] & has_run][dial.key]]


def describe_mixed(facts: SweepFacts) -> list[str]:
    """Say of each group of keys that vary together, and of which only some are choices, what it does not tell."""
    sentences = []
    for dial in facts.choices:
        chosen, given = dial.name_parts(Role.CHOICE), dial.name_parts(Role.WORLD)
        if given:
            world = join_words(given)
            sentences.append(
                f"The {join_words(chosen)} {'varies' if len(chosen) == 1 else 'vary'} together with the {world}, which "
                f"{'is not a choice' if len(given) == 1 else 'are not choices'}: their effects cannot be told apart."
            )
    return sentences
