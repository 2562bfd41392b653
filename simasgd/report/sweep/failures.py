"""Which settings of a sweep failed, hung, diverged or did not learn, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from simasgd.report.facts.formats import capitalise, list_some, spell_count
from simasgd.report.sweep.answer import Answer
from simasgd.report.sweep.sweep_facts import ERROR, LOSS, NAMES, SweepFacts, format_quantity, say_setting, say_world
from simasgd.results.outcome import Outcome

_MOST_NAMED = 3
_VERBS = {  # singular and plural
    Outcome.FAILED: ("failed", "failed"),
    Outcome.MISSING: ("has not run yet", "have not run yet"),
    Outcome.HUNG: ("hung", "hung"),
    Outcome.DIVERGED: ("diverged", "diverged"),
    Outcome.APPLIED_NOTHING: ("applied nothing", "applied nothing"),
    Outcome.FAILS: ("fails to learn", "fail to learn"),
}


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
