"""The headline of a sweep: what was covered, what went wrong, and which setting is best and which fastest."""

from __future__ import annotations

import pandas as pd

from simasgd.report.facts.formats import capitalise, format_duration, format_number, join_words, list_some, spell_count
from simasgd.report.sweep.sweep_facts import ERROR, LOSS, NAMES, RATE, SECONDS, SweepFacts, format_quantity, shorten_key, varies
from simasgd.results.outcome import Outcome

_MOST_NAMED = 3
_VERBS = {  # of one, and of several
    Outcome.FAILED: ("failed", "failed"),
    Outcome.MISSING: ("is not run yet", "are not run yet"),
    Outcome.HUNG: ("hung", "hung"),
    Outcome.DIVERGED: ("diverged", "diverged"),
    Outcome.APPLIED_NOTHING: ("applied nothing", "applied nothing"),
    Outcome.FAILS: ("fails to learn", "fail to learn"),
}


def state_sweep_verdict(facts: SweepFacts) -> str:
    """The sentences at the top of the page. Only settings of which every seed finished and learned are best by anything."""
    said = [_describe_points(facts), *_describe_failures(facts)]
    table = facts.settings(points=facts.sound)
    if table.empty:
        return " ".join([*said, "So none is best." if len(facts.done) else "No point was finished."])
    for quantity in facts.measures:
        if not table[quantity].isna().all():
            best = table.loc[table[quantity].idxmin()]
            after = "" if pd.isna(best[SECONDS]) else f", after {format_duration(best[SECONDS])} of simulated time"
            said.append(
                f"The lowest {NAMES[quantity]} is {format_quantity(quantity, best[quantity])}, {_locate(best, facts)}{after}."
            )
    return " ".join(filter(None, (*said, _describe_fastest(table, facts))))


def _describe_fastest(table: pd.DataFrame, facts: SweepFacts) -> str:
    """The shortest time where all did the same work, the greatest rate where they did not or all took as long."""
    timed = table.dropna(subset=[SECONDS])
    if timed.empty:
        return ""
    if not varies(timed[SECONDS]) and not varies(timed[RATE]):
        return _describe_equal_times(facts.sound[SECONDS])
    if not varies(timed[SECONDS]) or not facts.has_same_work:
        most = timed.loc[timed[RATE].idxmax()]
        return f"The most gradients per simulated second are {format_number(most[RATE])}, {_locate(most, facts)}."
    first = timed.loc[timed[SECONDS].idxmin()]
    reached = next(
        (f", with a {NAMES[q]} of {format_quantity(q, first[q])}" for q in facts.measures if not pd.isna(first[q])), ""
    )
    least, greatest = format_duration(first[SECONDS]), format_duration(timed[SECONDS].max())
    return f"The shortest simulated time is {least}, {_locate(first, facts)}{reached}; the longest is {greatest}."


def _describe_equal_times(seconds: pd.Series) -> str:
    """State the time of settings that take as long on average; their seeds may still differ."""
    least, greatest = format_duration(seconds.min()), format_duration(seconds.max())
    if least == greatest:
        return f"All take {least} of simulated time."
    return f"The points take {least} to {greatest} of simulated time, {format_duration(seconds.mean())} on average."


def _locate(row: pd.Series, facts: SweepFacts) -> str:
    at = ", ".join(f"{shorten_key(axis)} = {row[axis.key]}" for axis in facts.axes)
    under = f"under {row['variant']}" if row["variant"] else ""
    return " ".join(filter(None, (at and f"at {at}", under))) or "over all seeds"


def _describe_points(facts: SweepFacts) -> str:
    seeds = facts.sweep.points["seed"].nunique()
    parts = [f"{spell_count(len(axis.values), 'value')} of {shorten_key(axis)}" for axis in facts.axes]
    if len(facts.variants) > 1:
        parts.append(spell_count(len(facts.variants), "variant"))
    if seeds > 1:
        parts.append(spell_count(seeds, "seed"))
    total = len(facts.sweep.points)
    return f"{total:,} {'point' if total == 1 else 'points'}: {join_words(parts) or 'one seed'}."


def _describe_failures(facts: SweepFacts) -> list[str]:
    """A sentence for each outcome but the good one: how many points, where, and why or how badly."""
    points = facts.sweep.points
    return [_describe_outcome(rows, outcome, facts) for outcome in _VERBS if len(rows := points[points["outcome"] == outcome])]


def _describe_outcome(rows: pd.DataFrame, outcome: Outcome, facts: SweepFacts) -> str:
    many = capitalise(spell_count(len(rows), _VERBS[outcome][0], _VERBS[outcome][1]))
    places = list(dict.fromkeys(_locate(row, facts) for _, row in rows.iterrows()))
    where = (
        f" ({list_some([place.removeprefix('at ') for place in places], _MOST_NAMED)})"
        if facts.axes or any(rows["variant"])
        else ""
    )
    why = (
        _describe_ranges(rows) if outcome is Outcome.FAILS else list_some(list(dict.fromkeys(filter(None, rows["reason"]))), 2)
    )
    return f"{many}{where}{f': {why}' if why else ''}."


def _describe_ranges(rows: pd.DataFrame) -> str:
    """`test error 89.4 % – 91.0 %, test loss 2.43 – 3,912`."""
    said = []
    for quantity in (ERROR, LOSS):
        known = rows[quantity].dropna()
        if not known.empty:
            ends = dict.fromkeys(format_quantity(quantity, float(end)) for end in (known.min(), known.max()))
            said.append(f"{NAMES[quantity]} {' – '.join(ends)}")
    return ", ".join(said)
