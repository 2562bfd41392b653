"""The tables of the sweep report: the best settings, all settings, and all points.

Learner-hours have a column whose title is their unit, learner-hours or learner-seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, final

import pandas as pd

from simasgd.report.drawing.page_parts import Cell, Column, Table
from simasgd.report.facts.formats import NBSP, choose_learner_time_unit, format_number
from simasgd.report.sweep.facts.dials import Dial, place_values
from simasgd.report.sweep.facts.sweep_facts import (
    COST,
    LOSS,
    NAMES,
    SECONDS,
    STALENESS,
    THROUGHPUT,
    TO_TARGET,
    SettingRow,
    SweepFacts,
    format_quantity,
    get_spread,
)
from simasgd.report.sweep.naming import NamedSetting
from simasgd.results.outcome import Outcome

_TITLES = {**NAMES, THROUGHPUT: "samples/s", STALENESS: "mean staleness (updates)"}
_SHORT = {SECONDS: "time", TO_TARGET: "to target", STALENESS: "staleness"}
"""Shorter titles of the tables with many columns."""


@final
@dataclass(frozen=True)
class _NumberForm:
    """How the tables write numbers: `size` and `unit` are those of the column of learner-hours."""

    size: float
    unit: str

    @classmethod
    def of(cls, facts: SweepFacts) -> _NumberForm:
        greatest = facts.points[COST].max()
        return cls(*choose_learner_time_unit(0.0 if math.isnan(greatest) else float(greatest)))

    def title(self, quantity: str) -> str:
        """Return the title of a column."""
        return self.unit if quantity == COST else _TITLES[quantity]

    def shorten(self, quantity: str) -> str:
        """Return the title of a column in a table with many of them."""
        return _SHORT.get(quantity, self.title(quantity))

    def write(self, quantity: str, value: float) -> str:
        """Return a number with its unit, unless its column's title has it."""
        return format_number(value / self.size) if quantity == COST else format_quantity(quantity, value)

    def show_spread(self, row: SettingRow, quantity: str) -> Cell:
        """Return the mean over the seeds, and the range in brackets."""
        spread = get_spread(row, quantity)
        if spread is None:
            return Cell("–", "")
        mean, low, high = (self.write(quantity, value) for value in spread[:3])
        if low == high:
            return Cell(mean, repr(spread.mean))
        units = {text.partition(NBSP)[2] for text in (mean, low, high)}
        ends = (low, high) if len(units) > 1 else (text.partition(NBSP)[0] for text in (low, high))
        return Cell(f"{mean} ({f'{NBSP}–{NBSP}'.join(ends)})", repr(spread.mean))

    def show_named(self, row: SettingRow, quantity: str) -> str:
        """Return a number of a named setting, with its range unless the table would get too wide."""
        text = self.show_spread(row, quantity).text
        return text.partition(" (")[0] if quantity in (TO_TARGET, THROUGHPUT, COST) else text


def list_quantities(facts: SweepFacts) -> list[str]:
    """Return the quantities of the tables, with the test loss if a point with an error fails."""
    fails = (facts.points["outcome"] == Outcome.FAILS) & facts.points[LOSS].notna()
    measures = [facts.measure] if facts.measure is not None else []
    loss = [LOSS] if fails.any() and LOSS not in measures else []
    target = [TO_TARGET] if facts.points[TO_TARGET].notna().any() else []
    return [*measures, *loss, SECONDS, *target, THROUGHPUT, STALENESS, COST]


def tabulate_settings(facts: SweepFacts) -> Table:
    """Tabulate every setting: means over the seeds, and their ranges."""
    quantities = list_quantities(facts)
    form = _NumberForm.of(facts)
    columns = [Column(dial.name) for dial in facts.dials]
    columns += [Column(title, numeric=True) for title in ("seeds", *map(form.shorten, quantities))]
    columns.append(Column("outcome"))
    rows = []
    for _, row in facts.settings.iterrows():
        numbers = [form.show_spread(row, quantity) for quantity in quantities]
        seeds = Cell(str(row["points"]), str(row["points"]))
        rows.append([*_list_values(row, facts.dials), seeds, *numbers, Cell(row["outcome"])])
    return Table(columns, rows)


def tabulate_points(facts: SweepFacts) -> Table:
    """Tabulate every point; readers can sort the table on the page. Outcomes have a column unless all points finished."""
    quantities = list_quantities(facts)
    form = _NumberForm.of(facts)
    swept = [dial.key for dial in facts.dials]
    chance = [axis for axis in facts.sweep.axes if axis.key not in swept]
    columns = [Column(dial.name) for dial in facts.dials]
    columns += [Column(axis.key, numeric=True) for axis in chance]
    columns += [Column(title, numeric=True) for title in ("seed", *map(form.shorten, quantities))]
    outcomes = set(facts.points["outcome"])
    has_outcomes = len(outcomes) > 1 or outcomes != {str(Outcome.FINISHED)}
    columns += [*([Column("outcome")] if has_outcomes else []), Column("folder")]
    rows = []
    for _, row in facts.points.iterrows():
        because = row["error"] if row["outcome"] == Outcome.FAILED else row["reason"]
        rows.append(
            [
                *_list_values(row, facts.dials),
                *(Cell(str(row[axis.key])) for axis in chance),
                Cell(str(row["seed"]), str(row["seed"])),
                *(_make_cell(row[quantity], partial(form.write, quantity)) for quantity in quantities),
                *([Cell(f"{row['outcome']}: {because}" if because else row["outcome"])] if has_outcomes else []),
                Cell(row["folder"].rpartition("/")[2], link=f"{row['folder']}/" if not row["error"] else ""),
            ]
        )
    return Table(columns, rows)


def _list_values(row: pd.Series, dials: Sequence[Dial]) -> list[Cell]:
    return [Cell(dial.labels[row[dial.key]], _sort_key(dial, row[dial.key])) for dial in dials]


def _sort_key(dial: Dial, value: str) -> str | None:
    """Return the number that sorts a value; None if the values are texts."""
    return None if dial.axis.numbers is None else repr(place_values(dial.axis)[value])


def _make_cell(value: Any, shown: Callable[[float], str] = format_number) -> Cell:
    known = value is not None and not math.isnan(value)
    return Cell(shown(value), repr(float(value))) if known else Cell("–", "")


def list_named(named: Sequence[NamedSetting], facts: SweepFacts) -> tuple[list[str], list[list[str]]]:
    """Return the titles and the rows of a table of chosen settings, each with its roles: for page and terminal."""
    left_out = {LOSS, STALENESS} - ({facts.measure} if facts.measure is not None else set())
    form = _NumberForm.of(facts)
    listed = [quantity for quantity in list_quantities(facts) if quantity not in left_out]
    quantities = [quantity for quantity in listed if any(get_spread(one.row, quantity) for one in named)]
    titles = ["", *(dial.name for dial in facts.varying), *map(form.title, quantities)]
    rows = [
        [
            one.title,
            *(dial.labels[one.row[dial.key]] for dial in facts.varying),
            *(form.show_named(one.row, quantity) for quantity in quantities),
        ]
        for one in named
    ]
    return titles, rows
