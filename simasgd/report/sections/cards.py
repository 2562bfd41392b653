"""The large numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from simasgd.report.drawing.parts import Card, Hero
from simasgd.report.facts.facts import Facts
from simasgd.report.facts.metric import DISTANCE
from simasgd.report.facts.words import Spread, count, duration, number
from simasgd.report.sections.verdict import divergence


def cards(variants: Sequence[Facts]) -> list[Card]:
    """One card per variant; for a lone run one per number."""
    if len(variants) == 1:
        one = variants[0]
        extra = [
            *([_mixing(one)] if one.mixing is not None else []),
            *([_distance(one)] if one.distance is not None else []),
            _rate(one),
            *([_epochs(one)] if one.epochs is not None else []),
        ]
        heroes = [*([_score(one)] if one.classes is not None else []), _time(one), _staleness(one), *extra]
        return [Card("", "", [hero]) for hero in heroes]
    return [
        Card(
            one.name,
            _subtitle(one),
            [_score(one) if one.classes is not None else _rate(one), _time(one), _staleness(one)],
            f"series-{i % 8}",
        )
        for i, one in enumerate(variants)
    ]


def _subtitle(one: Facts) -> str:
    architecture = one.architecture if one.architecture not in ("base", one.name) else ""
    parts = [one.protocol if one.protocol != one.name else "", architecture, f"rate {one.rule}" if one.rule else ""]
    learners = f"{one.learners:,} learner{'s' if one.learners > 1 else ''}"
    parts.append(f"{learners}, {count(len(one.seeds), 'seed')}")
    return ", ".join(filter(None, parts))


def _score(one: Facts) -> Hero:
    metric, key = one.metric, f"{one.name}.{one.metric.key}"
    if one.diverged:
        first = min(found.update for found in one.diverged)
        return Hero(key, metric.name, str(first), "diverged", divergence(one).removeprefix("diverged "))
    if one.score is None:
        return Hero(key, metric.name, "", "infinite", "fails to learn")
    below = (_spread(one.score, metric.form, one), "fails to learn" if one.fails else "")
    return _hero(one, metric.key, metric.name, one.score, metric.form, ", ".join(filter(None, below)))


def _time(one: Facts) -> Hero:
    key, name = "simulated_seconds", "simulated time"
    if one.simulated_seconds is None:
        hung = min((found.at for found in one.hangs), default=None)
        text, below = ("hung", f"after {duration(hung)}") if hung is not None else ("none", one.failure)
        return Hero(f"{one.name}.{key}", name, "", text, below)
    amiss = f"hung at {len(one.hangs)} of {len(one.seeds)} seeds" if one.hangs else ""
    below = ", ".join(filter(None, (_spread(one.simulated_seconds, duration, one), amiss)))
    return _hero(one, key, name, one.simulated_seconds, duration, below)


def _staleness(one: Facts) -> Hero:
    spread = _spread(one.staleness, number, one)
    law = "" if one.law is None else f"law {number(one.law)}"
    return _hero(one, "staleness", "mean staleness", one.staleness, number, ", ".join(filter(None, (spread, law))))


def _mixing(one: Facts) -> Hero:
    below = _spread(one.mixing, number, one) or "steps, mean"
    return _hero(one, "mixing", "age of what is mixed in", one.mixing, number, below)


def _distance(one: Facts) -> Hero:
    return _hero(one, DISTANCE.key, DISTANCE.name, one.distance, DISTANCE.form, _spread(one.distance, DISTANCE.form, one))


def _rate(one: Facts) -> Hero:
    key = "gradients_per_simulated_second"
    if one.rate is None:
        return Hero(f"{one.name}.{key}", "gradients per second", "", "none", one.failure)
    return _hero(one, key, "gradients per second", one.rate, number, _spread(one.rate, number, one))


def _epochs(one: Facts) -> Hero:
    assert one.epochs is not None
    return Hero(f"{one.name}.epochs", "epochs", repr(one.epochs), number(one.epochs), f"{number(one.samples)} samples applied")


def _hero(one: Facts, key: str, name: str, found: Spread | None, form: Callable[[float], str], below: str) -> Hero:
    if found is None:
        return Hero(f"{one.name}.{key}", name, "", "none", "no gradient was applied")
    return Hero(f"{one.name}.{key}", name, repr(found.mean), form(found.mean), below)


def _spread(found: Spread | None, form: Callable[[float], str], one: Facts) -> str:
    """The range over the seeds."""
    if found is None or len(one.seeds) == 1:
        return ""
    return found.range(form)
