"""The large numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from simasgd.report.drawing.page_parts import Card, Headline
from simasgd.report.facts.formats import Spread, format_duration, format_number, spell_count
from simasgd.report.facts.metric import DISTANCE
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.sections.verdict import describe_divergence


def build_cards(variants: Sequence[VariantFacts]) -> list[Card]:
    """One card per variant; for a lone run one per number."""
    if len(variants) == 1:
        one = variants[0]
        extra = [
            *([_show_age(one)] if one.mixing is not None else []),
            *([_show_distance(one)] if one.distance is not None else []),
            _show_rate(one),
            *([_show_epochs(one)] if one.epochs is not None else []),
        ]
        heroes = [*([_show_score(one)] if one.classes is not None else []), _show_time(one), _show_staleness(one), *extra]
        return [Card("", "", [hero]) for hero in heroes]
    return [
        Card(
            one.name,
            _write_subtitle(one),
            [_show_score(one) if one.classes is not None else _show_rate(one), _show_time(one), _show_staleness(one)],
            f"series-{i % 8}",
        )
        for i, one in enumerate(variants)
    ]


def _write_subtitle(one: VariantFacts) -> str:
    architecture = one.architecture if one.architecture not in ("base", one.name) else ""
    parts = [one.protocol if one.protocol != one.name else "", architecture, f"rate {one.rule}" if one.rule else ""]
    learners = f"{one.learners:,} learner{'s' if one.learners > 1 else ''}"
    parts.append(f"{learners}, {spell_count(len(one.seeds), 'seed')}")
    return ", ".join(filter(None, parts))


def _show_score(one: VariantFacts) -> Headline:
    metric, key = one.metric, f"{one.name}.{one.metric.key}"
    if one.diverged:
        first = min(found.update for found in one.diverged)
        return Headline(key, metric.name, str(first), "diverged", describe_divergence(one).removeprefix("diverged "))
    if one.score is None:
        return Headline(key, metric.name, "", "infinite", "fails to learn")
    below = (_format_range(one.score, metric.form, one), "fails to learn" if one.fails else "")
    return _show(one, metric.key, metric.name, one.score, metric.form, ", ".join(filter(None, below)))


def _show_time(one: VariantFacts) -> Headline:
    key, name = "simulated_seconds", "simulated time"
    if one.simulated_seconds is None:
        hung = min((found.at for found in one.hangs), default=None)
        text, below = ("hung", f"after {format_duration(hung)}") if hung is not None else ("none", one.failure)
        return Headline(f"{one.name}.{key}", name, "", text, below)
    amiss = f"hung at {len(one.hangs)} of {len(one.seeds)} seeds" if one.hangs else ""
    below = ", ".join(filter(None, (_format_range(one.simulated_seconds, format_duration, one), amiss)))
    return _show(one, key, name, one.simulated_seconds, format_duration, below)


def _show_staleness(one: VariantFacts) -> Headline:
    spread = _format_range(one.staleness, format_number, one)
    law = "" if one.law is None else f"law {format_number(one.law)}"
    return _show(one, "staleness", "mean staleness", one.staleness, format_number, ", ".join(filter(None, (spread, law))))


def _show_age(one: VariantFacts) -> Headline:
    below = _format_range(one.mixing, format_number, one) or "steps, mean"
    return _show(one, "mixing", "age of what is mixed in", one.mixing, format_number, below)


def _show_distance(one: VariantFacts) -> Headline:
    return _show(one, DISTANCE.key, DISTANCE.name, one.distance, DISTANCE.form, _format_range(one.distance, DISTANCE.form, one))


def _show_rate(one: VariantFacts) -> Headline:
    key = "gradients_per_simulated_second"
    if one.rate is None:
        return Headline(f"{one.name}.{key}", "gradients per second", "", "none", one.failure)
    return _show(one, key, "gradients per second", one.rate, format_number, _format_range(one.rate, format_number, one))


def _show_epochs(one: VariantFacts) -> Headline:
    assert one.epochs is not None
    return Headline(
        f"{one.name}.epochs",
        "epochs",
        repr(one.epochs),
        format_number(one.epochs),
        f"{format_number(one.samples)} samples applied",
    )


def _show(one: VariantFacts, key: str, name: str, found: Spread | None, form: Callable[[float], str], below: str) -> Headline:
    if found is None:
        return Headline(f"{one.name}.{key}", name, "", "none", "no gradient was applied")
    return Headline(f"{one.name}.{key}", name, repr(found.mean), form(found.mean), below)


def _format_range(found: Spread | None, form: Callable[[float], str], one: VariantFacts) -> str:
    """The range over the seeds."""
    if found is None or len(one.seeds) == 1:
        return ""
    return found.range(form)
