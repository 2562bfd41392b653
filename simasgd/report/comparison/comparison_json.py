"""The comparison of variants as strict JSON, for compare.json."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simasgd.report.comparison.comparison import MetricComparison, compare_variants
from simasgd.report.comparison.contenders import BYTES_TO_TARGET, EPOCHS_TO_TARGET, SCORE, TIME_TO_TARGET, Contender
from simasgd.report.comparison.ranking import Criterion
from simasgd.report.facts.formats import use_plain_spaces
from simasgd.report.facts.spread import Spread
from simasgd.report.facts.variant_facts import VariantFacts, collect_facts
from simasgd.report.verdict.study_files import write_results
from simasgd.report.verdict.verdict import state_plainly
from simasgd.report.verdict.winner import find_winner
from simasgd.results.json_files import write_json
from simasgd.results.outcome import Outcome, describe_outcomes
from simasgd.results.run import Run
from simasgd.results.study import Study
from simasgd.storage.files import COMPARE


def write_comparison(study: Study, folder: Path) -> None:
    """Write a study's files and compare.json into a folder that no other process writes to."""
    write_results(study, folder)
    write_json(folder / COMPARE, build_comparison_json(study))


def build_comparison_json(study: Study) -> dict[str, Any]:
    """Build a row for each variant, and for each metric target, Pareto front and winners."""
    variants = collect_facts(study)
    return build_compared_json(study, variants, compare_variants(study, variants))


def build_compared_json(study: Study, variants: Sequence[VariantFacts], compared: Sequence[MetricComparison]) -> dict[str, Any]:
    """Build a study's comparison from the facts of its variants and its comparisons by metric."""
    learning = {contender.name: (contender, comparison) for comparison in compared for contender in comparison.contenders}
    rows = []
    for facts, (variant, runs) in zip(variants, study.runs.items(), strict=True):
        learned = _summarise_learning(*learning[variant]) if variant in learning else _summarise_alone(facts)
        rows.append(
            {
                "variant": variant,
                "seeds": [run.seed for run in runs],
                "outcome": describe_outcomes(facts.outcomes),
                **_summarise_runs(runs),
                "bytes_sent": _describe_spread(facts.bytes_sent),
                "samples_per_simulated_second": _describe_spread(facts.samples_rate),
                "speedup": _describe_spread(facts.speedup),
                "learner_hours": _describe_spread(facts.learner_hours),
                "failure": facts.failure or None,
                **learned,
            }
        )
    return {
        "name": study.scenario.name,
        "verdict": state_plainly(variants),
        "comparisons": [_describe_comparison(comparison, variants) for comparison in compared],
        "variants": rows,
    }


_NOTHING_LEARNED: dict[str, Any] = {
    "metric": None,
    "final": None,
    "to_target": None,
    "on_pareto_front": None,
    "dominated_by": None,
    "seeds_won": None,
}


def _summarise_runs(runs: Sequence[Run]) -> dict[str, Any]:
    return {
        "origin": runs[0].summary.origin,
        "reasons": list(dict.fromkeys(run.summary.reason for run in runs if run.summary.reason)),
        "simulated_seconds": _describe_spread(Spread.of([run.simulated_seconds for run in runs if run.has_time])),
        "diverged": sum(run.diverged for run in runs),
        "hung": sum(run.outcome is Outcome.HUNG for run in runs),
    }


def _summarise_alone(facts: VariantFacts) -> dict[str, Any]:
    """Return the row of a variant that learns nothing, or that no other with its metric stands beside."""
    if facts.classes is None:
        return _NOTHING_LEARNED
    return {**_NOTHING_LEARNED, "metric": facts.metric.key, "final": _describe_spread(facts.score)}


def _summarise_learning(contender: Contender, comparison: MetricComparison) -> dict[str, Any]:
    dominated = comparison.dominated_by.get(contender.name)
    won = {
        name_criterion(row, comparison): row.seeds_won[contender.name]
        for row in comparison.criteria
        if contender.name in row.seeds_won
    }
    to_target = {
        "seeds_reached": contender.reached,
        "simulated_seconds": _describe_spread(contender.spread(TIME_TO_TARGET)),
        "epochs": _describe_spread(contender.spread(EPOCHS_TO_TARGET)),
        "bytes": _describe_spread(contender.spread(BYTES_TO_TARGET)),
    }
    return {
        "metric": comparison.metric.key,
        "final": _describe_spread(contender.spread(SCORE)),
        "to_target": None if comparison.target is None else to_target,
        "on_pareto_front": contender in comparison.front,
        "dominated_by": None if dominated is None else list(dominated),
        "seeds_won": won,
    }


def _describe_comparison(comparison: MetricComparison, variants: Sequence[VariantFacts]) -> dict[str, Any]:
    best = find_winner([variants[contender.series] for contender in comparison.contenders])
    return {
        "metric": comparison.metric.key,
        "winner": {
            "best": list(best.names),
            "than": best.than,
            "sooner": best.sooner,
            "sentence": use_plain_spaces(best.sentence),
        },
        "target": comparison.target,
        "target_given": comparison.given,
        "pareto_front": [contender.name for contender in comparison.front],
        "criteria": [_describe_criterion(row, comparison) for row in comparison.criteria],
    }


def _describe_criterion(row: Criterion, comparison: MetricComparison) -> dict[str, Any]:
    return {
        "criterion": name_criterion(row, comparison),
        "best": row.best,
        "tied": list(row.tied),
        "means": dict(row.means),
        "seeds_won": dict(row.seeds_won),
        "seeds": row.seeds,
        "reason": row.reason or None,
    }


def name_criterion(row: Criterion, comparison: MetricComparison) -> str:
    """Return the key of a criterion; for the final score it is the metric's."""
    return comparison.metric.key if row.key == SCORE else row.key


def _describe_spread(spread: Spread | None) -> dict[str, float] | None:
    return None if spread is None else {"mean": spread.mean, "min": spread.low, "max": spread.high}
