"""The settings of a sweep that are worth naming, and how panels and figures name settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from simasgd.report.facts.formats import capitalise
from simasgd.report.sweep.facts.best_setting import BestSetting, place_in_world
from simasgd.report.sweep.facts.sweep_facts import (
    ERROR,
    LOSS,
    SECONDS,
    STALENESS,
    THROUGHPUT,
    TO_TARGET,
    SettingRow,
    SweepFacts,
)
from simasgd.report.sweep.verdict import SweepVerdict

TITLES = {
    ERROR: "Test error",
    LOSS: "Test loss",
    TO_TARGET: "Time to the target",
    SECONDS: "Simulated time",
    THROUGHPUT: "Throughput",
    STALENESS: "Staleness",
}
"""The titles of sections and panels."""
AXIS_TITLES = {
    ERROR: "test error",
    LOSS: "test loss",
    TO_TARGET: "time to the target ({})",
    SECONDS: "simulated time ({})",
    THROUGHPUT: "samples/s, simulated",
    STALENESS: "mean staleness (updates)",
}
"""The titles of vertical axes; the unit of a time is filled in."""


MOST_OF_FRONT = 8
"""The most settings of a front that the table of the best settings lists."""


class NamedSetting(NamedTuple):
    """A setting worth naming, and what it is worth naming for."""

    row: SettingRow
    roles: tuple[str, ...]

    @property
    def is_best(self) -> bool:
        """Whether it is a setting to use."""
        return USE in self.roles

    @property
    def title(self) -> str:
        """Its roles in words."""
        return ", ".join(self.roles)


USE, AS_GOOD, SOONER, LOWER = "use this", "as good", "sooner", "later, lower error"
"""Roles of settings; those sooner, and those with a lower error, are on the front."""


def name_settings(verdict: SweepVerdict) -> list[NamedSetting]:
    """Return the settings worth naming in each part of the world: the best one, and those on the front, the soonest first."""
    return [named for row, answer in verdict.pairs() for named in _name_part(row, answer, verdict.facts)]


def _name_part(row: SettingRow, answer: BestSetting, facts: SweepFacts) -> list[NamedSetting]:
    best = place_in_world(row, answer, facts)
    front = thin_front(answer)
    chosen = [best, *answer.also[:2], *front]
    if facts.measure is not None:
        chosen += [answer.lowest, *([answer.cheapest] if answer.at_target and answer.cheapest is not None else [])]
    found: dict[tuple[str, ...], tuple[SettingRow, list[str]]] = {}
    for one in chosen:
        found.setdefault(tuple(one[dial.key] for dial in facts.varying), (one, []))
    named = [NamedSetting(one, tuple(_list_roles(one, best, front, answer, facts))) for one, _ in found.values()]
    return [one for one in named if one.roles]


def _list_roles(
    row: SettingRow, best: SettingRow, front: Sequence[SettingRow], answer: BestSetting, facts: SweepFacts
) -> Iterator[str]:
    def is_same(other: SettingRow | None) -> bool:
        return other is not None and all(row[dial.key] == other[dial.key] for dial in facts.varying)

    if is_same(best):
        yield USE
    elif any(map(is_same, (answer.best, *answer.also))):
        yield AS_GOOD
    if facts.measure is None:
        return
    if is_same(answer.lowest):
        yield f"lowest {'error' if facts.measure == ERROR else 'loss'}"
    if is_same(answer.compromise):
        yield "best compromise"
    if answer.at_target and is_same(answer.cheapest):
        yield "cheapest to the target"
    if front and is_same(front[0]):
        yield "soonest"
    elif any(map(is_same, front)) and not is_same(best) and not is_same(answer.lowest):
        yield SOONER if row[SECONDS] < best[SECONDS] else LOWER


def thin_front(answer: BestSetting) -> tuple[SettingRow, ...]:
    """Return at most MOST_OF_FRONT settings of a front, evenly; the ends and the best compromise are among them."""
    front = answer.front
    if len(front) <= MOST_OF_FRONT:
        return front
    step = (len(front) - 1) / (MOST_OF_FRONT - 2)
    kept = {round(i * step) for i in range(MOST_OF_FRONT - 1)}
    return tuple(row for i, row in enumerate(front) if i in kept or row is answer.compromise)


def title_panel(values: Mapping[str, str], facts: SweepFacts) -> str:
    """Return the title of a panel, with a capital letter unless it begins with a name; "" if it has all settings."""
    first = next((dial for dial in facts.varying if dial.key in values), None)
    words = say_panel(values, facts)
    return words if first is not None and first.is_named_by_values else capitalise(words)


def say_panel(values: Mapping[str, str], facts: SweepFacts) -> str:
    """Return the values of a panel's axes in words: `8 learners, latency 1 ms`."""
    return ", ".join(dial.say(values[dial.key]) for dial in facts.varying if dial.key in values)
