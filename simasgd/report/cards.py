"""The cards of a report: its results in large type."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from simasgd.report.comparison.comparison import MetricComparison
from simasgd.report.comparison.contenders import TIME_TO_TARGET, Contender
from simasgd.report.drawing.page_parts import Card, KeyFigure
from simasgd.report.drawing.palette import NUM_SERIES
from simasgd.report.drawing.svg import choose_series_marker
from simasgd.report.facts.formats import (
    FREE,
    choose_learner_time_unit,
    format_bytes,
    format_duration,
    format_factor,
    format_number,
)
from simasgd.report.facts.metric import DISTANCE, ERROR, LOSS
from simasgd.report.facts.spread import Spread
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.sections.faults import describe_last_update
from simasgd.report.sections.scores import describe_divergence
from simasgd.report.verdict.reasons import word_outcome
from simasgd.report.verdict.ties import find_dominated
from simasgd.report.verdict.winner import find_winner
from simasgd.results.outcome import Outcome

_AT_EVERY_SEED = "at every seed"


def build_cards(variants: Sequence[VariantFacts], compared: Sequence[MetricComparison]) -> list[Card]:
    """Build one card for each variant, or for a single variant one card for each number.

    A card leads with what decides: the score, the time, and the time to the target.
    """
    if len(variants) == 1:
        return [Card("", "", [figure]) for figure in _show_single(variants[0])]
    marks = _mark_best(variants)
    reaches = {
        contender.name: _show_reach(contender, comparison)
        for comparison in compared
        if comparison.target is not None
        for contender in comparison.contenders
    }
    return [
        _build_card(variants, i, reaches.get(variant.name), marks.get(variant.name, "")) for i, variant in enumerate(variants)
    ]


def _mark_best(variants: Sequence[VariantFacts]) -> dict[str, str]:
    """Return the marks of the best variants; none if all are best."""
    groups = [(group, find_winner(group).names) for group in _group_by_metric(variants) if len(group) > 1]
    if sum(len(names) for _, names in groups) == len(variants):
        return {}
    marks = {name: "best" if len(names) == 1 else "ties as best" for _, names in groups for name in names}
    for group, names in groups:
        dominated = find_dominated([variant for variant in group if variant.name in names])
        marks |= dict.fromkeys(dominated, "ties, but dominated")
    return marks


def _group_by_metric(variants: Sequence[VariantFacts]) -> list[list[VariantFacts]]:
    learning = [variant for variant in variants if variant.classes is not None]
    return [[variant for variant in learning if variant.metric is metric] for metric in (ERROR, LOSS)]


def _build_card(variants: Sequence[VariantFacts], i: int, reach: KeyFigure | None, mark: str) -> Card:
    variant = variants[i]
    leading = [
        _show_score(variant, variants) if variant.classes is not None else _show_rate(variant),
        _show_time(variant),
        *([reach] if reach is not None else []),
    ]
    figures = [*leading, *_show_costs(variant, variants)]
    tone, (_, glyph) = f"series-{i % NUM_SERIES}", choose_series_marker(i)
    return Card(variant.name, _write_subtitle(variant, variants), figures, tone, mark, glyph, len(leading))


def _show_costs(variant: VariantFacts, variants: Sequence[VariantFacts]) -> list[KeyFigure]:
    """Return the speed, and what the run used; those that are known. Times of learners have one unit for all variants."""
    size, unit = choose_learner_time_unit(max((one.learner_hours.mean for one in variants if one.learner_hours), default=0.0))
    found = (
        ("samples_per_simulated_second", "samples/s", variant.samples_rate, format_number),
        ("speedup", "speed-up", variant.speedup, format_factor),
        ("learner_hours", unit, variant.learner_hours, lambda hours: format_number(hours / size)),
        ("bytes", "bytes sent", variant.bytes_sent, format_bytes),
    )
    return [
        _show(variant, key, name, spread, form, _format_range(spread, form, variant))
        for key, name, spread, form in found
        if spread is not None
    ]


def _show_single(variant: VariantFacts) -> list[KeyFigure]:
    return [
        *([_show_score(variant, [variant])] if variant.classes is not None else []),
        _show_time(variant),
        _show_staleness(variant),
        *([_show_age(variant)] if variant.mixing is not None else []),
        *([_show_distance(variant)] if variant.distance is not None else []),
        _show_rate(variant),
        *_show_costs(variant, [variant]),
        *([_show_epochs(variant)] if variant.epochs is not None else []),
    ]


def _show_reach(contender: Contender, comparison: MetricComparison) -> KeyFigure:
    """Return the mean time to the target over the seeds that reach it."""
    assert comparison.target is not None
    key, name = f"{contender.name}.{TIME_TO_TARGET}", f"time to {comparison.metric.format_value(comparison.target)}"
    spread = contender.spread(TIME_TO_TARGET)
    if spread is None:
        return KeyFigure(key, name, "", "never", contender.end)
    count = len(contender.outcomes)
    seeds = "" if contender.reached == count else f"{contender.reached} of {count} seeds"
    below = ", ".join(filter(None, (spread.range(format_duration), seeds)))
    if not below and count > 1:
        below = _AT_EVERY_SEED
    return KeyFigure(key, name, repr(spread.mean), format_duration(spread.mean), below)


def _write_subtitle(variant: VariantFacts, variants: Sequence[VariantFacts]) -> str:
    """Return what the name does not say: protocol, architecture, modulation, and what differs between variants."""
    architecture = variant.architecture if variant.architecture not in ("base", variant.name) else ""
    differs = len({one.learners for one in variants}) > 1
    parts = [
        variant.setting or (variant.protocol if variant.protocol not in variant.name else ""),
        architecture,
        f"rate {variant.rule}" if variant.rule else "",
        f"{variant.learners:,} learner{'s' if variant.learners > 1 else ''}" if differs else "",
        "measured" if variant.measured and not all(one.measured for one in variants) else "",
    ]
    return ", ".join(filter(None, parts))


def _show_score(variant: VariantFacts, variants: Sequence[VariantFacts]) -> KeyFigure:
    metric, key = variant.metric, f"{variant.name}.{variant.metric.key}"
    if variant.diverged:
        first = min(found.update for found in variant.diverged)
        return KeyFigure(key, metric.name, str(first), "diverged", describe_divergence(variant).removeprefix("diverged "))
    if variant.score is None:
        return KeyFigure(key, metric.name, "", "infinite", "fails to learn")
    spread = "one seed" if len(variant.seeds) == 1 else _format_range(variant.score, metric.format_value, variant)
    below = (spread, word_outcome(Outcome.FAILS, variant, variants) if variant.fails else "")
    return _show(variant, metric.key, metric.name, variant.score, metric.format_value, ", ".join(filter(None, below)))


def _show_time(variant: VariantFacts) -> KeyFigure:
    key, name = "simulated_seconds", variant.time
    if variant.simulated_seconds is None:
        hung = min(variant.hangs, key=lambda found: found.at, default=None)
        text, below = ("hung", describe_last_update(hung)) if hung is not None else ("none", variant.failure)
        return KeyFigure(f"{variant.name}.{key}", name, "", text, below)
    problem = f"hung at {len(variant.hangs)} of {len(variant.seeds)} seeds" if variant.hangs else ""
    below = ", ".join(filter(None, (_format_range(variant.simulated_seconds, format_duration, variant), problem)))
    return _show(variant, key, name, variant.simulated_seconds, format_duration, below)


def _show_staleness(variant: VariantFacts) -> KeyFigure:
    spread = _format_range(variant.staleness, format_number, variant)
    law = "" if variant.law is None else f"{format_number(variant.law)} {FREE}"
    name = "mean staleness (model changes)" if variant.own_models else "mean staleness (updates)"
    below = ", ".join(filter(None, (spread, law)))
    return _show(variant, "staleness", name, variant.staleness, format_number, below)


def _show_age(variant: VariantFacts) -> KeyFigure:
    below = _format_range(variant.mixing, format_number, variant)
    return _show(variant, "mixing", "mean age of mixed-in models (steps)", variant.mixing, format_number, below)


def _show_distance(variant: VariantFacts) -> KeyFigure:
    return _show(
        variant,
        DISTANCE.key,
        DISTANCE.name,
        variant.distance,
        DISTANCE.format_value,
        _format_range(variant.distance, DISTANCE.format_value, variant),
    )


def _show_rate(variant: VariantFacts) -> KeyFigure:
    key = "gradients_per_simulated_second"
    if variant.rate is None:
        return KeyFigure(f"{variant.name}.{key}", "gradients per second", "", "none", variant.failure)
    return _show(
        variant, key, "gradients per second", variant.rate, format_number, _format_range(variant.rate, format_number, variant)
    )


def _show_epochs(variant: VariantFacts) -> KeyFigure:
    assert variant.epochs is not None
    return KeyFigure(
        f"{variant.name}.epochs",
        "epochs",
        repr(variant.epochs),
        format_number(variant.epochs),
        f"{format_number(variant.samples)} samples applied",
    )


def _show(
    variant: VariantFacts, key: str, name: str, found: Spread | None, form: Callable[[float], str], below: str
) -> KeyFigure:
    if found is None:
        return KeyFigure(f"{variant.name}.{key}", name, "", "none", "no gradient was applied")
    return KeyFigure(f"{variant.name}.{key}", name, repr(found.mean), form(found.mean), below)


def _format_range(found: Spread | None, form: Callable[[float], str], variant: VariantFacts) -> str:
    """Return the range over the seeds, or that all seeds have this value; nothing for one seed."""
    if found is None or len(variant.seeds) == 1:
        return ""
    return found.range(form) or _AT_EVERY_SEED
