"""What each axis of a sweep does, in one sentence: to the error and to the time."""

from __future__ import annotations

from simasgd.report.facts.formats import capitalise, list_some
from simasgd.report.sweep.answer import Effect, choose_tolerance, measure_effect
from simasgd.report.sweep.dials import Dial
from simasgd.report.sweep.sweep_facts import (
    NAMES,
    SECONDS,
    THROUGHPUT,
    TO_TARGET,
    Row,
    SweepFacts,
    format_quantity,
    select,
    varies,
)
from simasgd.results.outcome import Outcome

_MOST_NAMED = 3


def describe_effects(facts: SweepFacts, anchor: Row) -> list[str]:
    """Return a sentence for each axis with several values; the rest is as in the setting `anchor`."""
    return [describe_effect(dial, facts, anchor) for dial in facts.varying]


def describe_effect(dial: Dial, facts: SweepFacts, anchor: Row) -> str:
    """Return what an axis does to the error and to the time, and where it makes settings fail."""
    quantities = ([] if facts.measure is None else [facts.measure]) + [_choose_speed(facts)]
    parts = [
        _describe(effect, dial)
        for quantity in quantities
        if (effect := measure_effect(dial, quantity, anchor, facts, choose_tolerance(quantity, facts.test_samples))) is not None
    ]
    failing = _find_failing(dial, facts, anchor)
    if failing:
        learn = "" if facts.measure is None else " or learn"
        where = "with the rest as in the best setting, it" if len(facts.varying) > 1 else "it"
        parts.append(f"{where} does not finish{learn} at {list_some(failing, _MOST_NAMED)}")
    return f"{capitalise(dial.name)}: {'; '.join(parts) or 'no two of its values can be compared'}."


def _choose_speed(facts: SweepFacts) -> str:
    """Return the quantity for the time: the simulated time where it varies, else the quantity that ranks settings by speed."""
    return SECONDS if varies(facts.sound[SECONDS]) and facts.speed != THROUGHPUT else facts.speed


def _describe(effect: Effect, dial: Dial) -> str:
    name = "throughput" if effect.quantity == THROUGHPUT else NAMES[effect.quantity]
    spread = "the difference that counts"
    rest = f"{effect.beyond} of {effect.settings} settings of the rest"
    if effect.beyond == 0:
        return f"no effect on the {name} beyond {spread}"
    if not effect.is_beyond:
        return f"here no effect on the {name} beyond {spread}, but in {rest}"
    low = f"{dial.labels[effect.low]} ({_show(effect.quantity, effect.least)})"
    high = f"{dial.labels[effect.high]} ({_show(effect.quantity, effect.greatest)})"
    beyond = "" if effect.quantity in (SECONDS, TO_TARGET, THROUGHPUT) else f", beyond {spread}"
    return f"{name} lowest at {low} and highest at {high}{beyond}{_say_often(effect, rest)}"


def _say_often(effect: Effect, rest: str) -> str:
    if effect.settings == 1:
        return ""
    return f", in all {effect.settings} settings of the rest" if effect.beyond == effect.settings else f", as in {rest}"


def _show(quantity: str, value: float) -> str:
    return f"{format_quantity(quantity, value)} samples/s" if quantity == THROUGHPUT else format_quantity(quantity, value)


def _find_failing(dial: Dial, facts: SweepFacts, anchor: Row) -> list[str]:
    """Return the values of the axis at which the setting fails that is otherwise as the anchor."""
    rest = {other.key: anchor[other.key] for other in facts.varying if other.key != dial.key}
    rows = select(facts.settings, rest)
    has_run = ~rows["outcome"].str.contains(str(Outcome.MISSING), regex=False)
    return [dial.labels[value] for value in rows[~rows["sound"] & has_run][dial.key]]
