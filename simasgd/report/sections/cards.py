"""The cards of a report: its results in large type."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from simasgd.report.drawing.page_parts import Card, KeyFigure
from simasgd.report.facts.formats import format_duration, format_number, spell_count
from simasgd.report.facts.metric import DISTANCE
from simasgd.report.facts.spread import Spread
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.sections.scores import describe_divergence


def build_cards(variants: Sequence[VariantFacts]) -> list[Card]:
    """Build one card for each variant, or for a single variant one card for each number."""
    if len(variants) == 1:
        variant = variants[0]
        extra = [
            *([_show_age(variant)] if variant.mixing is not None else []),
            *([_show_distance(variant)] if variant.distance is not None else []),
            _show_rate(variant),
            *([_show_epochs(variant)] if variant.epochs is not None else []),
        ]
        figures = [
            *([_show_score(variant)] if variant.classes is not None else []),
            _show_time(variant),
            _show_staleness(variant),
            *extra,
        ]
        return [Card("", "", [figure]) for figure in figures]
    return [
        Card(
            variant.name,
            _write_subtitle(variant),
            [
                _show_score(variant) if variant.classes is not None else _show_rate(variant),
                _show_time(variant),
                _show_staleness(variant),
            ],
            f"series-{i % 8}",
        )
        for i, variant in enumerate(variants)
    ]


def _write_subtitle(variant: VariantFacts) -> str:
    architecture = variant.architecture if variant.architecture not in ("base", variant.name) else ""
    parts = [
        variant.protocol if variant.protocol != variant.name else "",
        architecture,
        f"rate {variant.rule}" if variant.rule else "",
    ]
    learners = f"{variant.learners:,} learner{'s' if variant.learners > 1 else ''}"
    parts.append(f"{learners}, {spell_count(len(variant.seeds), 'seed')}")
    return ", ".join(filter(None, parts))


def _show_score(variant: VariantFacts) -> KeyFigure:
    metric, key = variant.metric, f"{variant.name}.{variant.metric.key}"
    if variant.diverged:
        first = min(found.update for found in variant.diverged)
        return KeyFigure(key, metric.name, str(first), "diverged", describe_divergence(variant).removeprefix("diverged "))
    if variant.score is None:
        return KeyFigure(key, metric.name, "", "infinite", "fails to learn")
    below = (_format_range(variant.score, metric.format_value, variant), "fails to learn" if variant.fails else "")
    return _show(variant, metric.key, metric.name, variant.score, metric.format_value, ", ".join(filter(None, below)))


def _show_time(variant: VariantFacts) -> KeyFigure:
    key, name = "simulated_seconds", variant.time
    if variant.simulated_seconds is None:
        hung = min((found.at for found in variant.hangs), default=None)
        text, below = ("hung", f"after {format_duration(hung)}") if hung is not None else ("none", variant.failure)
        return KeyFigure(f"{variant.name}.{key}", name, "", text, below)
    problem = f"hung at {len(variant.hangs)} of {len(variant.seeds)} seeds" if variant.hangs else ""
    below = ", ".join(filter(None, (_format_range(variant.simulated_seconds, format_duration, variant), problem)))
    return _show(variant, key, name, variant.simulated_seconds, format_duration, below)


def _show_staleness(variant: VariantFacts) -> KeyFigure:
    spread = _format_range(variant.staleness, format_number, variant)
    law = "" if variant.law is None else f"law {format_number(variant.law)}"
    return _show(
        variant, "staleness", "mean staleness", variant.staleness, format_number, ", ".join(filter(None, (spread, law)))
    )


def _show_age(variant: VariantFacts) -> KeyFigure:
    below = _format_range(variant.mixing, format_number, variant) or "steps, mean"
    return _show(variant, "mixing", "age of mixed-in models", variant.mixing, format_number, below)


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
    """Return the range over the seeds, or nothing for one seed."""
    if found is None or len(variant.seeds) == 1:
        return ""
    return found.range(form)
