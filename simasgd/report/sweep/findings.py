"""What each axis of a sweep does to the error and to the time, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.report.facts.formats import capitalise, join_words
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

_MOST_LISTED = 3
"""Up to so many other combinations of the other axes are named one by one."""
_LEARNERS = "cluster.learners"


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
    """Return what an axis does to a quantity: in each combination of the other axes, or in how many of many."""
    name = "throughput" if effect.quantity == THROUGHPUT else NAMES[effect.quantity]
    others = [case for case in effect.elsewhere if effect.is_comparable(case)]
    if len(others) > _MOST_LISTED:
        split = None if effect.dial.axis.numbers is None else find_split(effect, facts)
        more = _count_directions(effect, others, facts) if split is None else _say_split(effect, split, facts)
        told = f"{_list_cases(effect, [], facts)}. {more}"
    else:
        told = _list_cases(effect, others, facts)
    return f"{capitalise(effect.dial.name)}, {name}: {told}."


def _list_cases(effect: Effect, others: Sequence[AxisComparison], facts: SweepFacts) -> str:
    """Return which value is best beside the best setting, and in these other cases; cases with the same one stand together."""
    here = [effect.here] if effect.here is not None and _can_judge(effect, effect.here, facts) else []
    found: dict[str, list[str]] = {}
    for case in (*here, *others):
        place = _say_place(case, facts) if others else ""
        numbers = _give_numbers(effect, case, facts)
        found.setdefault(_judge(effect, case), []).append(f"{place} ({numbers})".strip())
    parts = [f"{words} {join_words(places)}" for words, places in found.items()]
    return "; ".join(parts) or "no two values can be compared"


def _can_judge(effect: Effect, case: AxisComparison, facts: SweepFacts) -> bool:
    return len(case.sound) > 1 or bool(case.sound and case.lost and effect.quantity == facts.measure)


def _judge(effect: Effect, case: AxisComparison) -> str:
    """Return which values are best: `4 learners are best`, or that no two differ clearly."""
    dial, widest, best = effect.dial, effect.find_widest(case), _list_best(effect, case)
    if len(best) < len(case.sound) or len(case.sound) == 1:
        superlative = {ERROR: "best", LOSS: "best", THROUGHPUT: "fastest"}.get(effect.quantity, "quickest")
        return f"{_say_values(dial, best)} {superlative}"
    if widest is None:
        return "no clear difference"
    return f"{_say_values(dial, [widest.better])} {_better(effect.quantity)} than {dial.say(widest.worse[dial.key])}"


def _list_best(effect: Effect, case: AxisComparison) -> list[SettingRow]:
    """Return the best setting of a case and those that are not clearly worse."""
    best = case.sound[0]
    return [row for row in case.sound if row is best or not effect.is_beyond(best, row)]


def _say_values(dial: Dial, rows: Sequence[SettingRow]) -> str:
    """Return values with their verb: `2 and 4 learners are`."""
    values = [value for value in dial.values if any(row[dial.key] == value for row in rows)]
    if len(values) > 1:
        return f"{say_values(dial, values)} are"
    return f"{dial.say(values[0])} {'are' if dial.key == _LEARNERS and dial.labels[values[0]] != '1' else 'is'}"


def _say_place(case: AxisComparison, facts: SweepFacts) -> str:
    """Return where a case is in the other axes: `at latency 1 ms`, `with 4 learners`."""
    others = [dial for dial in facts.varying if dial.key in case.rest]
    if not others:
        return ""
    return f"{'at' if all(dial.role is KeyRole.WORLD for dial in others) else 'with'} {say_setting(case.rest, others)}"


def _give_numbers(effect: Effect, case: AxisComparison, facts: SweepFacts) -> str:
    """Return the numbers of a case, and which values did not learn."""
    quantity, dial, widest = effect.quantity, effect.dial, effect.find_widest(case)
    best, last = _list_best(effect, case), case.sound[-1]
    if len(best) < len(case.sound):
        unit = _say_unit(quantity)
        numbers = f"{say_range(best, quantity)}{unit}, against {_show(quantity, last)} with {dial.say(last[dial.key])}"
    elif widest is not None:
        numbers = f"{_show(quantity, widest.better)}, against {_show(quantity, widest.worse)}"
    else:
        numbers = f"{say_range(case.sound, quantity)}{_say_unit(quantity)}"
    lost = ""
    if case.lost and quantity == (facts.measure or quantity):
        lost = f"; {say_values(dial, [row[dial.key] for row in case.lost])} {say_lost(facts.settings)}"
    return f"{numbers}{lost}"


def _count_directions(effect: Effect, cases: Sequence[AxisComparison], facts: SweepFacts) -> str:
    """Return in how many of many cases larger values are better, and smaller ones; or one of two values that are no numbers."""
    names = join_words([dial.name for dial in facts.varying if dial is not effect.dial])
    start = f"In the other {len(cases)} combinations of {names}:"
    if not any(map(effect.is_moved, cases)):
        return f"{start} no clear difference"
    counts = _count_pairs(effect, cases) if effect.dial.axis.numbers is None else _count_trends(effect, cases)
    parts = [f"{words} in {number}" for words, number in counts if number]
    rest = len(cases) - sum(number for _, number in counts)
    return f"{start} {', '.join([*parts, *([f'no clear difference in {rest}'] if rest else [])])}"


def _count_trends(effect: Effect, cases: Sequence[AxisComparison]) -> list[tuple[str, int]]:
    directions = [effect.find_direction(case) for case in cases]
    known = [direction for direction in Direction if direction is not Direction.NONE]
    found = [(_say_trend(effect, direction), directions.count(direction)) for direction in known]
    mixed = sum(effect.is_moved(case) for case, one in zip(cases, directions, strict=True) if one is Direction.NONE)
    return [*sorted(found, key=lambda one: -one[1]), ("clear differences without a trend", mixed)]


def _say_trend(effect: Effect, direction: Direction) -> str:
    """Return which values are better: `a larger learning rate is better`, `fewer learners are sooner`."""
    dial, better = effect.dial, _better(effect.quantity)
    if direction is Direction.BETWEEN:
        return f"a {dial.each} between the ends is {better}"
    if dial.key == _LEARNERS:
        return f"{'fewer' if direction is Direction.SMALLER else 'more'} learners are {better}"
    return f"a {direction.value} {dial.name} is {better}"


def _count_pairs(effect: Effect, cases: Sequence[AxisComparison]) -> list[tuple[str, int]]:
    """Compare the values of an axis without numbers: the two that differ most here, or otherwise any two."""
    widest = None if effect.here is None else effect.find_widest(effect.here)
    if widest is None:
        return [("a clear difference", sum(map(effect.is_moved, cases)))]
    better, worse = (row[effect.dial.key] for row in widest)
    found = [effect.compare(case, better, worse) for case in cases]
    first, second = (effect.dial.labels[value] for value in (better, worse))
    word = _better(effect.quantity)
    counts = [(f"{first} is {word} than {second}", found.count(1)), (f"{second} is {word} than {first}", found.count(-1))]
    return sorted(counts, key=lambda one: -one[1])


def _say_split(effect: Effect, split: Split, facts: SweepFacts) -> str:
    """Say at which values of another axis a larger value is better, and at which a smaller one, with the widest example."""
    parts: list[str] = []
    for direction, values in ((Direction.LARGER, split.larger), (Direction.SMALLER, split.smaller)):
        cases = [case for case in effect.cases if case.rest[split.by.key] in values and effect.is_comparable(case)]
        found = [case for case in cases if effect.find_direction(case) is direction]
        of = "" if parts else " combinations of the other axes"
        share = f"in {'all' if len(found) == len(cases) else f'{len(found)} of'} {len(cases)}{of}"
        example = "" if parts else _give_example(effect, found, split, facts)
        parts.append(f"with {say_values(split.by, values)}, {_say_trend(effect, direction)} {share}{example}")
    return capitalise("; ".join(parts))


def _give_example(effect: Effect, cases: Sequence[AxisComparison], split: Split, facts: SweepFacts) -> str:
    """Return, in brackets, the two numbers that differ most, from the worse to the better one."""
    pairs = [pair for case in cases if (pair := effect.find_widest(case)) is not None]
    if not pairs:
        return ""
    better, worse = max(pairs, key=lambda pair: abs(pair.worse[effect.quantity] - pair.better[effect.quantity]))
    others = [dial for dial in facts.varying if dial not in (effect.dial, split.by)]
    at = f"with {say_setting(better, others)}: " if others else ""
    ends = [f"{_show(effect.quantity, row)} at {effect.dial.labels[row[effect.dial.key]]}" for row in (worse, better)]
    return f" (for example {at}{', '.join(ends)})"


def _better(quantity: str) -> str:
    return "better" if quantity in (ERROR, LOSS) else "faster" if quantity == THROUGHPUT else "quicker"


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
