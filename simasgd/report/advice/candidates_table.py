"""The table of all candidates of a search: first what they are and what they cost, then how they learn."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from simasgd.advising.aims import SearchStage
from simasgd.advising.findings import CandidateRow, Findings
from simasgd.report.advice.wording import STAGES
from simasgd.report.drawing.page_parts import Cell, Column, Table
from simasgd.report.facts.formats import (
    choose_learner_time_unit,
    format_duration,
    format_epochs,
    format_number,
    format_percent,
    join_words,
)

_KNOWN = ("cluster.learners", "workload.mini_batch", "learning.optimizer.learning_rate")


@final
@dataclass(frozen=True)
class _NumberColumn:
    """A column of numbers: its title, the number of a candidate, its form, and whether a learning curve may foretell it."""

    title: str
    read: Callable[[CandidateRow], float | None]
    form: Callable[[float], str]
    is_forecast: bool = False

    def make_cell(self, row: CandidateRow) -> Cell:
        """Return the cell of a candidate."""
        value = self.read(row)
        if value is None:
            return Cell("–", "")
        mark = "≈\u202f" if self.is_forecast and row.foretold else ""
        return Cell(f"{mark}{self.form(value)}", repr(float(value)))


def tabulate_candidates(found: Findings) -> Table:
    """Tabulate every candidate, the soonest first; readers can sort the table on the page.

    Of learners, mini-batches and rates there are columns for those that differ (`say_shared` has the others).
    """
    others = [i for i, key in enumerate(found.keys) if key not in _KNOWN]
    is_error = found.target.quantity == "test_error"
    greatest = max((row.learner_hours for row in found.candidates if row.learner_hours is not None), default=0.0)
    size, unit = choose_learner_time_unit(greatest)
    choices = [one for one in _list_choices() if len({one.read(row) for row in found.candidates}) > 1]
    costs = [
        _NumberColumn("time to target", lambda row: row.seconds, format_duration, is_forecast=True),
        _NumberColumn(unit, lambda row: row.learner_hours, lambda hours: format_number(hours / size), is_forecast=True),
    ]
    learning = [
        _NumberColumn("epochs to target", lambda row: row.epochs_to_target, format_number, is_forecast=True),
        _NumberColumn("time of an epoch", lambda row: row.seconds_per_epoch, format_duration),
        _NumberColumn("staleness", lambda row: row.staleness, format_number),
        _NumberColumn("epochs learned", lambda row: row.epochs, format_number),
        _NumberColumn("error" if is_error else "loss", lambda row: row.score, format_percent if is_error else format_number),
        _NumberColumn("seeds", lambda row: row.seeds, format_number),
    ]
    words = [Column("protocol"), *(Column(found.keys[i].rpartition(".")[2].replace("_", " ")) for i in others)]
    columns = [
        *words,
        *(Column(one.title, numeric=True) for one in (*choices, *costs)),
        Column("result"),
        *(Column(one.title, numeric=True) for one in learning),
        Column("run"),
    ]
    in_order = sorted(found.candidates, key=lambda row: (math.inf if row.seconds is None else row.seconds, row.number))
    rows = [
        [
            Cell(row.variant or row.protocol),
            *(Cell(row.values[i]) for i in others),
            *(one.make_cell(row) for one in choices),
            *([Cell("far more", ""), costs[1].make_cell(row)] if _is_far(row) else [one.make_cell(row) for one in costs]),
            Cell(_say_result(row)),
            *(one.make_cell(row) for one in learning),
            Cell(row.folder.rpartition("/")[2], link=f"{row.folder}/") if row.folder else Cell("–"),
        ]
        for row in in_order
    ]
    return Table(columns, rows)


def say_shared(found: Findings) -> str:
    """Return the learners, the mini-batch and the rate that all candidates share; "" if they share none."""
    shared = []
    for one in _list_choices():
        values = {one.read(row) for row in found.candidates}
        if len(values) == 1 and (value := values.pop()) is not None:
            shared.append(f"{one.title} {one.form(value)}")
    return f"All have {join_words(shared)}." if shared else ""


def _list_choices() -> list[_NumberColumn]:
    return [
        _NumberColumn("learners", lambda row: row.learners, format_number),
        _NumberColumn("mini-batch", lambda row: row.mini_batch, format_number),
        _NumberColumn("learning rate", lambda row: row.learning_rate, format_number),
    ]


def _is_far(row: CandidateRow) -> bool:
    return row.score is not None and row.epochs_to_target is None and not row.problem


def _say_result(row: CandidateRow) -> str:
    why = row.problem
    if not why and row.stage == str(SearchStage.MISSED) and row.epochs is not None:
        why = f"not reached in {format_epochs(row.epochs)}"
    words = STAGES[SearchStage(row.stage)]
    return f"{words}: {why}" if why else words
