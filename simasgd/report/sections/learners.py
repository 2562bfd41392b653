"""The section on each learner: how fast it is, how it spends its time, and what becomes of its gradients."""

from __future__ import annotations

from collections.abc import Sequence
from math import isinf

import pandas as pd

from simasgd.report.drawing.page_parts import Block, Panel, Table
from simasgd.report.facts.formats import capitalise, format_bytes, format_number, format_share, list_some
from simasgd.report.facts.tables import group_by_clock
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.results.quantities import COST_TIMES
from simasgd.results.run import Run
from simasgd.results.study import Study
from simasgd.results.tables import GRADIENTS

_SHOWN = 4
"""Learners at either end of a panel's table; up to twice as many are all shown."""
_LISTED = 20
"""Learners at either end of the longer table."""
_PANELS = 4
_MEDIAN = "median"
_TITLES = {"in_flight": "under way", "mini_batch": "µ"}
_OWN = ("mini_batch", "bandwidth")
"""What a learner has of its own; shown where learners differ."""
_SHARES = ("computing", "own work", "waiting", "messages", "idle")
_BRIEF = ("waiting", "applied")
_ALWAYS = ("computing", "waiting", "messages", "computed", "applied")


def build_learner_blocks(study: Study, variants: Sequence[VariantFacts]) -> list[Block]:
    """Build the section from the tables of learners, if some variant has more than one learner.

    Variants with the same clock share a table. Of several seeds it shows the first.
    """
    groups = [
        (list_some([variants[i].name for i in group], 2), study_runs(study, group[0]))
        for group in group_by_clock(study)
        if variants[group[0]].learners > 1
    ]
    if not groups:
        return []
    tables = [(names, describe_learners(run)) for names, run in groups]
    several = len(groups) > 1
    seeds = max(len(runs) for runs in study.runs.values())
    seed = f" These are the numbers at seed {groups[0][1].seed}, the first of {seeds}." if seeds > 1 else ""
    return [
        Block(
            id="learners",
            nav="Learners",
            title="Each learner",
            reading=" ".join(_describe(names if several else "", table) for names, table in tables[:_PANELS]) + seed,
            panels=[
                Panel(
                    names if several else "Learners",
                    subtitle="rate: mini-batches per second of computing",
                    note=_explain(len(table)),
                    table=_tabulate(table, _SHOWN, _BRIEF),
                )
                for names, table in tables[:_PANELS]
            ],
            more=[
                (_name_list(names if several else "", len(table)), _tabulate(table, _LISTED, _find_columns(table)))
                for names, table in tables
            ],
        )
    ]


def study_runs(study: Study, number: int) -> Run:
    """Return the first run of the variant with that number."""
    return list(study.runs.values())[number][0]


def describe_learners(run: Run) -> pd.DataFrame:
    """Return a row for each learner, those with the most applied gradients first.

    The columns are learner, mini_batch, bandwidth (bytes/s; infinite if unlimited), rate
    (mini-batches per second of computing; NaN if it never computed),
    computing, own work (steps, mixing, copies and starts), waiting, messages and idle (fractions of
    the run), and the counts of gradients.
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
    return found.sort_values(["applied", "learner"], ascending=[False, True], ignore_index=True)


def _describe(names: str, table: pd.DataFrame) -> str:
    first, last = table.iloc[0], table.iloc[-1]
    under = f"{names}: " if names else ""
    most, least = int(first["applied"]), int(last["applied"])
    if most == least:
        return f"{capitalise(f'{under}each')} learner has {most:,} applied gradients.{_describe_waiting(table)}"
    one = f"{under}learner {int(first['learner'])} has {most:,} applied gradients"
    other = f"learner {int(last['learner'])} has {format_number(least)}"
    middle = f", and the median is {format_number(table['applied'].median())}" if len(table) > 2 else ""
    return f"{capitalise(one)}{',' if middle else ' and'} {other}{middle}.{_describe_waiting(table)}"


def _describe_waiting(table: pd.DataFrame) -> str:
    if table["waiting"].isna().all():
        return ""  # a log may not tell it
    least, most = float(table["waiting"].min()), float(table["waiting"].max())
    if format_share(least) == format_share(most):
        return f" Each waits {format_share(most)} of the time."
    return f" They wait {format_share(least)} to {format_share(most)} of the time."


def _explain(learners: int) -> str:
    if learners <= 2 * _SHOWN:
        return ""
    return (
        f"Shown are the {_SHOWN} learners with the most and the {_SHOWN} with the fewest of {learners:,}; {_where(learners)}."
    )


def _where(learners: int) -> str:
    return "the table below has all" if learners <= 2 * _LISTED else "learners.parquet has all"


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
    return Table.of(["learner", "rate", *(_TITLES.get(name, name) for name in columns)], rows)


def _write_row(row: pd.Series, columns: Sequence[str]) -> list[str]:
    rate = "–" if pd.isna(row["rate"]) else format_number(float(row["rate"]))
    return [str(int(row["learner"])), rate, *(_write_cell(name, row[name]) for name in columns)]


def _write_cell(name: str, value: float) -> str:
    if pd.isna(value):
        return "–"
    if name == "bandwidth":
        return "unlimited" if isinf(value) else f"{format_bytes(value)}/s"
    return format_share(float(value)) if name in _SHARES else f"{float(value):,.10g}"
