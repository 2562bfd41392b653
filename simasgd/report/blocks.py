"""The sections of the run report: each a reading, its figures, and the table behind them."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.report.comparison.blocks import comparison_blocks
from simasgd.report.comparison.comparison import comparisons
from simasgd.report.drawing.parts import Block
from simasgd.report.facts.facts import Facts
from simasgd.report.sections.faults import fault_blocks
from simasgd.report.sections.gantt import timeline_blocks
from simasgd.report.sections.learning import distance_blocks, learning_blocks
from simasgd.report.sections.staleness import staleness_block
from simasgd.report.sections.time import time_block
from simasgd.results.run import Study


def blocks(study: Study, variants: Sequence[Facts]) -> list[Block]:
    """Those that this study has something to show in."""
    compared = comparisons(study, variants)
    return [
        *learning_blocks(study, variants, [comparison.metric for comparison in compared]),
        *comparison_blocks(compared),
        *distance_blocks(study),
        staleness_block(study, variants),
        time_block(study, variants),
        *timeline_blocks(study, variants),
        *fault_blocks(variants),
    ]
