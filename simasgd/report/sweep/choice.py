"""Why a setting of a sweep is the one to use, what else may be worth it, and which settings reach the target."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.report.facts.formats import (
    NBSP,
    capitalise,
    format_duration,
    format_factor,
    format_learner_time,
    spell_count,
)
from simasgd.report.sweep.facts.best_setting import BestSetting, count_hours_to_target
from simasgd.report.sweep.facts.effects import choose_tolerance
from simasgd.report.sweep.facts.sweep_facts import (
    NAMES,
    SECONDS,
    THROUGHPUT,
    TO_TARGET,
    SettingRow,
    SweepFacts,
    format_quantity,
    get_spread,
    list_rows,
    say_setting,
    say_values,
    say_worlds,
    select,
)

_MOST_NAMED = 3


def explain_choice(best: SettingRow, answer: BestSetting, facts: SweepFacts) -> list[str]:
    """Return sentences, with a small letter, on the setting to use in a part of the world beside the others there."""
    sentences = [
        _compare_scores(best, answer, facts),
        _admit_chance(answer, facts),
        _name_equals(best, answer, facts),
        _offer_less_time(best, answer, facts),
    ]
    return [sentence for sentence in sentences if sentence]


def _compare_scores(best: SettingRow, answer: BestSetting, facts: SweepFacts) -> str:
    measure = facts.measure
    rows = _list_others(best, answer, facts)
    if measure is None:
        return _compare_speeds(best, rows, facts)
    others = len(answer.alike) - 1
    if answer.at_target:
        return _compare_reaches(best, answer, rows, facts)
    if others == 0:
        if not rows:
            return ""
        following = min(rows, key=lambda row: row[measure])
        return f"the setting to use has the lowest mean {NAMES[measure]}; the next is {_say_row(following, facts)}."
    quality = {SECONDS: "soonest", THROUGHPUT: "fastest"}.get(facts.speed, "first at the target")
    if answer.lowest[measure] == best[measure]:
        count = spell_count(others, "other setting has", "other settings have")
        return f"the setting to use has the lowest {NAMES[measure]}; {count} one that counts as equal, but none is sooner."
    return (
        f"{spell_count(len(answer.alike), 'setting')} have a {NAMES[measure]} of {say_range(answer.alike, measure)}, which "
        f"counts as equal; the setting to use is the {quality} of them. The lowest has {_say_row(answer.lowest, facts)}."
    )


def _admit_chance(answer: BestSetting, facts: SweepFacts) -> str:
    """Say of which settings that count as worse the seeds cannot show it."""
    measure, lowest = facts.measure, answer.lowest
    if measure is None or answer.at_target or facts.repetitions == 1:
        return ""
    tolerance, best = choose_tolerance(measure, facts.test_samples), get_spread(lowest, measure)
    assert best is not None
    unsure = []
    for row in _list_others(lowest, answer, facts):
        spread = get_spread(row, measure)
        is_equal = any(_is_same(row, one, facts) for one in answer.alike)
        if spread is not None and not is_equal and spread.mean - best.mean <= tolerance(spread, best):
            unsure.append(row)
    if not unsure:
        return ""
    unsure.sort(key=lambda row: row[measure])
    if len(facts.choices) == 1:
        named = say_values(facts.choices[0], [row[facts.choices[0].key] for row in unsure])
    else:
        named = " or ".join([*(say_setting(row, facts.choices) for row in unsure[:_MOST_NAMED])])
        named += f" or {len(unsure) - _MOST_NAMED} others" if len(unsure) > _MOST_NAMED else ""
    seeds = spell_count(facts.repetitions, "seed")
    return f"{seeds} cannot show that the {NAMES[measure]} is higher with {named}."


def _say_row(row: SettingRow, facts: SweepFacts) -> str:
    """Return a setting with its score and time: `8 learners, rate 0.1 (4.1 % after 3 s)`."""
    measure = facts.measure
    assert measure is not None
    time = f" after {format_duration(row[SECONDS])}" if get_spread(row, SECONDS) is not None else ""
    return f"{say_setting(row, facts.choices)} ({format_quantity(measure, row[measure])}{time})"


def _compare_reaches(best: SettingRow, answer: BestSetting, rows: Sequence[SettingRow], facts: SweepFacts) -> str:
    """Compare the setting that reaches the target first with the next one."""
    if not rows:
        return ""
    keys = [dial.key for dial in facts.choices]
    equal = [[row[key] for key in keys] for row in (best, *answer.also)]
    later = [row for row in answer.alike if [row[key] for key in keys] not in equal]
    missing = len(rows) + 1 - len(answer.alike)
    lost = f"{spell_count(missing, 'other setting does', 'other settings do')} not reach it at every seed" if missing else ""
    if not later:
        return f"{lost}." if lost else ""
    following = min(later, key=lambda row: row[TO_TARGET])
    ratio = format_factor(following[TO_TARGET] / best[TO_TARGET])
    return f"the next is {ratio} as slow ({say_setting(following, facts.choices)}){f'; {lost}' if lost else ''}."


def _compare_speeds(best: SettingRow, rows: Sequence[SettingRow], facts: SweepFacts) -> str:
    """Compare the best setting with the slowest where nothing is learned."""
    known = [row for row in rows if get_spread(row, facts.speed) is not None]
    if not known:
        return ""
    slowest = max(known, key=lambda row: row[SECONDS] if facts.speed == SECONDS else -row[THROUGHPUT])
    ratio = slowest[SECONDS] / best[SECONDS] if facts.speed == SECONDS else best[THROUGHPUT] / slowest[THROUGHPUT]
    return f"it is {format_factor(ratio)} as fast as the slowest ({say_setting(slowest, facts.choices)})."


def _list_others(best: SettingRow, answer: BestSetting, facts: SweepFacts) -> list[SettingRow]:
    """Return the other sound settings in the same part of the world."""
    rows = select(facts.sound, facts.name_world(answer.world))
    if facts.measure is not None:
        rows = rows.dropna(subset=[facts.measure])
    keys = [dial.key for dial in facts.choices]
    return [row for row in list_rows(rows) if any(row[key] != best[key] for key in keys)]


def _name_equals(best: SettingRow, answer: BestSetting, facts: SweepFacts) -> str:
    keys = [dial.key for dial in facts.choices]
    equals = [row for row in (answer.best, *answer.also) if any(row[key] != best[key] for key in keys)]
    if not equals:
        return ""
    named = [say_setting(row, facts.choices) for row in equals]
    rest = len(named) - _MOST_NAMED
    more = f"; and {rest} more" if rest > 0 else ""
    return f"{'; '.join(named[:_MOST_NAMED])}{more} {'is' if len(equals) == 1 else 'are'} as good, as soon and as cheap."


def _offer_less_time(best: SettingRow, answer: BestSetting, facts: SweepFacts) -> str:
    """Name the best compromise and the soonest setting of the front."""
    if answer.compromise is None or facts.measure is None:
        return ""
    parts = []
    for row, role in ((answer.compromise, "the best compromise (least error × time)"), (answer.front[0], "the soonest")):
        if not _is_same(row, best, facts) and row[SECONDS] < best[SECONDS]:
            faster = f"{format_factor(best[SECONDS] / row[SECONDS])} as fast as {say_setting(best, facts.choices)}"
            parts.append(f"{role} is {_say_row(row, facts)}, {faster}")
        if _is_same(answer.compromise, answer.front[0], facts):
            break
    if not parts:
        return ""
    return f"with less time: {'; '.join(parts)}."


def _is_same(one: SettingRow, other: SettingRow, facts: SweepFacts) -> bool:
    return all(one[dial.key] == other[dial.key] for dial in facts.choices)


def describe_reached(best: SettingRow, answer: BestSetting, facts: SweepFacts) -> str:
    """Say which settings reach the target, when the setting to use does, and which reaches it with the fewest learner-hours."""
    target, cheapest = facts.sweep.target, answer.cheapest
    if target is None or target.quantity != facts.measure or cheapest is None:
        return ""
    if answer.at_target:
        if _is_same(cheapest, best, facts):
            return "the setting to use is also the cheapest to the target."
        own, least = (format_learner_time(count_hours_to_target(row)) for row in (best, cheapest))
        return f"the cheapest to the target is {say_setting(cheapest, facts.choices)}: {least} instead of {own}."
    first = answer.reaching[0]
    total = 1 + len(_list_others(best, answer, facts))
    goal = f"a {NAMES[target.quantity]} of {format_quantity(target.quantity, target.value)}"
    every = " at every seed" if facts.repetitions > 1 else ""
    verb = "reaches" if len(answer.reaching) == 1 else "reach"
    count = f"{spell_count(len(answer.reaching), 'setting')} of the {total} that learn {verb} {goal}{every}"
    after = format_duration(first[TO_TARGET])
    if _is_same(first, best, facts):
        soonest = "" if len(answer.reaching) == 1 else ", as the first of them"
        return f"{count}. The setting to use reaches this target after {after}{soonest}."
    own = "the setting to use does not reach this target"
    if get_spread(best, TO_TARGET) is not None:
        own = f"the setting to use reaches this target after {format_duration(best[TO_TARGET])}"
    return f"{count}. {capitalise(say_setting(first, facts.choices))} is the first, after {after}; {own}."


def describe_missed_target(answers: Sequence[BestSetting], facts: SweepFacts) -> list[str]:
    """Say where no setting reaches the given target, so that it does not decide."""
    target = facts.sweep.target
    missed = [answer for answer in answers if not answer.at_target]
    if not facts.has_given_target or target is None or not missed:
        return []
    where, there = "", ""
    if len(missed) < len(answers):
        where, there = f" at {say_worlds([one.world for one in missed], facts)}", " there"
    goal = f"{NAMES[target.quantity]} of {format_quantity(target.quantity, target.value)}"
    return [f"No setting reaches a {goal} at every seed{where}, so the lowest counts{there}."]


def say_range(rows: Sequence[SettingRow], quantity: str) -> str:
    """Return the least and the greatest value of some settings, with the unit: `4.0 – 4.2 %`."""
    values = [float(row[quantity]) for row in rows]
    low, high = (format_quantity(quantity, end) for end in (min(values), max(values)))
    if low == high:
        return low
    number, _, unit = low.partition(NBSP)
    return f"{number if high.endswith(f'{NBSP}{unit}') else low} – {high}"
