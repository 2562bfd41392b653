"""The section on each learner: how fast it is, how it spends its time, and what becomes of its gradients."""

from __future__ import annotations

from collections.abc import Sequence
from math import isinf

import pandas as pd

from simasgd.report.drawing import svg
from simasgd.report.drawing.learner_figures import (
    LearnersOf,
    Quantity,
    draw_learner_dots,
    draw_learners,
    measure_dots,
    measure_learners,
)
from simasgd.report.drawing.page_parts import Block, Panel, Table
from simasgd.report.facts.formats import format_bytes, format_number, format_share, list_some, shorten_label
from simasgd.report.facts.tables import group_by_clock
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.results.quantities import COST_TIMES
from simasgd.results.run import Run
from simasgd.results.study import Study
from simasgd.results.tables import GRADIENTS

_LONGEST_NAME = 52
"""The characters of names that stand above the rows of a figure, across all its columns."""
_LISTED = 20
"""Learners at either end of the table; up to twice as many are all listed."""
_MEDIAN = "median"
_TITLES = {"in_flight": "under way", "mini_batch": "µ", "rate": "mini-batches/s"}
_OWN = ("mini_batch", "bandwidth")
"""The properties of a single learner; shown where learners differ."""
_SHARES = ("computing", "own work", "waiting", "messages", "idle")
_ALWAYS = ("computing", "waiting", "messages", "computed", "applied")
_DRAWN = (
    Quantity("rate", "speed in\nbatches/s"),
    Quantity("waiting", "waiting, of\nthe time", is_share=True),
    Quantity("applied", "gradients\napplied", is_count=True),
    Quantity("in vain", "gradients\nin vain", is_count=True),
)
_MEANING_OF_SPEED = "The speed counts the time of computing only."
_MEANING_OF_VAIN = "Gradients in vain were dropped, cancelled or lost."


def build_learner_blocks(study: Study, variants: Sequence[VariantFacts]) -> list[Block]:
    """Build the section from the tables of learners, if some variant has more than one learner.

    Variants with the same clock are drawn once. Of several seeds it shows the first.
    """
    groups = [
        (list_some([variants[i].name for i in group], 2), group[0], study_runs(study, group[0]))
        for group in group_by_clock(study)
        if variants[group[0]].learners > 1
    ]
    if not groups:
        return []
    found = [LearnersOf(names, series, describe_learners(run)) for names, series, run in groups]
    several = len(found) > 1
    seeds = max(len(runs) for runs in study.runs.values())
    seed = f" These are the numbers at seed {groups[0][2].seed}, the first of {seeds}." if seeds > 1 else ""
    reading = seed.strip() if several else f"{_describe(found[0].table)}{seed}"
    return [
        Block(
            id="learners",
            nav="Learners",
            title="Each learner",
            reading=reading,
            panels=[_build_panel(found)],
            more=[
                (_name_list(names if several else "", len(table)), _tabulate(table, _LISTED, _find_columns(table)))
                for names, _, table in found
            ],
            columns=1,
        )
    ]


def _build_panel(found: Sequence[LearnersOf]) -> Panel:
    """Draw the learners of one variant as bars or strips, or those of several as a row of dots each."""
    quantities = [one for one in _DRAWN if any(table[one.column].fillna(0.0).any() for _, _, table in found)]
    first = found[0]
    is_single = len(found) == 1
    height = measure_learners(len(first.table)) if is_single else measure_dots(len(found))
    with svg.open_figure(height) as figure:
        columns = figure.subplots(1, len(quantities), squeeze=False)[0]
        if is_single:
            draw_learners(columns, first.table, quantities, svg.choose_series_colour(first.series))
        else:
            draw_learner_dots(columns, [one._replace(name=shorten_label(one.name, _LONGEST_NAME)) for one in found], quantities)
    said = "; ".join(_describe_ranges(one, quantities) for one in found)
    form = "Bars" if is_single else "Dots"
    drawn = svg.render_inline(figure, "learners", f"{form} for each learner: {said}.")
    has_vain = any(one.column == "in vain" for one in quantities)
    dots = "" if is_single else "Every marker is a learner. "
    note = f"{dots}{_MEANING_OF_SPEED}{f' {_MEANING_OF_VAIN}' if has_vain else ''}"
    return Panel("Learners" if is_single else "Learners of each variant", drawn, note=note)


def _describe_ranges(one: LearnersOf, quantities: Sequence[Quantity]) -> str:
    parts = []
    for quantity in quantities:
        values = one.table[quantity.column].astype(float).dropna()
        form = format_share if quantity.is_share else format_number
        title = quantity.title.replace("\n", " ")
        parts += [f"{title} {form(values.min())} to {form(values.max())}"] if len(values) else []
    return f"{one.name}: {', '.join(parts)}"


def study_runs(study: Study, number: int) -> Run:
    """Return the first run of the variant with that number."""
    return list(study.runs.values())[number][0]


def describe_learners(run: Run) -> pd.DataFrame:
    """Return a row for each learner, those with the most applied gradients first.

    The columns are learner, mini_batch, bandwidth (bytes/s; infinite if unlimited), rate
    (mini-batches per second of computing; NaN if it never computed),
    computing, own work (steps, mixing, copies and starts), waiting, messages and idle (fractions of
    the run), the counts of gradients, and of those in vain (dropped, cancelled or lost).
    """
    table, whole = run.learners, run.simulated_seconds or 1.0
    computing = table["compute"].where(table["compute"] > 0.0)
    found = pd.DataFrame(
        {
            "learner": table["learner"],
            "mini_batch": table["mini_batch"],
            "bandwidth": table["bandwidth"].fillna(float("inf")),
            "rate": table["computed"] / computing,
            "computing": table["compute"] / whole,
            "own work": sum(table[name] for name in COST_TIMES if name in table) / whole,
            "waiting": table["wait"] / whole,
            "messages": (table["push"] + table["pull"]) / whole,
            "idle": table["idle"] / whole,
            **{name: table[name] for name in GRADIENTS},
        }
    )
    found["in vain"] = found["dropped"] + found["cancelled"] + found["lost"]
    return found.sort_values(["applied", "learner"], ascending=[False, True], ignore_index=True)


def _describe(table: pd.DataFrame) -> str:
    first, last = table.iloc[0], table.iloc[-1]
    most, least = int(first["applied"]), int(last["applied"])
    if most == least:
        return f"Each learner has {most:,} applied gradients.{_describe_waiting(table)}"
    one = f"Learner {int(first['learner'])} has {most:,} applied gradients"
    other = f"learner {int(last['learner'])} has {format_number(least)}"
    middle = f", and the median is {format_number(table['applied'].median())}" if len(table) > 2 else ""
    return f"{one}{',' if middle else ' and'} {other}{middle}.{_describe_waiting(table)}"


def _describe_waiting(table: pd.DataFrame) -> str:
    if table["waiting"].isna().all():
        return ""  # a log may not tell it
    least, most = float(table["waiting"].min()), float(table["waiting"].max())
    if format_share(least) == format_share(most):
        return f" Each waits {format_share(most)} of the time."
    return f" They wait {format_share(least)} to {format_share(most)} of the time."


def _name_list(names: str, learners: int) -> str:
    under = f" of {names}" if names else ""
    if learners <= 2 * _LISTED:
        return f"Every learner{under}"
    return f"The {_LISTED} learners{under} with the most applied gradients and the {_LISTED} with the fewest"


def _find_columns(table: pd.DataFrame) -> list[str]:
    """Return the columns of the longer table: what differs between learners, and what is not 0 for all of them."""
    own = [name for name in _OWN if table[name].nunique() > 1]
    return [*own, *(name for name in (*_SHARES, *GRADIENTS) if name in _ALWAYS or table[name].fillna(0.0).any())]


def _tabulate(table: pd.DataFrame, ends: int, columns: Sequence[str]) -> Table:
    """Tabulate all learners, or `ends` of them from either end with the medians between them."""
    whole = len(table) <= 2 * ends
    rows = [_write_row(row, columns) for _, row in (table if whole else table.head(ends)).iterrows()]
    if not whole:
        rows.append([_MEDIAN, *_write_row(table.median(), columns)[1:]])
        rows += [_write_row(row, columns) for _, row in table.tail(ends).iterrows()]
    return Table.of(["learner", _TITLES["rate"], *(_TITLES.get(name, name) for name in columns)], rows)


def _write_row(row: pd.Series, columns: Sequence[str]) -> list[str]:
    rate = "–" if pd.isna(row["rate"]) else format_number(float(row["rate"]))
    return [str(int(row["learner"])), rate, *(_write_cell(name, row[name]) for name in columns)]


def _write_cell(name: str, value: float) -> str:
    if pd.isna(value):
        return "–"
    if name == "bandwidth":
        return "unlimited" if isinf(value) else f"{format_bytes(value)}/s"
    return format_share(float(value)) if name in _SHARES else f"{float(value):,.10g}"
