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
from simasgd.report.sweep.choice import describe_missed_target, describe_reached, explain_choice
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
_MOST_PARTS = 3
"""The most parts of the world that sentences go into."""


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
            *_explain_parts(self),
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


def _say_results(rows: Sequence[SettingRow], answers: Sequence[BestSetting], facts: SweepFacts) -> str:
    """Return the numbers of a setting: at each of a few parts of the world, or at the best and the worst of many."""
    at_target = all(answer.at_target for answer in answers)
    if len(answers) == 1:
        has_time = at_target or bool(_say_time(rows[0], facts))
        return f"{_say_result(rows[0], facts, at_target=at_target)}{' of simulated time' if has_time else ''}"
    found = list(zip(rows, answers, strict=True))
    if len(found) > _MOST_PARTS:
        first = TO_TARGET if at_target else facts.speed if facts.measure is None else facts.measure
        in_order = sorted(found, key=lambda pair: float(pair[0][first]))
        told = [f"{_say_result(row, facts, at_target=at_target)} at {say_world(one.world, facts)}" for row, one in in_order]
        return f"from {told[0]} to {told[-1]}"
    return ", ".join(f"{_say_result(row, facts, at_target=at_target)} at {say_world(one.world, facts)}" for row, one in found)


def _say_result(row: SettingRow, facts: SweepFacts, *, at_target: bool) -> str:
    """Return the numbers of a setting: `4.2 % test error after 1.61 s`, or what it reaches of a target that decides."""
    target = facts.sweep.target
    if at_target and target is not None:
        goal = format_quantity(target.quantity, target.value)
        measure = f"{goal} test error" if target.quantity == ERROR else f"a test loss of {goal}"
        return f"{measure} is reached after {format_quantity(TO_TARGET, row[TO_TARGET])}"
    return " ".join(filter(None, (_say_score(row, facts), _say_time(row, facts))))


def _say_score(row: SettingRow, facts: SweepFacts) -> str:
    measure = facts.measure
    if measure is None:
        return "" if facts.speed == SECONDS else f"{format_quantity(THROUGHPUT, row[THROUGHPUT])} samples/s"
    score = format_quantity(measure, row[measure])
    return f"{score} test error" if measure == ERROR else f"test loss {score}"


def _say_time(row: SettingRow, facts: SweepFacts) -> str:
    if get_spread(row, SECONDS) is None or (facts.measure is None and facts.speed != SECONDS):
        return ""
    return f"{'' if facts.measure is None else 'after '}{format_quantity(SECONDS, row[SECONDS])}"


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
        return f"{capitalise(_say_results([answer.best for answer in answers], answers, facts))}."
    if verdict.common is not None:
        rows = [place_in_world(verdict.common, answer, facts) for answer in answers]
        result = _say_results(rows, answers, facts)
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
    return f"At {at} use {setting}: {_say_results([answer.best for answer in answers], answers, facts)}."


def _explain_parts(verdict: SweepVerdict) -> list[str]:
    """Say why the setting is best, and what else may be worth it: of several parts of the world in a text for each."""
    facts = verdict.facts
    if not facts.choices:
        return []
    pairs = [(place_in_world(row, answer, facts), answer) for row, answer in verdict.pairs()]
    found = [(answer.world, explain_choice(row, answer, facts)) for row, answer in pairs]
    if len(found) == 1:
        return [capitalise(sentence) for sentence in found[0][1]]
    told = [
        f"At {say_world(world, facts)}: {' '.join([sentences[0], *map(capitalise, sentences[1:])])}"
        for world, sentences in found[:_MOST_PARTS]
        if sentences
    ]
    left = len(found) - _MOST_PARTS
    more = f"The table of the best settings has the other {left} values of {join_words([dial.name for dial in facts.world])}."
    return [*told, *([more] if told and left > 0 else [])]


def _say_who_reaches(verdict: SweepVerdict) -> list[str]:
    """Say which settings reach the target, and when the setting to use does."""
    facts = verdict.facts
    if not facts.choices:
        return []
    several = len(verdict.answers) > 1
    pairs = [(place_in_world(row, answer, facts), answer) for row, answer in verdict.pairs()[:_MOST_PARTS]]
    found = [(answer.world, describe_reached(row, answer, facts)) for row, answer in pairs]
    return [capitalise(f"at {say_world(world, facts)}: {told}" if several else told) for world, told in found if told]


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
