"""The headline of a sweep: its points, the failures, and the best and the fastest setting."""

from __future__ import annotations

import pandas as pd

from simasgd.report.facts.formats import capitalise, format_duration, format_number, join_words, list_some, spell_count
from simasgd.report.sweep.sweep_facts import ERROR, LOSS, NAMES, RATE, SECONDS, SweepFacts, format_quantity, shorten_key, varies
from simasgd.results.outcome import Outcome

_MAX_NAMED = 3
_VERBS = {  # singular and plural
    Outcome.FAILED: ("failed", "failed"),
    Outcome.MISSING: ("has not run yet", "have not run yet"),
    Outcome.HUNG: ("hung", "hung"),
    Outcome.DIVERGED: ("diverged", "diverged"),
    Outcome.APPLIED_NOTHING: ("applied nothing", "applied nothing"),
    Outcome.FAILS: ("fails to learn", "fail to learn"),
}


def state_sweep_verdict(facts: SweepFacts) -> str:
    """Return the sentences at the top of the page.

    A setting can be best only if it finished and learned at every seed.
    """
    sentences = [_describe_points(facts), *_describe_failures(facts)]
    table = facts.settings(points=facts.sound)
    if table.empty:
        return " ".join([*sentences, "So no setting is best." if len(facts.done) else "No point was finished."])
    for quantity in facts.measures:
        if not table[quantity].isna().all():
            best = table.loc[table[quantity].idxmin()]
            after = "" if pd.isna(best[SECONDS]) else f", after {format_duration(best[SECONDS])} of simulated time"
            sentences.append(
                f"The lowest {NAMES[quantity]} is {format_quantity(quantity, best[quantity])}, {_locate(best, facts)}{after}."
            )
    return " ".join(filter(None, (*sentences, _describe_fastest(table, facts))))


def _describe_fastest(table: pd.DataFrame, facts: SweepFacts) -> str:
    """Return the shortest time if all settings did the same work, otherwise the highest rate.

    If all settings took equally long, their rates are compared.
    """
    timed = table.dropna(subset=[SECONDS])
    if timed.empty:
        return ""
    if not varies(timed[SECONDS]) and not varies(timed[RATE]):
        return _describe_equal_times(facts.sound[SECONDS])
    if not varies(timed[SECONDS]) or not facts.has_same_work:
        most = timed.loc[timed[RATE].idxmax()]
        return f"The highest rate is {format_number(most[RATE])} gradients per simulated second, {_locate(most, facts)}."
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
    """Return a sentence for each bad outcome: how many points, where and why."""
    points = facts.sweep.points
    return [_describe_outcome(rows, outcome, facts) for outcome in _VERBS if len(rows := points[points["outcome"] == outcome])]


def _describe_outcome(rows: pd.DataFrame, outcome: Outcome, facts: SweepFacts) -> str:
    count = capitalise(spell_count(len(rows), _VERBS[outcome][0], _VERBS[outcome][1]))
    places = list(dict.fromkeys(_locate(row, facts) for _, row in rows.iterrows()))
    has_places = bool(facts.axes) or any(rows["variant"])
    where = f" ({list_some([place.removeprefix('at ') for place in places], _MAX_NAMED)})" if has_places else ""
    reasons = list(dict.fromkeys(filter(None, rows["reason"])))
    why = _describe_ranges(rows) if outcome is Outcome.FAILS else list_some(reasons, 2)
    return f"{count}{where}{f': {why}' if why else ''}."


def _describe_ranges(rows: pd.DataFrame) -> str:
    """Return, for example, `test error 89.4 % – 91.0 %, test loss 2.43 – 3,912`."""
    ranges = []
    for quantity in (ERROR, LOSS):
        known = rows[quantity].dropna()
        if not known.empty:
            ends = dict.fromkeys(format_quantity(quantity, float(end)) for end in (known.min(), known.max()))
            ranges.append(f"{NAMES[quantity]} {' – '.join(ends)}")
    return ", ".join(ranges)
