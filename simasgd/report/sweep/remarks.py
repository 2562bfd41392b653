"""Sentences on how far the axes of a sweep reach, and on settings that are the same under two names."""

from __future__ import annotations

import math
from collections.abc import Sequence

from simasgd.report.facts.formats import capitalise, join_words, spell_count
from simasgd.report.sweep.facts.dials import Dial
from simasgd.report.sweep.facts.sweep_facts import SettingRow, SweepFacts, say_values
from simasgd.report.sweep.facts.twins import find_twins

_LEAST = {"cluster.learners": 1.0, "workload.mini_batch": 1.0}
"""The least values of axes, below which there is nothing; others are 0 at least."""


def describe_edges(rows: Sequence[SettingRow], facts: SweepFacts) -> list[str]:
    """Say at which ends of the axes all these settings are: those to use in each part of the world, and their equals."""
    ends = [end for dial in facts.choices if (end := _name_end(dial, [row[dial.key] for row in rows]))]
    if not rows or not ends:
        return []
    return [f"The setting to use is at the edge of the axes, at {join_words(ends)}: values beyond may be better."]


def _name_end(dial: Dial, values: Sequence[str]) -> str:
    """Return `the lowest learning rate` if all these values are at that end of an axis, beyond which there are values."""
    numbers = dial.axis.numbers
    if numbers is None or len(dial.axis.keys) > 1:
        return ""
    place = dict(zip(dial.axis.values, numbers, strict=True))
    found = {place[value] for value in values}
    is_learners = dial.key == "cluster.learners"
    if found == {max(numbers)}:
        most = "the most learners" if is_learners else f"the highest {dial.name}"
        return most if math.isfinite(max(numbers)) else ""
    if found == {min(numbers)} and min(numbers) > _LEAST.get(dial.key, 0.0):
        return "the fewest learners" if is_learners else f"the lowest {dial.name}"
    return ""


def describe_twins(facts: SweepFacts) -> list[str]:
    """Say which settings agree in all their numbers, so that counts of settings have them twice."""
    groups = find_twins(facts)
    if not groups:
        return []
    differing = {_list_differing(group, facts) for group in groups}
    (names, *others) = differing
    if others or len(names) != 1:
        count = sum(map(len, groups))
        return [f"{capitalise(spell_count(count, 'setting'))} have exactly the numbers of another one; counts include each."]
    ((key, values),) = names
    rows = [row for group in groups for row in group]
    shared = [dial for dial in facts.varying if dial.key != key and len({row[dial.key] for row in rows}) == 1]
    dial = next(dial for dial in facts.varying if dial.key == key)
    where = f"At {', '.join(one.say(rows[0][one.key]) for one in shared)}, " if shared else ""
    kind = "pair" if len(values) == 2 else "group"
    found = spell_count(len(groups), f"{kind} of settings", f"{kind}s of settings")
    return [capitalise(f"{where}{say_values(dial, values)} give exactly the same numbers in {found}; counts include each.")]


def _list_differing(group: Sequence[SettingRow], facts: SweepFacts) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the axes in which settings differ, each with their values there."""
    found = ((dial.key, tuple(dict.fromkeys(row[dial.key] for row in group))) for dial in facts.varying)
    return tuple((key, values) for key, values in found if len(values) > 1)
