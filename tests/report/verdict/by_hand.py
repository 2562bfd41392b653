"""Facts of variants made by hand, and the verdict on them."""

from __future__ import annotations

from typing import Any

from simasgd.report.facts.formats import NBSP
from simasgd.report.facts.learning_facts import LearningFact, Trend
from simasgd.report.facts.part_facts import DivergenceFact, HangFact, ResourceFact
from simasgd.report.facts.spread import Spread
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.verdict.verdict import state_verdict
from simasgd.results.outcome import Outcome, fails

TIMES = {"compute": 0.9, "push": 0.01, "wait": 0.08, "pull": 0.01, "idle": 0.0}
DIVERGED = (DivergenceFact(seed=0, update=1234, epoch=0.5),)
HUNG: dict[str, Any] = {
    "hangs": (HangFact(0, 1.07, "all wait for learner 3.", 9),),
    "seconds": None,
    "staleness": None,
}
TIMING: dict[str, Any] = {"error": None, "classes": None, "learning": None}
"""Of a variant that learns nothing."""


def spread(value: float, width: float = 0.0, count: int = 1) -> Spread:
    """Return the spread of `count` seeds at the same distances from each other."""
    steps = range(1 - count, count, 2)
    found = Spread.of([value + width / 2 * (step / (count - 1) if count > 1 else 0) for step in steps])
    assert found is not None
    return found._replace(mean=value)


def learns(rate: float = 0.05, trend: Trend = Trend.FALLS, setup: str = "the same") -> LearningFact:
    return LearningFact(rate=rate, setup=setup, trend=trend)


def facts(
    name: str, *, error: float | None = 0.03, width: float = 0.0, seconds: float | None = 10.0, **changes: Any
) -> VariantFacts:
    """Return facts of a variant that applied 40,000 samples; staleness 0 for the name hardsync, else 28.8."""
    seeds = len(changes.get("seeds", (0,)))
    values: dict[str, Any] = {
        "protocol": "hardsync" if name == "hardsync" else "async",
        "learners": 30,
        "seeds": (0,),
        "classes": 10,
        "test_samples": 360,
        "test_error": None if error is None else spread(error, width, seeds),
        "simulated_seconds": None if seconds is None else spread(seconds),
        "rate": None if seconds is None else spread(10_000 / seconds),
        "samples_rate": None if seconds is None else spread(40_000 / seconds),
        "epochs": 30.0,
        "samples": 40_000,
        "staleness": spread(0.0 if name == "hardsync" else 28.8),
        "law": 0.0 if name == "hardsync" else 29.0,
        "learner_time": TIMES,
        "learning": learns(),
        "resources": (ResourceFact("server", 0.1, 0.0), ResourceFact("server, link", 0.41, 0.2)),
    }
    first_loss = changes.pop("first_loss", None)
    values |= changes
    return VariantFacts(name=name, **({"outcomes": outcomes(values, first_loss)} | values))


def outcomes(values: dict[str, Any], first_loss: float | None) -> tuple[Outcome, ...]:
    """Return the outcomes of seeds that all have the mean score."""
    if values.get("hangs"):
        return (Outcome.HUNG,) * len(values["seeds"])
    if values.get("diverged"):
        return (Outcome.DIVERGED,) * len(values["seeds"])
    score, classes = values["test_error"] or values.get("test_loss"), values["classes"]
    failing = classes is not None and fails(None if score is None else score.mean, classes, first_loss)
    return (Outcome.FAILS if failing else Outcome.FINISHED,) * len(values["seeds"])


def loss(name: str, value: float | None, **changes: Any) -> VariantFacts:
    """Return the facts of a regression with an initial loss of 2."""
    values: dict[str, Any] = {"error": None, "classes": 0, "first_loss": 2.0, "seconds": 7.5 if name == "async" else 10.0}
    return facts(
        name,
        test_loss=None if value is None else spread(value, changes.pop("width", 0.0), len(changes.get("seeds", (0,)))),
        **(values | changes),
    )


def said(*variants: VariantFacts) -> str:
    return state_verdict(variants).replace(NBSP, " ")
