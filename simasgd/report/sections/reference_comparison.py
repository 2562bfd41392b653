"""A learning variant compared with the reference variant, in score and in speed."""

from __future__ import annotations

import math

from simasgd.report.facts.formats import format_factor, format_points
from simasgd.report.facts.metric import ERROR
from simasgd.report.facts.tolerances import SAME_TIME, compute_least_difference, compute_score_tolerance, is_same_work
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.sections.scores import describe_score, format_reference_score


def judge_quality(variant: VariantFacts, base: VariantFacts) -> str:
    """Return how the score of a variant compares with the reference's.

    It is one of: fails; learns (where the reference fails); worse; better; same; other (one has a
    test error, the other a test loss).
    """
    if variant.fails:
        return "fails"
    if base.fails:
        return "learns"
    if variant.metric is not base.metric:
        return "other"
    assert variant.score is not None
    assert base.score is not None
    difference = _compute_difference(variant, base)
    if abs(difference) <= compute_score_tolerance(variant.score, base.score, base.metric):
        return "same"
    return "worse" if difference > 0 else "better"


def describe_speed(variant: VariantFacts, base: VariantFacts) -> tuple[str, bool | None]:
    """Return the speed compared with `base`, and whether it is higher (None: equal)."""
    if not variant.samples:
        return "applied no gradient", None
    if variant.simulated_seconds is None or base.simulated_seconds is None:
        return "has no time to compare", None
    if is_same_work(variant.samples, base.samples):
        ratio = base.simulated_seconds.mean / variant.simulated_seconds.mean
        if abs(ratio - 1) <= SAME_TIME:
            return f"takes as long as {base.name}", None
        if ratio > 1:
            return f"is {format_factor(ratio)} faster than {base.name}", True
        return f"takes {format_factor(1 / ratio)} as long as {base.name}", False
    ratio = compute_throughput(variant) / compute_throughput(base) if compute_throughput(base) else 0.0
    is_faster = None if abs(ratio - 1) <= SAME_TIME else ratio > 1
    return f"applies {format_factor(ratio)} the samples per second of {base.name}", is_faster


def compare_with_reference(variant: VariantFacts, base: VariantFacts) -> str:
    """Return a sentence that compares a variant with `base` in speed and score."""
    speed, is_faster = describe_speed(variant, base)
    quality = judge_quality(variant, base)
    is_good = quality in ("same", "better", "learns", "other")
    link = "and" if (is_faster is not False) == is_good else "but"
    score = _describe_quality(quality, variant, base)
    return f"{variant.title} {speed} {link} {score.removeprefix('is ') if speed.startswith('is ') else score}."


def _describe_quality(quality: str, variant: VariantFacts, base: VariantFacts) -> str:
    base_score = format_reference_score(base) if variant.metric is base.metric else describe_score(base)
    against = f"{describe_score(variant)} against {base_score}"
    match quality:
        case "fails":
            return f"fails to learn{', too' if base.fails else ''}: {against}"
        case "learns":
            return f"learns where {base.name} fails: {against}"
        case "same":
            return _describe_alike(variant, base, against)
        case "other":
            return f"is judged by another metric: {describe_score(variant)}"
        case _:
            return f"is {_describe_difference(variant, base)}{quality}: {against}"


def _describe_alike(variant: VariantFacts, base: VariantFacts, against: str) -> str:
    difference = _compute_difference(variant, base)
    assert variant.score is not None
    assert base.score is not None
    if abs(difference) <= compute_least_difference(variant.score, base.score, base.metric):
        return f"is no worse: {against}" + (f", within {format_points(difference)}" if base.metric is ERROR else "")
    way = "worse" if difference > 0 else "better"
    return f"is not clearly {way}: {against}, a difference within the range over the seeds"


def _describe_difference(variant: VariantFacts, base: VariantFacts) -> str:
    """Return the difference and a space: points of test error, or a ratio of test losses."""
    assert variant.score is not None
    assert base.score is not None
    if base.metric is ERROR:
        return f"{format_points(_compute_difference(variant, base))} "
    low, high = sorted((variant.score.mean, base.score.mean))
    return f"{format_factor(high / low)} " if low > 0.0 and math.isfinite(high / low) else ""


def _compute_difference(variant: VariantFacts, base: VariantFacts) -> float:
    """Return the difference of the mean test errors or losses, which both must have."""
    assert variant.score is not None
    assert base.score is not None
    return variant.score.mean - base.score.mean


def compute_throughput(variant: VariantFacts) -> float:
    """Return the samples that a variant applies per simulated second (0: it has no time)."""
    return 0.0 if variant.simulated_seconds is None else variant.samples / variant.simulated_seconds.mean
