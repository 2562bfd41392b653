"""What each axis of a sweep does to the error and to the time, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.report.facts.formats import capitalise, join_words, list_some
from simasgd.report.sweep.choice import say_range
from simasgd.report.sweep.facts.dials import Dial
from simasgd.report.sweep.facts.effects import AxisComparison, Direction, Effect, Split, find_split, measure_effect
from simasgd.report.sweep.facts.lost import say_lost
from simasgd.report.sweep.facts.sweep_facts import (
    ERROR,
    LOSS,
    NAMES,
    SECONDS,
    THROUGHPUT,
    SettingRow,
    SweepFacts,
    format_quantity,
    say_setting,
    say_values,
    varies,
)
from simasgd.sweeps.roles import KeyRole

_MOST_NAMED = 3


def describe_effects(facts: SweepFacts, anchor: SettingRow) -> list[str]:
    """Return a line for each axis with several values and each of error and time; the rest is as in the setting `anchor`.

    There is none for the time of an axis of which no two values have one.
    """
    first = _choose_speed(facts) if facts.measure is None else facts.measure
    quantities = dict.fromkeys((first, _choose_speed(facts)))
    effects = [measure_effect(dial, quantity, anchor, facts) for dial in facts.varying for quantity in quantities]
    return [_describe(one, facts) for one in effects if one.quantity == first or any(map(one.is_comparable, one.cases))]


def _choose_speed(facts: SweepFacts) -> str:
    """Return the quantity for the time: the simulated time where it varies, else the quantity that ranks settings by speed."""
    return SECONDS if varies(facts.sound[SECONDS]) and facts.speed != THROUGHPUT else facts.speed


def _describe(effect: Effect, facts: SweepFacts) -> str:
    """Return what an axis does to a quantity: beside the best setting, and then elsewhere."""
    name = "throughput" if effect.quantity == THROUGHPUT else NAMES[effect.quantity]
    split = None if effect.dial.axis.numbers is None else find_split(effect, facts)
    elsewhere = _say_elsewhere(effect) if split is None else _say_split(effect, split, facts)
    return f"{capitalise(effect.dial.name)}, {name}: {_say_here(effect, facts)}.{f' {elsewhere}.' if elsewhere else ''}"


def _say_here(effect: Effect, facts: SweepFacts) -> str:
    """Return the effect with the rest as in the best setting, and where settings are lost."""
    case, dial = effect.here, effect.dial
    parts: list[str] = []
    if case is not None and len(case.sound) > 1:
        widest = effect.find_widest(case)
        if widest is None:
            parts.append(f"no clear difference ({say_range(case.sound, effect.quantity)}{_say_unit(effect.quantity)})")
        else:
            ends = [f"{_show(effect.quantity, row)} at {dial.labels[row[dial.key]]}" for row in widest]
            at_ends = (widest.better, widest.worse) == (case.sound[0], case.sound[-1])
            first, last = ("highest ", "lowest ") if effect.quantity == THROUGHPUT else ("lowest ", "highest ")
            parts.append(f"{first}{ends[0]}, {last}{ends[1]}" if at_ends else ", ".join(ends))
    if case is not None and case.lost and effect.quantity == (facts.measure or effect.quantity):
        values = list_some([dial.labels[row[dial.key]] for row in case.lost], _MOST_NAMED)
        parts.append(f"{say_lost(facts.settings)} at {values}")
    return "; ".join(parts) or "no two values can be compared"


def _say_elsewhere(effect: Effect) -> str:
    """Return in how many other combinations of the other axes which values are better; "" where nothing can be compared."""
    cases = [case for case in effect.elsewhere if effect.is_comparable(case)]
    if not cases:
        return ""
    if not any(map(effect.is_moved, cases)):
        return "Elsewhere, too, no clear difference" if _is_still(effect) else "Elsewhere no clear difference"
    if effect.dial.axis.numbers is None:
        return _say_pairs(effect, cases)
    directions = [effect.find_direction(case) for case in cases]
    counts = [(_name(effect.dial, one), directions.count(one)) for one in Direction if one is not Direction.NONE]
    (first, found), *others = sorted((one for one in counts if one[1]), key=lambda one: -one[1]) or [("", 0)]
    if not found:
        return f"Elsewhere clear differences in {_count(sum(map(effect.is_moved, cases)), cases)}, in no one direction"
    rest = "".join(f", {name} in {number}" for name, number in others)
    return f"Elsewhere {first} {_verb(effect, first)} {_better(effect.quantity)} in {_count(found, cases)}{rest}"


def _is_still(effect: Effect) -> bool:
    """Return whether nothing differs clearly here."""
    return effect.here is not None and len(effect.here.sound) > 1 and not effect.is_moved(effect.here)


def _say_pairs(effect: Effect, cases: Sequence[AxisComparison]) -> str:
    """Compare elsewhere the values of an axis without numbers: the two that differ most here, or otherwise any two."""
    widest = None if effect.here is None else effect.find_widest(effect.here)
    if widest is None:
        moved = sum(map(effect.is_moved, cases))
        return f"Elsewhere a clear difference in {_count(moved, cases)}"
    better, worse = (row[effect.dial.key] for row in widest)
    found = [effect.compare(case, better, worse) for case in cases]
    same, reverse = found.count(1), found.count(-1)
    first, second = (effect.dial.labels[value] for value in ((better, worse) if same >= reverse else (worse, better)))
    if not same and not reverse:
        return f"Elsewhere no clear difference between {first} and {second}"
    less = f", the other way round in {min(same, reverse)}" if min(same, reverse) else ""
    also = ", too," if same == len(cases) else ""
    compared = f"{first} is {_better(effect.quantity)} than {second}"
    return f"Elsewhere{also} {compared} in {_count(max(same, reverse), cases)}{less}"


def _say_split(effect: Effect, split: Split, facts: SweepFacts) -> str:
    """Say at which values of another axis a larger value is better, and at which a smaller one, with the widest example."""
    parts: list[str] = []
    for direction, values in ((Direction.LARGER, split.larger), (Direction.SMALLER, split.smaller)):
        cases = [case for case in effect.cases if case.rest[split.by.key] in values and effect.is_comparable(case)]
        found = [case for case in cases if effect.find_direction(case) is direction]
        where = say_values(split.by, values)
        name = _name(effect.dial, direction)
        verb = f"{name} {_verb(effect, name)} {_better(effect.quantity)}"
        share = f"in {_count(len(found), cases)}"
        parts.append(f"with {where} {verb} {share}{'' if parts else _give_example(effect, found, split, facts)}")
    return capitalise("; ".join(parts))


def _give_example(effect: Effect, cases: Sequence[AxisComparison], split: Split, facts: SweepFacts) -> str:
    """Return, in brackets, the two numbers that differ most, from the worse to the better one."""
    pairs = [pair for case in cases if (pair := effect.find_widest(case)) is not None]
    if not pairs:
        return ""
    better, worse = max(pairs, key=lambda pair: abs(pair.worse[effect.quantity] - pair.better[effect.quantity]))
    others = [dial for dial in facts.varying if dial not in (effect.dial, split.by)]
    at = f"{say_setting(better, others)}: " if others else ""
    ends = [f"{_show(effect.quantity, row)} at {effect.dial.labels[row[effect.dial.key]]}" for row in (worse, better)]
    return f" ({at}{', '.join(ends)})"


def _name(dial: Dial, direction: Direction) -> str:
    if direction is Direction.BETWEEN:
        return "one between"
    if dial.key == "cluster.learners":
        return "fewer" if direction is Direction.SMALLER else "more"
    return str(direction.value)


def _verb(effect: Effect, name: str) -> str:
    return "are" if effect.dial.key == "cluster.learners" and name != "one between" else "is"


def _better(quantity: str) -> str:
    return "better" if quantity in (ERROR, LOSS) else "faster" if quantity == THROUGHPUT else "sooner"


def _count(found: int, cases: Sequence[AxisComparison]) -> str:
    """Return, for example, `2 of 3 cases`, `all 3 cases`, `the only case`."""
    if len(cases) == 1:
        return f"{'the' if found else 'none of the'} only case"
    if len(cases) == found == 2:
        return "both cases"
    return f"{'all' if found == len(cases) else f'{found} of' if found else 'none of'} {len(cases)} cases"


def _say_unit(quantity: str) -> str:
    return " samples/s" if quantity == THROUGHPUT else ""


def _show(quantity: str, row: SettingRow) -> str:
    return f"{format_quantity(quantity, row[quantity])}{_say_unit(quantity)}"


def describe_mixed(facts: SweepFacts) -> list[str]:
    """Say of each group of keys that vary together, and of which only some are choices, what it does not tell."""
    sentences = []
    for dial in facts.choices:
        chosen, given = dial.name_parts(KeyRole.CHOICE), dial.name_parts(KeyRole.WORLD)
        if given:
            world = join_words(given)
            sentences.append(
                f"The {join_words(chosen)} {'varies' if len(chosen) == 1 else 'vary'} together with the {world}, which "
                f"{'is not a choice' if len(given) == 1 else 'are not choices'}: their effects cannot be told apart."
            )
    return sentences
