"""What a sweep found, in sentences: what each axis does to the error and to the time, and which settings fail."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from simasgd.report.facts.formats import capitalise, join_words, list_some, spell_count
from simasgd.report.sweep.facts.answer import Answer, Effect, choose_tolerance, measure_effect
from simasgd.report.sweep.facts.dials import Dial
from simasgd.report.sweep.facts.sweep_facts import (
    ERROR,
    LOSS,
    NAMES,
    SECONDS,
    THROUGHPUT,
    TO_TARGET,
    Row,
    SweepFacts,
    format_quantity,
    say_setting,
    say_world,
    select,
    varies,
)
from simasgd.results.outcome import Outcome
from simasgd.sweeps.roles import Role

_MOST_NAMED = 3
_VERBS = {  # singular and plural
    Outcome.FAILED: ("failed", "failed"),
    Outcome.MISSING: ("has not run yet", "have not run yet"),
    Outcome.HUNG: ("hung", "hung"),
    Outcome.DIVERGED: ("diverged", "diverged"),
    Outcome.APPLIED_NOTHING: ("applied nothing", "applied nothing"),
    Outcome.FAILS: ("fails to learn", "fail to learn"),
}


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
    if not parts:
        where = "with the rest as in the best setting, " if len(facts.varying) > 1 else ""
        parts = [f"{where}no two of its values can be compared"]
    return f"{capitalise(dial.name)}: {'; '.join(parts)}."


def _choose_speed(facts: SweepFacts) -> str:
    """Return the quantity for the time: the simulated time where it varies, else the quantity that ranks settings by speed."""
    return SECONDS if varies(facts.sound[SECONDS]) and facts.speed != THROUGHPUT else facts.speed


def _describe(effect: Effect, dial: Dial) -> str:
    name = "throughput" if effect.quantity == THROUGHPUT else NAMES[effect.quantity]
    spread = "the difference that counts"
    if not effect.is_beyond:
        if effect.moved == 0:
            return f"no effect on the {name} beyond {spread}"
        return f"here no effect on the {name} beyond {spread}, but {_count_others(effect.moved, effect.others)}"
    low = f"{dial.labels[effect.low]} ({_show(effect.quantity, effect.least)})"
    high = f"{dial.labels[effect.high]} ({_show(effect.quantity, effect.greatest)})"
    beyond = "" if effect.quantity in (SECONDS, TO_TARGET, THROUGHPUT) else f", beyond {spread}"
    compared = f"lowest at {low} and highest at {high}" if effect.at_ends else f"lower at {low} than at {high}"
    return f"{name} {compared}{beyond}{_say_often(effect, dial)}"


def _say_often(effect: Effect, dial: Dial) -> str:
    """Say in how many other settings the two values compare in the same way; "" where none has both."""
    if effect.both == 0:
        return ""
    has = "has" if effect.both == 1 else "have"
    others = f"{_count_others(effect.likewise, effect.both)} that {has} both"
    also = "and" if effect.likewise else "but not" if effect.both == 1 else "but"
    return f", {also} clearly lower at {dial.labels[effect.low]} than at {dial.labels[effect.high]} {others}"


def _count_others(found: int, total: int) -> str:
    """Return, for example, `in 2 of 3 other settings of the rest`."""
    if total == 1:
        return "in the one other setting of the rest"
    share = "all" if found == total else f"{found} of" if found else "none of"
    return f"in {share} {total} other settings of the rest"


def _show(quantity: str, value: float) -> str:
    return f"{format_quantity(quantity, value)} samples/s" if quantity == THROUGHPUT else format_quantity(quantity, value)


def _find_failing(dial: Dial, facts: SweepFacts, anchor: Row) -> list[str]:
    """Return the values of the axis at which the setting fails that is otherwise as the anchor."""
    rest = {other.key: anchor[other.key] for other in facts.varying if other.key != dial.key}
    rows = select(facts.settings, rest)
    has_run = ~rows["outcome"].str.contains(str(Outcome.MISSING), regex=False)
    return [dial.labels[value] for value in rows[~rows["sound"] & has_run][dial.key]]


def describe_failures(facts: SweepFacts) -> list[str]:
    """Return a sentence for each bad outcome: how many points, where and why."""
    points = facts.points
    rows = {outcome: points[points["outcome"] == outcome] for outcome in _VERBS}
    return [_describe_outcome(found, outcome, facts) for outcome, found in rows.items() if len(found)]


def describe_missed_target(answers: Sequence[Answer], facts: SweepFacts) -> list[str]:
    """Say where no setting reaches the given target, so that it does not decide."""
    target = facts.sweep.target
    missed = [answer for answer in answers if not answer.at_target]
    if not facts.has_given_target or target is None or not missed:
        return []
    where, there = "", ""
    if len(missed) < len(answers):
        where, there = f" at {list_some([say_world(one.world, facts) for one in missed], _MOST_NAMED)}", " there"
    goal = f"{NAMES[target.quantity]} of {format_quantity(target.quantity, target.value)}"
    return [f"No setting reaches a {goal} at every seed{where}, so the lowest counts{there}."]


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


def find_places(rows: pd.DataFrame, facts: SweepFacts) -> list[str]:
    """Return where these points are: values of an axis at which all points are among them, then settings."""
    places: list[str] = []
    left = rows
    for dial in facts.varying:
        for value in dial.values:
            every = facts.points[facts.points[dial.key] == value]
            here = left[left[dial.key] == value]
            if len(here) and len(every) == int((rows[dial.key] == value).sum()):
                places.append(f"all with {dial.say(value)}")
                left = left[left[dial.key] != value]
    return [*places, *dict.fromkeys(say_setting(row, facts.varying) for row in left.to_dict("records"))]


def _describe_outcome(rows: pd.DataFrame, outcome: Outcome, facts: SweepFacts) -> str:
    one, many = _VERBS[outcome]
    total = len(facts.points)
    verb = one if len(rows) == 1 else many
    count = f"{capitalise(spell_count(len(rows), 'point'))} of {total} {verb}"
    if len(rows) == total > 1:
        count = f"All {total} points {many}"
    places = find_places(rows, facts) if facts.varying and len(rows) < total else []
    where = f" ({_join(places)})" if places else ""
    reasons = list(dict.fromkeys(filter(None, rows["error" if outcome is Outcome.FAILED else "reason"])))
    why = _describe_ranges(rows) if outcome is Outcome.FAILS else list_some(reasons, 2)
    return f"{count}{where}{f': {why}' if why else ''}."


def _join(places: list[str]) -> str:
    named = "; ".join(places[:_MOST_NAMED])
    rest = len(places) - _MOST_NAMED
    return named if rest <= 0 else f"{named}; and {rest} more setting{'s' if rest > 1 else ''}"


def _describe_ranges(rows: pd.DataFrame) -> str:
    """Return, for example, `test error 89.4 % – 91.0 %, test loss 2.43 – 3,912`."""
    ranges = []
    for quantity in (ERROR, LOSS):
        known = rows[quantity].dropna()
        if not known.empty:
            ends = dict.fromkeys(format_quantity(quantity, float(end)) for end in (known.min(), known.max()))
            ranges.append(f"{NAMES[quantity]} {' – '.join(ends)}")
    return ", ".join(ranges)
