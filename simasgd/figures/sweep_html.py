"""How a sweep shows itself in a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from matplotlib.figure import Figure

from simasgd.figures.html import embed, put_together, tabulate
from simasgd.report.facts.formats import use_plain_spaces
from simasgd.report.sweep.blocks import draw_part, has_trade_off
from simasgd.report.sweep.facts.sweep_facts import SECONDS, THROUGHPUT, SweepFacts
from simasgd.report.sweep.layout import lay_out
from simasgd.report.sweep.naming import TITLES, name_settings, say_panel
from simasgd.report.sweep.points_table import list_named
from simasgd.report.sweep.quantity_blocks import draw_panels
from simasgd.report.sweep.verdict import SweepVerdict
from simasgd.sweeps.table import Sweep


def show_sweep(sweep: Sweep) -> str:
    """Return a sweep as HTML for a notebook: the verdict, the settings worth naming, and two figures."""
    verdict = SweepVerdict.of(SweepFacts.of(sweep))
    table = ""
    if verdict.answers:
        titles, rows = list_named(name_settings(verdict), verdict.facts)
        table = tabulate(titles, rows, words=1)
    figures = [embed(figure, use_plain_spaces(title)) for title, figure in islice(_draw(verdict), 2)]
    return put_together(sweep.scenario.name, verdict.text, table, figures)


def _draw(verdict: SweepVerdict) -> Iterator[tuple[str, Figure]]:
    """Yield figures with their titles, those that say most first; those of the first part of the world alone."""
    facts, measure = verdict.facts, verdict.facts.measure
    if verdict.anchor is None:
        return
    if measure is not None and has_trade_off(facts):
        world = facts.name_world(verdict.answers[0].world)
        _, figure = draw_part(world, name_settings(verdict), measure, facts)
        yield _join(f"{TITLES[measure]} against simulated time", say_panel(world, facts)), figure
    for quantity in (*([measure] if measure is not None else []), SECONDS, THROUGHPUT):
        layout = lay_out(quantity, facts, verdict.anchor)
        if layout is not None:
            for _, where, figure, against in islice(draw_panels(layout, facts), 1):
                yield _join(f"{TITLES[quantity]} over {against or layout.across.name}", where), figure


def _join(title: str, where: str) -> str:
    return f"{title}: {where}" if where else title
