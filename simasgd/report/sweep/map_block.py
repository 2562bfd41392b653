"""The section of the sweep report with a heat map over two axes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations

import pandas as pd
from markupsafe import Markup

from simasgd.report.drawing import svg
from simasgd.report.drawing.page_parts import Block, Panel
from simasgd.report.facts.formats import capitalise, join_words, spell_count
from simasgd.report.sweep.drawing.figures import choose_scale
from simasgd.report.sweep.drawing.heat_map import draw_heat_map
from simasgd.report.sweep.facts.dials import Dial
from simasgd.report.sweep.facts.lost import say_lost
from simasgd.report.sweep.facts.sweep_facts import (
    NAMES,
    SECONDS,
    THROUGHPUT,
    SweepFacts,
    format_quantity,
    get_spread,
    list_rows,
    select,
)
from simasgd.report.sweep.layout import MOST_PANELS, lay_out, moves, split_rest
from simasgd.report.sweep.naming import TITLES, name_settings, say_panel, title_panel
from simasgd.report.sweep.verdict import SweepVerdict
from simasgd.sweeps.roles import KeyRole

_MOST_ROWS, _MOST_COLUMNS = 12, 30


def build_map(verdict: SweepVerdict) -> Block | None:
    """Build the heat map over the two choices with the most values; None if there are not two."""
    facts = verdict.facts
    quantity = facts.measure if facts.measure is not None else facts.speed
    layout = lay_out(quantity, facts, verdict.anchor) if verdict.anchor is not None else None
    dials = sorted(facts.varying, key=lambda dial: (dial.role is KeyRole.CHOICE, len(dial.values)), reverse=True)[:2]
    if layout is None or len(dials) < 2:
        return None
    across, down = dials if len(dials[1].values) <= _MOST_ROWS else dials[::-1]
    if len(down.values) > _MOST_ROWS or len(across.values) > _MOST_COLUMNS:
        return None
    anchor = verdict.anchor
    assert anchor is not None
    rest = [dial for dial in facts.varying if dial not in dials]
    still = [dial for dial in rest if _is_still(dial, quantity, facts)]
    panels_of, fixed = split_rest([dial for dial in rest if dial not in still], anchor)
    held = f" All with {say_panel(fixed, facts)}, as in the best setting." if fixed else ""
    same = f" The same at every {join_words([dial.name for dial in still])}." if still else ""
    fixed |= {dial.key: str(anchor[dial.key]) for dial in still}
    greatest_is_best = quantity == THROUGHPUT
    values = facts.sound[quantity].dropna()
    limits = (float(values.max()), float(values.min())) if greatest_is_best else (float(values.min()), float(values.max()))
    panels: list[Panel] = []
    for where_values in panels_of:
        figure = _draw_map((across, down), quantity, limits, {**fixed, **where_values}, verdict, f"map-{len(panels)}")
        panels.append(Panel(title_panel(where_values, facts) or TITLES[quantity], figure))
    others = _draw_other_maps(across, down, quantity, limits, verdict)
    seeds = spell_count(facts.repetitions, "seed")
    over = f"Numbers are means over {seeds}, and over nothing else. " if facts.repetitions > 1 else ""
    hatched = f" Hatched cells {say_lost(facts.settings)}." if len(facts.sound) < len(facts.settings) else ""
    is_whole = len(facts.settings) == math.prod(len(dial.values) for dial in facts.varying)
    missing = "" if is_whole else " The sweep does not have the dotted cells."
    worlds = [dial.each for dial in facts.world if dial in dials]
    each = f", one for each {join_words(worlds)}" if worlds else ""
    marks = f"The stronger the colour, the better. A frame marks the setting to use{each}."
    unit = f" ({choose_scale(quantity, max(limits))[1]})" if quantity == SECONDS else ""
    return Block(
        id="map",
        nav="Map",
        title=f"Map of the {NAMES[quantity]}{unit}: {across.name} and {down.name}",
        reading=f"{over}{marks}{hatched}{missing}{held}{same}",
        panels=panels,
        folded=others,
        folded_summary=f"Maps over {spell_count(len(others), 'other pair')} of axes, the rest as in the best setting",
    )


def _draw_map(
    axes: tuple[Dial, Dial],
    quantity: str,
    limits: tuple[float, float],
    fixed: Mapping[str, str],
    verdict: SweepVerdict,
    name: str,
) -> Markup:
    """Draw a map over two axes, the rest at the values in `fixed`; the settings to use have a frame if they are there."""
    facts, (across, down) = verdict.facts, axes
    rows = select(facts.settings, fixed)
    named = [one.row for one in name_settings(verdict) if one.is_best]
    best = [row for row in named if all(row[key] == value for key, value in fixed.items())]
    where = say_panel(fixed, facts)
    figure = draw_heat_map(rows, across, down, quantity, limits, best)
    label = f"Map of {NAMES[quantity]}{f' at {where}' if where else ''}. {_list_cells(rows, across, down, quantity)}"
    return svg.render_inline(figure, name, label)


def _draw_other_maps(
    across: Dial, down: Dial, quantity: str, limits: tuple[float, float], verdict: SweepVerdict
) -> list[Panel]:
    """Draw a map over each other pair of axes that move the quantity and have room, the rest as in the best setting."""
    facts, anchor = verdict.facts, verdict.anchor
    assert anchor is not None
    panels: list[Panel] = []
    for pair in combinations(facts.varying, 2):
        longer, shorter = sorted(pair, key=lambda dial: len(dial.values), reverse=True)
        fits = len(shorter.values) <= _MOST_ROWS and len(longer.values) <= _MOST_COLUMNS
        if (
            {dial.key for dial in pair} == {across.key, down.key}
            or not fits
            or not all(moves(dial, quantity, facts) for dial in pair)
        ):
            continue
        fixed = {dial.key: str(anchor[dial.key]) for dial in facts.varying if dial not in pair}
        figure = _draw_map((longer, shorter), quantity, limits, fixed, verdict, f"map-other-{len(panels)}")
        panels.append(Panel(f"{capitalise(longer.name)} and {shorter.name}", figure, note=f"At {say_panel(fixed, facts)}."))
    return panels[:MOST_PANELS]


def _is_still(dial: Dial, quantity: str, facts: SweepFacts) -> bool:
    """Return whether the map looks the same at every value of an axis."""
    rest = [other.key for other in facts.varying if other is not dial]
    outcomes = facts.settings.groupby(rest, sort=False)["outcome"].nunique()
    return not moves(dial, quantity, facts) and bool((outcomes == 1).all())


def _list_cells(rows: pd.DataFrame, across: Dial, down: Dial, quantity: str) -> str:
    cells = []
    for row in list_rows(rows):
        spread = get_spread(row, quantity)
        is_known = bool(row["sound"]) and spread is not None
        shown = format_quantity(quantity, spread.mean) if is_known and spread is not None else str(row["outcome"])
        cells.append(f"{across.say(row[across.key])}, {down.say(row[down.key])}: {shown}")
    return "; ".join(cells) + "."
