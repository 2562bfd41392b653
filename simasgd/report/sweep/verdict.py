"""The verdict on a sweep: which setting to use, why, what failed, and what each axis does.

The page, the terminal and sweep.json have the same sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, final

from simasgd.report.facts.formats import (
    NBSP,
    capitalise,
    format_duration,
    format_factor,
    join_words,
    list_some,
    spell_count,
    use_plain_spaces,
)
from simasgd.report.sweep.facts.answer import Answer, find_answers, find_common, place_in_world
from simasgd.report.sweep.facts.sweep_facts import (
    ERROR,
    LOSS,
    NAMES,
    SECONDS,
    STALENESS,
    THROUGHPUT,
    TO_TARGET,
    Row,
    SweepFacts,
    format_quantity,
    get_spread,
    list_rows,
    say_setting,
    say_world,
    select,
)
from simasgd.report.sweep.findings import describe_effects, describe_failures, describe_missed_target, describe_mixed

_MOST_NAMED = 3
_MOST_WORLDS = 4


@final
@dataclass(frozen=True, eq=False)
class SweepVerdict:
    """The verdict on a sweep, in sentences and in numbers."""

    facts: SweepFacts
    answers: tuple[Answer, ...]

    @classmethod
    def of(cls, facts: SweepFacts) -> SweepVerdict:
        return cls(facts, tuple(find_answers(facts)))

    @cached_property
    def common(self) -> Row | None:
        """The setting that is best, or as good, in all of the world; None if it depends on the world."""
        return find_common(self.answers, self.facts)

    @cached_property
    def anchor(self) -> Row | None:
        """The best setting in the first part of the world; None if no setting is best."""
        if not self.answers:
            return None
        return self.answers[0].best if self.common is None else self.common

    @cached_property
    def headline(self) -> str:
        """The first sentence: what to use."""
        return _state_headline(self)

    @cached_property
    def reasons(self) -> list[str]:
        """The sentences after the first: why, what else would do, and what failed."""
        return [
            *describe_missed_target(self.answers, self.facts),
            *_explain_choice(self),
            *describe_mixed(self.facts),
            *describe_failures(self.facts),
            *_explain_means(self),
        ]

    @cached_property
    def effects(self) -> list[str]:
        """One sentence for each axis with several values: what it does."""
        return [] if self.anchor is None else describe_effects(self.facts, self.anchor)

    @property
    def text(self) -> str:
        """All sentences, with plain spaces."""
        return use_plain_spaces(" ".join([self.headline, *self.reasons, *self.effects]))

    def list_best(self) -> tuple[dict[str, Any], ...]:
        """Return the recommended settings for sweep.json: the world, the choices and the numbers over seeds."""
        return tuple(_list_row(place_in_world(row, answer, self.facts), self.facts) for row, answer in self.pairs())

    def pairs(self) -> list[tuple[Row, Answer]]:
        """Return the recommended setting for each part of the world, with its answer."""
        return [(answer.best if self.common is None else self.common, answer) for answer in self.answers]


def _say_result(rows: Sequence[Row], facts: SweepFacts, *, at_target: bool) -> str:
    """Return the numbers of settings: `4.2 % test error after 1.61 s`, or what they reach of a target that decides."""
    target = facts.sweep.target
    if at_target and target is not None:
        goal = format_quantity(target.quantity, target.value)
        measure = f"{goal} test error" if target.quantity == ERROR else f"a test loss of {goal}"
        return f"{measure} is reached after {_say_range(rows, TO_TARGET)} of simulated time"
    return " ".join(filter(None, (_say_score(rows, facts), _say_time(rows, facts))))


def _say_score(rows: Sequence[Row], facts: SweepFacts) -> str:
    measure = facts.measure
    if measure is None:
        return "" if facts.speed == SECONDS else f"{_say_range(rows, THROUGHPUT)} samples/s"
    score = _say_range(rows, measure)
    return f"{score} test error" if measure == ERROR else f"test loss {score}"


def _say_time(rows: Sequence[Row], facts: SweepFacts) -> str:
    if any(get_spread(row, SECONDS) is None for row in rows) or (facts.measure is None and facts.speed != SECONDS):
        return ""
    return f"{'' if facts.measure is None else 'after '}{_say_range(rows, SECONDS)} of simulated time"


def _say_range(rows: Sequence[Row], quantity: str) -> str:
    values = [float(row[quantity]) for row in rows]
    low, high = (format_quantity(quantity, end) for end in (min(values), max(values)))
    if low == high:
        return low
    number, _, unit = low.partition(NBSP)
    return f"{number if high.endswith(f'{NBSP}{unit}') else low} – {high}"


def _state_headline(verdict: SweepVerdict) -> str:
    facts, answers = verdict.facts, verdict.answers
    if not facts.has_results:
        return "No point has results."
    if not answers:
        learned = " and learned" if facts.measure is not None else ""
        return f"No setting finished{learned} at every seed, so none is best."
    if not facts.varying:
        return f"{capitalise(_say_over_seeds(answers[0].best, facts))}."
    if not facts.choices:
        rows = [answer.best for answer in answers]
        where = f"Over all values of {join_words([dial.name for dial in facts.world])}: " if facts.world else "It reaches "
        return f"{where}{' '.join(filter(None, (_say_score(rows, facts), _say_time(rows, facts))))}."
    if verdict.common is not None:
        rows = [place_in_world(verdict.common, answer, facts) for answer in answers]
        result = _say_result(rows, facts, at_target=all(answer.at_target for answer in answers))
        every = f" at every {join_words([dial.name for dial in facts.world])}" if len(answers) > 1 else ""
        return f"Use {say_setting(verdict.common, facts.choices)}{every}: {result}."
    return _state_by_world(verdict)


def _say_over_seeds(row: Row, facts: SweepFacts) -> str:
    """Return the numbers of the only setting, with their ranges over the seeds."""
    parts = []
    for quantity in (*([facts.measure] if facts.measure is not None else []), SECONDS):
        spread = get_spread(row, quantity)
        if spread is not None:
            around = spread.range(partial(format_quantity, quantity))
            seeds = spell_count(facts.repetitions, "seed")
            ends = f" ({around} over {seeds})" if around else ""
            parts.append(f"{NAMES[quantity]} {format_quantity(quantity, spread.mean)}{ends}")
    return ", ".join(parts)


def _state_by_world(verdict: SweepVerdict) -> str:
    """Name the best setting in each part of the world; parts with the same one stand together."""
    facts = verdict.facts
    groups: dict[str, list[Answer]] = {}
    for answer in verdict.answers:
        groups.setdefault(say_setting(answer.best, facts.choices), []).append(answer)
    parts = []
    for setting, answers in list(groups.items())[:_MOST_WORLDS]:
        at = list_some([say_world(answer.world, facts) for answer in answers], _MOST_NAMED)
        at_target = all(answer.at_target for answer in answers)
        result = _say_result([answer.best for answer in answers], facts, at_target=at_target)
        parts.append(f"at {at} use {setting} ({result})")
    more = f"; {spell_count(rest, 'more setting')} for the rest" if (rest := len(groups) - len(parts)) > 0 else ""
    names = join_words([dial.name for dial in facts.world])
    return f"Which setting is best depends on the {names}: {'; '.join(parts)}{more}."


def _explain_choice(verdict: SweepVerdict) -> list[str]:
    """Say why the setting is best, what is as good, and what is much sooner; in the first part of the world."""
    facts = verdict.facts
    if not verdict.answers or not facts.choices:
        return []
    answer = verdict.answers[0]
    best = answer.best if verdict.common is None else verdict.common
    where = f"At {say_world(answer.world, facts)}: " if len(verdict.answers) > 1 else ""
    sentences = [_compare_scores(best, answer, facts), _name_equals(best, answer, facts), _name_quick(best, answer, facts)]
    found = [sentence for sentence in sentences if sentence]
    return [f"{where}{found[0] if where else capitalise(found[0])}", *map(capitalise, found[1:])] if found else []


def _compare_scores(best: Row, answer: Answer, facts: SweepFacts) -> str:
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
        score = format_quantity(measure, following[measure])
        return f"no other setting is as good; the next has {score} ({say_setting(following, facts.choices)})."
    count = spell_count(others, "other setting has", "other settings have")
    lowest = format_quantity(measure, answer.lowest[measure])
    is_lowest = answer.lowest[measure] == best[measure]
    named = "" if is_lowest else f", lowest {lowest} with {say_setting(answer.lowest, facts.choices)}"
    quality = {SECONDS: "the soonest", THROUGHPUT: "the fastest"}.get(facts.speed, "the first at the target")
    return f"{count} a {NAMES[measure]} that is not clearly different{named}; this one is {quality} of them."


def _compare_reaches(best: Row, answer: Answer, rows: Sequence[Row], facts: SweepFacts) -> str:
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


def _compare_speeds(best: Row, rows: Sequence[Row], facts: SweepFacts) -> str:
    """Compare the best setting with the slowest where nothing is learned."""
    known = [row for row in rows if get_spread(row, facts.speed) is not None]
    if not known:
        return ""
    slowest = max(known, key=lambda row: row[SECONDS] if facts.speed == SECONDS else -row[THROUGHPUT])
    ratio = slowest[SECONDS] / best[SECONDS] if facts.speed == SECONDS else best[THROUGHPUT] / slowest[THROUGHPUT]
    return f"it is {format_factor(ratio)} as fast as the slowest ({say_setting(slowest, facts.choices)})."


def _list_others(best: Row, answer: Answer, facts: SweepFacts) -> list[Row]:
    """Return the other sound settings in the same part of the world."""
    rows = select(facts.sound, facts.name_world(answer.world))
    if facts.measure is not None:
        rows = rows.dropna(subset=[facts.measure])
    keys = [dial.key for dial in facts.choices]
    return [row for row in list_rows(rows) if any(row[key] != best[key] for key in keys)]


def _name_equals(best: Row, answer: Answer, facts: SweepFacts) -> str:
    keys = [dial.key for dial in facts.choices]
    equals = [row for row in (answer.best, *answer.also) if any(row[key] != best[key] for key in keys)]
    if not equals:
        return ""
    named = [say_setting(row, facts.choices) for row in equals]
    rest = len(named) - _MOST_NAMED
    more = f"; and {rest} more" if rest > 0 else ""
    return f"{'; '.join(named[:_MOST_NAMED])}{more} {'is' if len(equals) == 1 else 'are'} as good, as soon and as cheap."


def _name_quick(best: Row, answer: Answer, facts: SweepFacts) -> str:
    quick = answer.quick
    if quick is None or facts.measure is None:
        return ""
    ratio = format_factor(best[facts.speed] / quick[facts.speed])
    score, lower = (format_quantity(facts.measure, row[facts.measure]) for row in (quick, best))
    instead = f"a {NAMES[facts.measure]} of {score} instead of {lower}"
    return f"{say_setting(quick, facts.choices)} is {ratio} as fast ({format_duration(quick[facts.speed])}) at {instead}."


def _explain_means(verdict: SweepVerdict) -> list[str]:
    facts = verdict.facts
    if not verdict.answers:
        return []
    if facts.repetitions > 1:
        return [f"Numbers are means over {spell_count(facts.repetitions, 'seed')}."]
    return ["Each setting ran with one seed, so its spread is not known."] if facts.measure is not None else []


def _list_row(row: Row, facts: SweepFacts) -> dict[str, Any]:
    numbers = {}
    for quantity in (ERROR, LOSS, SECONDS, TO_TARGET, THROUGHPUT, STALENESS):
        spread = get_spread(row, quantity)
        numbers[quantity] = None if spread is None else {"mean": spread.mean, "low": spread.low, "high": spread.high}
    return {
        "world": {dial.key: dial.axis.read(row[dial.key]) for dial in facts.world},
        "setting": {dial.key: dial.axis.read(row[dial.key]) for dial in facts.choices},
        "seeds": int(row["points"]),
        **numbers,
    }
