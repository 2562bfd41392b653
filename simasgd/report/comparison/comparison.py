"""The comparison of learning variants over their seeds, in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

import pandas as pd

from simasgd.report.comparison.contenders import (
    BYTES,
    EPOCHS_TO_TARGET,
    SCORE,
    SECONDS,
    TIME_TO_TARGET,
    Contender,
    SeedResult,
    find_point,
)
from simasgd.report.comparison.ranking import Criterion, find_dominators, judge, tie_in_both
from simasgd.report.facts.learning_facts import find_target
from simasgd.report.facts.metric import ERROR, LOSS, Metric
from simasgd.report.facts.reach import find_level, find_reach
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.verdict.reasons import word_outcome
from simasgd.results.run import Run
from simasgd.results.study import Study
from simasgd.targets import choose_target

CRITERIA = (SCORE, SECONDS, TIME_TO_TARGET, BYTES, EPOCHS_TO_TARGET)


@final
@dataclass(frozen=True, kw_only=True)
class MetricComparison:
    """Variants with the same metric, compared.

    `target` is a value of the metric (None: no variant learns), and `given` says whether the user
    chose it. `dominated_by` maps each variant with a point to the variants that dominate it: no worse
    in score and time, better in one, and not tied in both.
    """

    metric: Metric
    contenders: tuple[Contender, ...]
    target: float | None
    given: bool
    criteria: tuple[Criterion, ...]
    dominated_by: Mapping[str, tuple[str, ...]]

    @property
    def time(self) -> str:
        """The name of the variants' time."""
        return "time" if any(contender.measured for contender in self.contenders) else "simulated time"

    @property
    def front(self) -> tuple[Contender, ...]:
        """The Pareto front of score and simulated time, the fastest variant first."""
        on_it = [
            contender for contender in self.contenders if not contender.failure and self.dominated_by.get(contender.name) == ()
        ]
        return tuple(sorted(on_it, key=lambda contender: find_point(contender) or (0.0, 0.0)))


def compare_variants(study: Study, variants: Sequence[VariantFacts]) -> list[MetricComparison]:
    """Build a comparison for each metric that at least two variants have."""
    found = []
    target = find_target(study)
    for metric in (ERROR, LOSS):
        chosen = [
            (series, facts, runs)
            for series, (facts, runs) in enumerate(zip(variants, study.runs.values(), strict=True))
            if facts.classes is not None and facts.metric is metric
        ]
        if len(chosen) > 1:
            found.append(_compare(metric, chosen, target))
        target = None if chosen else target  # a given target is a test error if any variant has one
    return found


def _compare(
    metric: Metric, chosen: Sequence[tuple[int, VariantFacts, Sequence[Run]]], given: float | None
) -> MetricComparison:
    levels = [
        level
        for _, facts, runs in chosen
        if not facts.failure and (level := find_level([_get_evaluations(run) for run in runs], metric)) is not None
    ]
    target = choose_target(levels) if given is None else given
    beside = [facts for _, facts, _ in chosen]
    words = [word_outcome(facts.failure, facts, beside) for facts in beside]
    contenders = [
        replace(_build_contender(series, facts, runs, metric, target), ended=word)
        for (series, facts, runs), word in zip(chosen, words, strict=True)
    ]
    by_name = {contender.name: contender for contender in contenders}
    points = {contender.name: point for contender in contenders if (point := find_point(contender)) is not None}
    return MetricComparison(
        metric=metric,
        contenders=tuple(contenders),
        target=target,
        given=given is not None,
        criteria=tuple(judge(key, contenders, metric) for key in CRITERIA),
        dominated_by=find_dominators(
            points,
            [contender.name for contender in contenders if not contender.failure],
            lambda one, other: tie_in_both(by_name[one], by_name[other], metric),
        ),
    )


def _build_contender(series: int, facts: VariantFacts, runs: Sequence[Run], metric: Metric, target: float | None) -> Contender:
    return Contender(
        series=series,
        name=facts.name,
        outcomes=tuple(_read_seed(run, metric, target) for run in runs),
        level=find_level([_get_evaluations(run) for run in runs], metric),
        failure=facts.failure,
        samples=facts.samples,
        test_samples=facts.test_samples,
        measured=facts.measured,
        epochs=facts.epochs,
    )


def _read_seed(run: Run, metric: Metric, target: float | None) -> SeedResult:
    return SeedResult(
        seed=run.seed,
        score=run.test_error if metric is ERROR else run.test_loss,
        seconds=run.simulated_seconds if run.has_time else None,
        bytes=None if run.summary.bytes is None else run.summary.bytes.sent,
        reached=None if target is None else find_reach(_get_evaluations(run), metric, target),
    )


def _get_evaluations(run: Run) -> pd.DataFrame:
    assert run.evaluations is not None
    return run.evaluations
