"""The verdict on a sweep: which setting to use, why, what failed, and what each axis does.

The page, the terminal and sweep.json have the same sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, final

from simasgd.report.facts.formats import (
    capitalise,
    join_words,
    spell_count,
    use_plain_spaces,
)
from simasgd.report.sweep.choice import describe_missed_target, describe_reached, explain_choice, say_range
from simasgd.report.sweep.facts.best_setting import BestSetting, find_answers, find_common, place_in_world
from simasgd.report.sweep.facts.sweep_facts import (
    ERROR,
    LOSS,
    NAMES,
    SECONDS,
    STALENESS,
    THROUGHPUT,
    TO_TARGET,
    SettingRow,
    SweepFacts,
    format_quantity,
    get_spread,
    say_setting,
    say_world,
    say_worlds,
)
from simasgd.report.sweep.findings import describe_effects, describe_mixed
from simasgd.report.sweep.losses import describe_failures
from simasgd.report.sweep.remarks import describe_edges, describe_twins

_MOST_GROUPS = 2


@final
@dataclass(frozen=True, eq=False)
class SweepVerdict:
    """The verdict on a sweep, in sentences and in numbers."""

    facts: SweepFacts
    answers: tuple[BestSetting, ...]

    @classmethod
    def of(cls, facts: SweepFacts) -> SweepVerdict:
        return cls(facts, tuple(find_answers(facts)))

    @cached_property
    def common(self) -> SettingRow | None:
        """The setting that is best, or as good, in all of the world; None if it depends on the world."""
        return find_common(self.answers, self.facts)

    @cached_property
    def anchor(self) -> SettingRow | None:
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
        """The sentences after the first: why, what else would do, who reaches the target, and what failed."""
        return [
            *describe_missed_target(self.answers, self.facts),
            *_explain_first(self),
            *describe_edges([one for row, answer in self.pairs() for one in (row, answer.best, *answer.also)], self.facts),
            *describe_mixed(self.facts),
            *describe_failures(self.facts),
            *_say_who_reaches(self),
            *describe_twins(self.facts),
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

    def pairs(self) -> list[tuple[SettingRow, BestSetting]]:
        """Return the recommended setting for each part of the world, with its answer."""
        return [(answer.best if self.common is None else self.common, answer) for answer in self.answers]


def _say_result(rows: Sequence[SettingRow], facts: SweepFacts, *, at_target: bool) -> str:
    """Return the numbers of settings: `4.2 % test error after 1.61 s`, or what they reach of a target that decides."""
    target = facts.sweep.target
    if at_target and target is not None:
        goal = format_quantity(target.quantity, target.value)
        measure = f"{goal} test error" if target.quantity == ERROR else f"a test loss of {goal}"
        return f"{measure} is reached after {say_range(rows, TO_TARGET)} of simulated time"
    return " ".join(filter(None, (_say_score(rows, facts), _say_time(rows, facts))))


def _say_score(rows: Sequence[SettingRow], facts: SweepFacts) -> str:
    measure = facts.measure
    if measure is None:
        return "" if facts.speed == SECONDS else f"{say_range(rows, THROUGHPUT)} samples/s"
    score = say_range(rows, measure)
    return f"{score} test error" if measure == ERROR else f"test loss {score}"


def _say_time(rows: Sequence[SettingRow], facts: SweepFacts) -> str:
    if any(get_spread(row, SECONDS) is None for row in rows) or (facts.measure is None and facts.speed != SECONDS):
        return ""
    return f"{'' if facts.measure is None else 'after '}{say_range(rows, SECONDS)} of simulated time"


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


def _say_over_seeds(row: SettingRow, facts: SweepFacts) -> str:
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
    """Name the best setting in each part of the world, in at most two sentences; parts with the same one stand together."""
    facts = verdict.facts
    groups: dict[str, list[BestSetting]] = {}
    for answer in verdict.answers:
        groups.setdefault(say_setting(answer.best, facts.choices), []).append(answer)
    if len(groups) > _MOST_GROUPS:
        setting, answers = max(groups.items(), key=lambda item: len(item[1]))
        names = join_words([dial.name for dial in facts.world])
        return (
            f"Which setting is best depends on the {names}. The most often best is {setting}: at "
            f"{say_worlds([one.world for one in answers], facts)}."
        )
    return " ".join(_state_part(setting, answers, facts) for setting, answers in groups.items())


def _state_part(setting: str, answers: Sequence[BestSetting], facts: SweepFacts) -> str:
    at = say_worlds([answer.world for answer in answers], facts)
    at_target = all(answer.at_target for answer in answers)
    return f"At {at} use {setting}: {_say_result([answer.best for answer in answers], facts, at_target=at_target)}."


def _explain_first(verdict: SweepVerdict) -> list[str]:
    """Say why the setting is best, in the first part of the world, and what else may be worth it."""
    if not verdict.answers or not verdict.facts.choices:
        return []
    answer = verdict.answers[0]
    found = explain_choice(answer.best if verdict.common is None else verdict.common, answer, verdict.facts)
    if not found or len(verdict.answers) == 1:
        return [capitalise(sentence) for sentence in found]
    return [f"At {say_world(answer.world, verdict.facts)}: {found[0]}", *map(capitalise, found[1:])]


def _say_who_reaches(verdict: SweepVerdict) -> list[str]:
    """Say which settings reach the target in the first part of the world, and when the setting to use does."""
    if not verdict.answers or not verdict.facts.choices:
        return []
    answer = verdict.answers[0]
    found = describe_reached(answer.best if verdict.common is None else verdict.common, answer, verdict.facts)
    where = f"at {say_world(answer.world, verdict.facts)}: " if len(verdict.answers) > 1 else ""
    return [capitalise(f"{where}{found}")] if found else []


def _explain_means(verdict: SweepVerdict) -> list[str]:
    facts = verdict.facts
    if not verdict.answers:
        return []
    if facts.repetitions > 1:
        return [f"Numbers are means over {spell_count(facts.repetitions, 'seed')}."]
    return ["Each setting ran with one seed, so its spread is not known."] if facts.measure is not None else []


def _list_row(row: SettingRow, facts: SweepFacts) -> dict[str, Any]:
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
