"""The headline of a sweep: what was covered, what went wrong, and which setting is best and which fastest."""

from __future__ import annotations

import pandas as pd

from simasgd.report.facts.words import capitalised, count, duration, few, joined, number
from simasgd.report.sweep.facts import ERROR, LOSS, NAMES, RATE, SECONDS, SweepFacts, form, short, varies
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


def sweep_verdict(facts: SweepFacts) -> str:
    """The sentences at the top of the page. Only settings of which every seed finished and learned are best by anything."""
    said = [_covered(facts), *_amiss(facts)]
    table = facts.settings(points=facts.sound)
    if table.empty:
        return " ".join([*said, "So none is best." if len(facts.done) else "No point was finished."])
    for quantity in facts.measures:
        if not table[quantity].isna().all():
            best = table.loc[table[quantity].idxmin()]
            after = "" if pd.isna(best[SECONDS]) else f", after {duration(best[SECONDS])} of simulated time"
            said.append(f"The lowest {NAMES[quantity]} is {form(quantity, best[quantity])}, {_where(best, facts)}{after}.")
    return " ".join(filter(None, (*said, _fastest(table, facts))))


def _fastest(table: pd.DataFrame, facts: SweepFacts) -> str:
    """The shortest time where all did the same work, the greatest rate where they did not or all took as long."""
    timed = table.dropna(subset=[SECONDS])
    if timed.empty:
        return ""
    if not varies(timed[SECONDS]) and not varies(timed[RATE]):
        return f"All take {duration(timed[SECONDS].max())} of simulated time."
    if not varies(timed[SECONDS]) or not facts.has_same_work:
        most = timed.loc[timed[RATE].idxmax()]
        return f"The most gradients per simulated second are {number(most[RATE])}, {_where(most, facts)}."
    first = timed.loc[timed[SECONDS].idxmin()]
    reached = next((f", with a {NAMES[q]} of {form(q, first[q])}" for q in facts.measures if not pd.isna(first[q])), "")
    longest = duration(timed[SECONDS].max())
    return (
        f"The shortest simulated time is {duration(first[SECONDS])}, {_where(first, facts)}{reached}; the longest is {longest}."
    )


def _where(row: pd.Series, facts: SweepFacts) -> str:
    at = ", ".join(f"{short(axis)} = {row[axis.key]}" for axis in facts.axes)
    under = f"under {row['variant']}" if row["variant"] else ""
    return " ".join(filter(None, (at and f"at {at}", under))) or "over all seeds"


def _covered(facts: SweepFacts) -> str:
    seeds = facts.sweep.points["seed"].nunique()
    parts = [f"{count(len(axis.values), 'value')} of {short(axis)}" for axis in facts.axes]
    if len(facts.variants) > 1:
        parts.append(count(len(facts.variants), "variant"))
    if seeds > 1:
        parts.append(count(seeds, "seed"))
    total = len(facts.sweep.points)
    return f"{total:,} {'point' if total == 1 else 'points'}: {joined(parts) or 'one seed'}."


def _amiss(facts: SweepFacts) -> list[str]:
    """A sentence for each outcome but the good one: how many points, where, and why or how badly."""
    points = facts.sweep.points
    return [_of_outcome(rows, outcome, facts) for outcome in _VERBS if len(rows := points[points["outcome"] == outcome])]


def _of_outcome(rows: pd.DataFrame, outcome: Outcome, facts: SweepFacts) -> str:
    many = capitalised(count(len(rows), _VERBS[outcome][0], _VERBS[outcome][1]))
    places = list(dict.fromkeys(_where(row, facts) for _, row in rows.iterrows()))
    where = (
        f" ({few([place.removeprefix('at ') for place in places], _MOST_NAMED)})" if facts.axes or any(rows["variant"]) else ""
    )
    why = _ranges(rows) if outcome is Outcome.FAILS else few(list(dict.fromkeys(filter(None, rows["reason"]))), 2)
    return f"{many}{where}{f': {why}' if why else ''}."


def _ranges(rows: pd.DataFrame) -> str:
    """`test error 89.4 % – 91.0 %, test loss 2.43 – 3,912`."""
    said = []
    for quantity in (ERROR, LOSS):
        known = rows[quantity].dropna()
        if not known.empty:
            ends = dict.fromkeys(form(quantity, float(end)) for end in (known.min(), known.max()))
            said.append(f"{NAMES[quantity]} {' – '.join(ends)}")
    return ", ".join(said)
