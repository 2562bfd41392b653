"""The end of a command that runs a scenario: a row for each variant, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.printable import printable
from simasgd.report.comparison.comparison import MetricComparison, compare_variants
from simasgd.report.comparison.comparison_json import build_compared_json
from simasgd.report.comparison.contenders import TIME_TO_TARGET
from simasgd.report.facts.formats import (
    choose_learner_time_unit,
    count_seeds,
    format_bytes,
    format_duration,
    format_factor,
    format_number,
    spell_count,
    use_plain_spaces,
)
from simasgd.report.facts.metric import ERROR, LOSS, Metric
from simasgd.report.facts.variant_facts import VariantFacts, collect_facts, name_time
from simasgd.report.terminal.cells import show_mean, show_spread
from simasgd.report.terminal.conclusion import Conclusion
from simasgd.report.terminal.text_table import TextColumn, TextTable
from simasgd.report.verdict.reasons import word_outcome
from simasgd.report.verdict.verdict import list_sentences
from simasgd.report.verdict.winner import find_winner
from simasgd.results.outcome import Outcome, describe_outcomes
from simasgd.results.study import Study


def conclude_study(study: Study) -> Conclusion:
    """Return the end of a command that ran a study."""
    variants = collect_facts(study)
    compared = compare_variants(study, variants)
    repeated = max(len(variant.seeds) for variant in variants)
    return Conclusion(
        table=tabulate_variants(study, variants, compared),
        remark=f"Means over {spell_count(repeated, 'seed')}, with the range in brackets." if repeated > 1 else "",
        verdict=tuple(printable(use_plain_spaces(sentence)) for sentence in list_sentences(variants)),
        notes=tuple(map(printable, study.notes)),
        content={**build_compared_json(study, variants, compared), "command": study.command, "notes": list(study.notes)},
    )


def tabulate_variants(study: Study, variants: Sequence[VariantFacts], compared: Sequence[MetricComparison]) -> TextTable:
    """Return the table of variants; columns that say nothing are left out."""
    has_staleness = any(variant.staleness is not None and variant.staleness.high > 0.0 for variant in variants)
    rows = range(len(variants))
    columns = [
        _name(study, variants),
        TextColumn("outcome", _list_outcomes(variants), 80, numeric=False),
        TextColumn("times", _list_origins(variants), 75, numeric=False),
        *(_list_scores(variants, metric) for metric in (ERROR, LOSS)),
        TextColumn(name_time(variants), tuple(show_spread(one.simulated_seconds, format_duration) for one in variants), 85),
        *(column for comparison in compared if (column := _list_reached(variants, comparison)) is not None),
        TextColumn("samples/s", tuple(show_mean(one.samples_rate, format_number) for one in variants), 60),
        TextColumn("speed-up", tuple(show_mean(one.speedup, format_factor) for one in variants), 65),
        TextColumn(
            "mean staleness", tuple(show_mean(one.staleness, format_number) if has_staleness else "" for one in variants), 50
        ),
        _list_learner_times(variants),
        TextColumn("sent", tuple(show_mean(one.bytes_sent, format_bytes) for one in variants), 40),
    ]
    best = {
        name for comparison in compared for name in find_winner([variants[one.series] for one in comparison.contenders]).names
    }
    return TextTable(
        (columns[0], *(column for column in columns[1:] if column.says_something)),
        emphasised=frozenset(row for row in rows if variants[row].name in best),
        faint=frozenset(row for row in rows if variants[row].failure),
    )


def _list_learner_times(variants: Sequence[VariantFacts]) -> TextColumn:
    size, unit = choose_learner_time_unit(max((one.learner_hours.mean for one in variants if one.learner_hours), default=0.0))
    return TextColumn(
        unit, tuple(show_mean(one.learner_hours, lambda hours: format_number(hours / size)) for one in variants), 20
    )


def _name(study: Study, variants: Sequence[VariantFacts]) -> TextColumn:
    """Return the column of names; a run without variants has the scenario's name."""
    if study.has_variants:
        return TextColumn("variant", tuple(printable(variant.name) for variant in variants), 100, numeric=False)
    return TextColumn("run", (printable(study.scenario.name),), 100, numeric=False)


def _list_outcomes(variants: Sequence[VariantFacts]) -> tuple[str, ...]:
    """Return the outcomes in words, or nothing if all variants finished and reached what was to end them."""
    if not any(variant.failure or variant.missed for variant in variants):
        return ("",) * len(variants)
    words = [word_outcome(describe_outcomes(variant.outcomes), variant, variants) for variant in variants]
    return tuple(f"{word}{_describe_missed(variant)}" for word, variant in zip(words, variants, strict=True))


def _describe_missed(variant: VariantFacts) -> str:
    if variant.target is None or not variant.missed:
        return ""
    seeds = count_seeds(variant.missed, len(variant.seeds))
    return use_plain_spaces(f", {ERROR.format_value(variant.target)} not reached{seeds}")


def _list_origins(variants: Sequence[VariantFacts]) -> tuple[str, ...]:
    """Return whether times are measured or simulated, or nothing if all are alike."""
    if len({variant.measured for variant in variants}) == 1:
        return ("",) * len(variants)
    return tuple("measured" if variant.measured else "simulated" for variant in variants)


def _list_scores(variants: Sequence[VariantFacts], metric: Metric) -> TextColumn:
    """Return the column of a metric; the test loss also says how a variant with a test error failed to learn."""
    cells = []
    for variant in variants:
        is_judged = variant.classes is not None and variant.metric is metric
        score = variant.test_error if metric is ERROR else variant.test_loss
        also = metric is LOSS and {Outcome.FAILS, Outcome.DIVERGED}.intersection(variant.outcomes)
        cells.append(show_spread(score, metric.format_value) if is_judged or also else "")
    is_measure = any(variant.classes is not None and variant.metric is metric for variant in variants)
    return TextColumn(metric.name, tuple(cells), 95 if is_measure else 30)


def _list_reached(variants: Sequence[VariantFacts], comparison: MetricComparison) -> TextColumn | None:
    """Return the column of the times to the target; None without a target."""
    if comparison.target is None:
        return None
    cells = [""] * len(variants)
    for contender in comparison.contenders:
        seconds, seeds = contender.spread(TIME_TO_TARGET), len(contender.outcomes)
        some = f", {contender.reached} of {seeds}" if 0 < contender.reached < seeds else ""
        cells[contender.series] = "never" if seconds is None else f"{use_plain_spaces(format_duration(seconds.mean))}{some}"
    title = f"to {use_plain_spaces(comparison.metric.format_value(comparison.target))}"
    return TextColumn(title, tuple(cells), 82 if comparison.given else 70)
