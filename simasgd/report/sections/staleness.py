"""The section on the staleness of gradients and the age of mixed-in models."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd

from simasgd.report.drawing import figures, svg
from simasgd.report.drawing.figures import AGE, OWN_STALENESS, STALENESS, StalenessDistribution
from simasgd.report.drawing.page_parts import Block, LegendEntry, Panel, Table, draw_glyph, draw_line_mark
from simasgd.report.facts.formats import (
    FREE,
    NBSP,
    format_number,
    format_share,
    format_steps,
    join_words,
    list_some,
    name_group,
)
from simasgd.report.facts.tables import count_histogram, group_by_clock, list_seams, tabulate_staleness_of_groups
from simasgd.report.facts.variant_facts import VariantFacts, name_time
from simasgd.results.run import Run
from simasgd.results.study import Study

_MAX_ROWS = 60
_AGES = "age of mixed-in models"
_HIGH = 2.5
_EXPECTED = f"mean {FREE}"
_SELDOM = 0.01
"""Learners that are down for a smaller share of the time do not change the staleness visibly."""
_LESS = 0.95
"""A staleness below this part of an expected one is less."""


def build_staleness_block(study: Study, variants: Sequence[VariantFacts]) -> Block:
    """Build the section; it has no figures if no gradient is stale."""
    every = list(study.runs.values())
    counts, ages = [count_histogram(runs) for runs in every], [count_histogram(runs, "mixing") for runs in every]
    stale, mixed = ([group for group in group_by_clock(study) if len(found[group[0]]) > 1] for found in (counts, ages))
    longest, oldest = _find_greatest(counts), _find_greatest(ages)
    if len(variants) > 1 and stale:
        panels = [_build_distribution_panel(stale, variants, counts)]
    else:
        panels = [_build_staleness_panel(group, variants, counts[group[0]], every[group[0]], longest) for group in stale]
    panels += _build_time_panel(study, stale, variants)
    panels += [_build_age_panel(group, variants, ages[group[0]], every[group[0]], oldest) for group in mixed]
    is_expected = any(variants[group[0]].law is not None for group in stale)
    means = [
        LegendEntry(draw_glyph("ink", "▼"), "mean"),
        *([LegendEntry(draw_line_mark("ink", 1), _EXPECTED)] if is_expected else []),
    ]
    return Block(
        id="staleness",
        nav="Staleness",
        title="How stale the gradients are" + (", and how old mixed-in models are" if oldest >= 0 else ""),
        reading=_describe(group_by_clock(study), variants),
        panels=panels,
        legend=means if panels else [],
        table=_tabulate_histograms(counts, variants, "staleness σ") if longest >= 0 else None,
        summary="How many gradients of each staleness",
        more=[("How many mixed-in models of each age", _tabulate_histograms(ages, variants, "age"))] if oldest >= 0 else [],
    )


def _build_distribution_panel(
    stale: Sequence[Sequence[int]], variants: Sequence[VariantFacts], counts: Sequence[Sequence[int]]
) -> Panel:
    rows = [StalenessDistribution.of(group, variants, counts[group[0]]) for group in stale]
    said = "; ".join(f"{row.label}: mean {format_number(row.mean)}, greatest {len(row.counts) - 1}" for row in rows)
    what = OWN_STALENESS if all(variants[group[0]].own_models for group in stale) else STALENESS
    draw = partial(figures.draw_distributions, rows=rows, what=what)
    figure = svg.draw_inline(draw, figures.measure_rows(len(rows)), "staleness", f"Ranges of staleness. {said}.")
    return Panel(
        "Staleness of each variant",
        figure,
        note=f"Thick bars hold 90 % of the gradients, thin lines all.{describe_cut(rows)}".replace(" %", f"{NBSP}%"),
    )


def describe_cut(rows: Sequence[figures.StalenessDistribution]) -> str:
    """Return where the axis ends and what lies beyond; "" if nothing does."""
    end = figures.find_end(rows)
    beyond = list_some([f"{len(row.counts) - 1:,} ({row.label})" for row in rows if len(row.counts) - 1 > end])
    cut = f" The axis ends at {end:,}, which 99 % of the gradients of every variant do not exceed; the greatest is {beyond}."
    return cut if beyond else ""


def _find_greatest(counts: Sequence[Sequence[int]]) -> int:
    """Return the greatest staleness or age, or -1 if there is none."""
    return max(map(len, counts)) - 1


def _build_staleness_panel(
    group: Sequence[int], variants: Sequence[VariantFacts], counts: Sequence[int], runs: Sequence[Run], longest: int
) -> Panel:
    variant, names = variants[group[0]], list_some([variants[i].name for i in group])
    assert variant.staleness is not None
    mean = format_number(variant.staleness.mean)
    label = f"Histogram of staleness under {names}: mean {mean}, greatest {len(counts) - 1}."
    draw = partial(
        figures.draw_histogram,
        counts=counts,
        mean=variant.staleness.mean,
        expected=variant.law,
        longest=longest,
        colour=svg.choose_series_colour(group[0]),
        what=OWN_STALENESS if variant.own_models else STALENESS,
    )
    p95 = max(run.summary.staleness.p95 or 0 for run in runs)
    tail = f"95{NBSP}% of the gradients have staleness {p95:,} or less, and all have {len(counts) - 1:,} or less"
    return Panel(names, svg.draw_inline(draw, _HIGH, f"staleness-{group[0]}", label), "staleness", f"Mean {mean}. {tail}.")


def _build_age_panel(
    group: Sequence[int], variants: Sequence[VariantFacts], counts: Sequence[int], runs: Sequence[Run], oldest: int
) -> Panel:
    variant, names = variants[group[0]], list_some([variants[i].name for i in group])
    assert variant.mixing is not None
    label = f"Histogram of the {_AGES} under {names}: mean {format_number(variant.mixing.mean)}, greatest {len(counts) - 1}."
    draw = partial(
        figures.draw_histogram,
        counts=counts,
        mean=variant.mixing.mean,
        expected=None,
        longest=oldest,
        colour=svg.choose_series_colour(group[0]),
        what=AGE,
    )
    p95 = max(run.summary.mixing.p95 or 0 for run in runs if run.summary.mixing is not None)
    tail = f"95{NBSP}% are at most {format_steps(p95)} old, and all at most {format_steps(len(counts) - 1)}"
    note = f"Mean {format_number(variant.mixing.mean)}. {tail}."
    return Panel(names, svg.draw_inline(draw, _HIGH, f"mixing-{group[0]}", label), _AGES, note)


def _build_time_panel(study: Study, groups: Sequence[Sequence[int]], variants: Sequence[VariantFacts]) -> list[Panel]:
    table = tabulate_staleness_of_groups(study, groups)
    if table.empty:
        return []
    together = {group[0]: group for group in groups}
    ends = "; ".join(
        f"{list_some([variants[k].name for k in together[i]])}: from {_format_ends(rows['staleness'])}"
        for i, rows in table.groupby("variant")
    )
    time = name_time([variants[group[0]] for group in groups])
    label = f"Line chart of the mean staleness against {time}: {ends}."
    several = len(variants) > 1
    names = {group[0]: name_group([variants[k].name for k in group]) if several else "" for group in groups}
    draw = partial(figures.draw_staleness_over_time, table=table, names=names, time=time, seams=list_seams(study))
    return [Panel("Mean staleness over time", svg.draw_inline(draw, _HIGH, "staleness-time", label))]


def _format_ends(values: pd.Series) -> str:
    return f"{format_number(values.iloc[0])} to {format_number(values.iloc[-1])}"


def _describe(groups: Sequence[Sequence[int]], variants: Sequence[VariantFacts]) -> str:
    fresh = [group for group in groups if _is_fresh(variants[group[0]])]
    together = [[i for group in fresh for i in group]] if fresh else []
    others = [group for group in groups if group not in fresh]
    told = [variants[group[0]] for group in others]
    laws = {variant.law for variant in told if variant.staleness is not None}
    law = laws.pop() if len(told) > 1 and len(laws) == 1 else None
    apart = together if law is not None else (*together, *others)
    sentences = [_describe_staleness(group, variants) for group in apart]
    if law is not None:
        sentences += _compare_staleness(others, variants, law)
    if any(variants[group[0]].own_models and variants[group[0]].staleness is not None for group in groups):
        sentences.append(_STALENESS_OF_OWN_MODELS)
    if any(variants[group[0]].mixing is not None for group in groups):
        sentences.append(_MEANING_OF_AGE)
    return " ".join(sentences)


def _is_fresh(variant: VariantFacts) -> bool:
    """Return whether no gradient is stale, and there are no models to mix in."""
    return variant.staleness is not None and variant.staleness.high == 0 and variant.mixing is None


_STALENESS_OF_OWN_MODELS = (
    "If learners have their own models, the staleness of a gradient counts the changes of its learner's model "
    "between reading and applying."
)
_MEANING_OF_AGE = "The age of a mixed-in model is the number of steps that its owner has made since it was read."


def _compare_staleness(groups: Sequence[Sequence[int]], variants: Sequence[VariantFacts], law: float) -> list[str]:
    """Return sentences about groups with the same expected mean."""
    told = [variants[group[0]] for group in groups]
    means = [
        f"{format_number(spread.mean)} under {list_some([variants[i].name for i in group])}"
        for group in groups
        if (spread := variants[group[0]].staleness) is not None
    ]
    expected = f"{FREE} it would be {format_number(law)} under each"
    return [f"The mean staleness in updates is {join_words(means)}; {expected}.", *_say_what_lowers(told)]


def _describe_staleness(group: Sequence[int], variants: Sequence[VariantFacts]) -> str:
    variant, names = variants[group[0]], list_some([variants[i].name for i in group])
    if variant.staleness is None:
        return f"{names}: no gradient was applied."
    mixed = "" if variant.mixing is None else f"; the mean age of mixed-in models is {format_steps(variant.mixing.mean)}"
    if variant.staleness.high == 0:
        return f"{names}: every gradient has staleness 0{mixed}."
    mean = format_number(variant.staleness.mean)
    unit = "change" if variant.own_models else "update"
    measured = f"{names}: the mean staleness is {mean} {unit}{'' if mean == '1' else 's'}"
    if variant.law is None:
        return f"{measured}{mixed}."
    return " ".join([f"{measured}; {FREE} it would be {format_number(variant.law)}.", *_say_what_lowers([variant])])


def _say_what_lowers(variants: Sequence[VariantFacts]) -> list[str]:
    """Return a sentence for each cause of a lower staleness than expected, with the variants if there are several."""
    causes: dict[str, list[str]] = {}
    for variant in variants:
        cause = find_what_lowers(variant)
        if cause:
            causes.setdefault(cause, []).append(variant.name)
    if len(variants) == 1:
        return [f"{cause} lower it." for cause in causes]
    return [f"{cause} lower it under {list_some(names, 6)}." for cause, names in causes.items()]


def find_what_lowers(variant: VariantFacts) -> str:
    """Return what makes the staleness less than expected; "" if it is not.

    The expected one is in proportion to the number of the other learners. So if a learner is down for the share d of the time,
    λ (1 − d) − 1 take the place of λ − 1.
    """
    law, staleness = variant.law, variant.staleness
    if law is None or staleness is None or staleness.mean >= _LESS * law:
        return ""
    down = variant.down_share
    if down < _SELDOM:
        return "Messages, updates and waiting"
    present = variant.learners * (1.0 - down) - 1.0
    absent = f"Learners that are down ({format_share(down)} of the time)"
    if staleness.mean >= _LESS * law * present / max(1, variant.learners - 1):
        return absent
    return f"{absent}, messages, updates and waiting"


def _tabulate_histograms(counts: Sequence[Sequence[int]], variants: Sequence[VariantFacts], what: str) -> Table:
    """Tabulate the histograms of the variants that have one."""
    shown = [(variant, found) for variant, found in zip(variants, counts, strict=True) if found]
    longest = max(len(found) for _, found in shown)
    width = max(1, -(-longest // _MAX_ROWS))
    rows = [
        [
            str(least) if width == 1 else f"{least}–{least + width - 1}",
            *(f"{sum(found[least : least + width]):,}" for _, found in shown),
        ]
        for least in range(0, longest, width)
    ]
    return Table.of((what, *(variant.name for variant, _ in shown)), rows, words=0)
