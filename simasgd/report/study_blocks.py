"""The sections of the run report: sentences, figures, and the tables behind them."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.report.comparison.blocks import build_comparison_blocks
from simasgd.report.comparison.comparison import MetricComparison
from simasgd.report.drawing.page_parts import Block
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.sections.each_learner import build_learner_blocks
from simasgd.report.sections.faults import build_fault_blocks
from simasgd.report.sections.learner_time import build_time_block
from simasgd.report.sections.learning import build_distance_blocks, build_learning_blocks
from simasgd.report.sections.staleness import build_staleness_block
from simasgd.report.sections.timeline import build_timeline_blocks
from simasgd.report.verdict.leading import list_leading
from simasgd.results.study import Study


def build_study_blocks(study: Study, variants: Sequence[VariantFacts], compared: Sequence[MetricComparison]) -> list[Block]:
    """Build the sections for which this study has something to show."""
    return [
        *build_learning_blocks(study, variants, _list_targets(compared)),
        *build_comparison_blocks(compared),
        *build_distance_blocks(study, variants),
        build_staleness_block(study, variants),
        build_time_block(study, variants),
        *build_learner_blocks(study, variants),
        *build_timeline_blocks(study, variants, list_leading(variants)),
        *build_fault_blocks(variants),
    ]


def _list_targets(compared: Sequence[MetricComparison]) -> dict[str, float]:
    """Return the target of each metric that has one."""
    return {comparison.metric.key: comparison.target for comparison in compared if comparison.target is not None}
