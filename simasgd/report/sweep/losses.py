"""Which settings of a sweep fail, in sentences: how many, where on the axes, and the likely cause."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from simasgd.report.facts.formats import capitalise, format_epochs, format_number, join_words, list_some, spell_count
from simasgd.report.sweep.choice import say_range
from simasgd.report.sweep.facts.causes import find_cause
from simasgd.report.sweep.facts.lost import NOT_LEARNED
from simasgd.report.sweep.facts.patterns import Pattern, find_patterns
from simasgd.report.sweep.facts.sweep_facts import (
    ERROR,
    LOSS,
    NAMES,
    SweepFacts,
    format_quantity,
    list_rows,
    say_setting,
)
from simasgd.results.outcome import CHANCE, Outcome

_MOST_NAMED = 3
_KINDS: tuple[tuple[tuple[Outcome, ...], str], ...] = (
    ((Outcome.FAILED,), "failed"),
    ((Outcome.MISSING,), "have not run yet"),
    ((Outcome.HUNG,), "hung"),
    ((Outcome.APPLIED_NOTHING,), "applied nothing"),
    (NOT_LEARNED, "did not learn"),
)
"""The outcomes that a sentence is about, with its verb."""


def describe_failures(facts: SweepFacts) -> list[str]:
    """Return a sentence for each kind of bad outcome: how many settings, where and why; and the likely cause."""
    sentences = []
    for outcomes, verb in _KINDS:
        lost = facts.settings["gravest"].isin([str(outcome) for outcome in outcomes])
        if lost.any():
            sentences.append(_describe_kind(lost, outcomes, f"{verb}{_say_end(outcomes, facts)}", facts))
    return [*sentences, *_describe_cause(facts)]


def _say_end(outcomes: Sequence[Outcome], facts: SweepFacts) -> str:
    """Return in how many epochs settings did not learn, where all points have as many: with more they might."""
    epochs = {one.stop.epochs for one in facts.sweep.scenario.by_variant.values()}
    (only,) = epochs if len(epochs) == 1 else (None,)
    is_swept = any(key.startswith("stop.") for dial in facts.dials for key in dial.axis.keys)
    return "" if Outcome.FAILS not in outcomes or only is None or is_swept else f" in {format_epochs(only)}"


def _describe_kind(lost: pd.Series, outcomes: Sequence[Outcome], verb: str, facts: SweepFacts) -> str:
    total = len(facts.settings)
    points = _list_points(facts, facts.settings[lost], outcomes)
    seeds = ""
    if len(points) < int(facts.settings[lost]["points"].sum()):
        seeds = ", at one seed or more" if int(lost.sum()) > 1 else f" at {len(points)} of {facts.repetitions} seeds"
    if int(lost.sum()) == 1:
        verb = verb.replace("have", "has")
    count = f"{capitalise(spell_count(int(lost.sum()), 'setting'))} of {total} {verb}{seeds}"
    if bool(lost.all()):
        count = f"All {total} settings {verb}{seeds}" if total > 1 else f"It {verb}{seeds}"
    why = _describe_why(points, outcomes)
    places = _find_places(lost, outcomes, facts)
    aside, after = (why, places) if Outcome.FAILS in outcomes else (places, why)
    return f"{count}{f' ({aside})' if aside else ''}{f': {after}' if after else ''}."


def _list_points(facts: SweepFacts, settings: pd.DataFrame, outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """Return the points of these settings that have these outcomes."""
    keys = [dial.key for dial in facts.dials]
    points = facts.points[facts.points["outcome"].isin([str(outcome) for outcome in outcomes])]
    return points.merge(settings[keys], on=keys) if keys else points


def _find_places(lost: pd.Series, outcomes: Sequence[Outcome], facts: SweepFacts) -> str:
    """Return where the lost settings are, as patterns and then one by one; "" if the axes tell nothing."""
    if not facts.varying or bool(lost.all()):
        return ""
    has_run = facts.settings["gravest"] != str(Outcome.MISSING)
    counted = facts.settings if Outcome.MISSING in outcomes else facts.settings[has_run]
    chosen = lost[counted.index].to_numpy(dtype=bool)
    patterns, left = find_patterns(counted, chosen, facts.varying)
    single = [say_setting(row, facts.varying) for row in list_rows(counted[left])]
    if patterns and len(single) > 2:
        single = [spell_count(len(single), "other")]
    described = sum(pattern.found for pattern in patterns) + int(left.sum())
    overlap = " (these groups overlap)" if described > int(chosen.sum()) else ""
    named = single if len(single) <= _MOST_NAMED else [*single[:_MOST_NAMED], f"{len(single) - _MOST_NAMED} more"]
    return f"{'; '.join([*map(_say_pattern, patterns), *named])}{overlap}"


def _say_pattern(pattern: Pattern) -> str:
    if pattern.found == pattern.total:
        return f"all {pattern.total} with {pattern.words}"
    return f"{pattern.found} of the {pattern.total} with {pattern.words}"


def _describe_why(points: pd.DataFrame, outcomes: Sequence[Outcome]) -> str:
    """Return how the points ended: their reasons, or of those that did not learn how many diverged and the others' scores."""
    if Outcome.FAILS not in outcomes:
        reasons = points["error" if Outcome.FAILED in outcomes else "reason"]
        return "" if Outcome.MISSING in outcomes else list_some(list(dict.fromkeys(filter(None, reasons))), 2)
    diverged = points["outcome"] == str(Outcome.DIVERGED)
    parts = [f"{'all' if diverged.all() else int(diverged.sum())} diverged"] if diverged.any() else []
    ranges = _describe_ranges(points[~diverged])
    return join_words([*parts, *([ranges] if ranges else [])])


def _describe_ranges(rows: pd.DataFrame) -> str:
    """Return, for example, `test error 89.4 – 91.0 %`; the test loss where there is no error."""
    for quantity in (ERROR, LOSS):
        known = rows[quantity].dropna()
        if not known.empty:
            return f"{NAMES[quantity]} {say_range([{quantity: end} for end in (known.min(), known.max())], quantity)}"
    return ""


def _describe_cause(facts: SweepFacts) -> list[str]:
    """Return the likely cause of not learning, where learning rate × staleness tells it."""
    settings = facts.settings
    lost = list_rows(settings[settings["gravest"].isin([str(outcome) for outcome in NOT_LEARNED])])
    cause = find_cause(lost, list_rows(facts.sound), facts)
    if cause is None:
        return []
    bound, under = format_number(cause.bound), format_number(cause.under)
    learned = cause.below - cause.lost_below
    below = f"all {cause.below}" if learned == cause.below else f"{learned} of the {cause.below}"
    above = f"all {cause.above}" if cause.lost_above == cause.above else f"{cause.lost_above} of the {cause.above}"
    gap = f"up to {under}, {below} learned. No setting lies between" if under != bound else f"below it, {below} learned"
    return [
        f"Likely learning rate × mean staleness is too high there: from {bound} on, {above} settings failed to learn; {gap}."
    ]


def describe_limit(facts: SweepFacts) -> str:
    """Return from which test error a setting counts as not having learned; "" where none is judged so."""
    limit = facts.learning_limit
    if limit is None or not (facts.points["outcome"] == str(Outcome.FAILS)).any():
        return ""
    at = f"A run did not learn if its test error is {format_quantity(ERROR, limit)} or more"
    guessing = format_quantity(ERROR, facts.guessing)
    if limit < CHANCE * facts.guessing:
        best = format_quantity(ERROR, 2.0 * limit - facts.guessing)
        return f"{at}: the middle between the best, {best}, and guessing, {guessing}."
    return f"{at}: 80\u00a0% of that of guessing, {guessing}."
