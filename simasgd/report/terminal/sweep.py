"""The end of a sweep: the settings worth naming, and the sentences of the page's verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from simasgd.printable import printable
from simasgd.report.facts.formats import use_plain_spaces
from simasgd.report.sweep.facts.sweep_facts import SweepFacts, describe_target
from simasgd.report.sweep.naming import name_settings
from simasgd.report.sweep.points_table import list_named
from simasgd.report.sweep.verdict import SweepVerdict
from simasgd.report.terminal.conclusion import Conclusion
from simasgd.report.terminal.text_table import TextColumn, TextTable
from simasgd.scenario.free_messages import describe_free_messages

_OF_MESSAGES = ("cluster.network", "cluster.server", "cluster.profile", "workload.payload")

if TYPE_CHECKING:
    from simasgd.sweeps.table import Sweep


def conclude_sweep(sweep: Sweep) -> Conclusion:
    """Return the end of a command that ran a sweep."""
    facts = SweepFacts.of(sweep)
    verdict = SweepVerdict.of(facts)
    done = int((sweep.points["error"] == "").sum())
    seeds = f"Means over {facts.repetitions} seeds, with the range in brackets. " if facts.repetitions > 1 else ""
    target = f"{use_plain_spaces(found)} " if (found := describe_target(facts)) else ""
    sentences = (verdict.headline, *verdict.reasons, *verdict.effects)
    return Conclusion(
        table=_tabulate(verdict) if verdict.answers else None,
        remark=f"{seeds}{target}{done} of {len(sweep.points)} points.",
        verdict=tuple(printable(use_plain_spaces(sentence)) for sentence in sentences),
        notes=_list_notes(facts),
        content=replace(sweep, verdict=verdict.text, best=verdict.list_best()).as_json(),
    )


def _list_notes(facts: SweepFacts) -> tuple[str, ...]:
    """Return notes on the scenario that hold at all points."""
    swept = [key for dial in facts.dials for key in dial.axis.keys]
    if any(key.startswith(_OF_MESSAGES) for key in swept):
        return ()
    notes = (note for one in facts.sweep.scenario.by_variant.values() for note in describe_free_messages(one))
    return tuple(printable(note) for note in dict.fromkeys(notes))


def _tabulate(verdict: SweepVerdict) -> TextTable:
    """Return the table of the settings worth naming; its last columns are the least important."""
    facts = verdict.facts
    named = name_settings(verdict)
    titles, rows = list_named(named, facts)
    words = 1 + len(facts.varying)
    cells = [tuple(printable(use_plain_spaces(text)) for text in column) for column in zip(*rows, strict=True)]
    columns = (
        TextColumn(printable(use_plain_spaces(title)), column, len(titles) - number, numeric=number >= words)
        for number, (title, column) in enumerate(zip(titles, cells, strict=True))
    )
    return TextTable(tuple(columns), emphasised=frozenset(i for i, one in enumerate(named) if one.is_best))
