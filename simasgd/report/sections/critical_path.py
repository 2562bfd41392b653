"""The panel of the critical path: what it holds, and where it does not limit the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import log

from simasgd.report.drawing import figures, svg
from simasgd.report.drawing.page_parts import Panel
from simasgd.report.facts.formats import format_factor, format_share, join_words, list_some, shorten_label
from simasgd.report.facts.part_facts import WhatIfFact
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.sections.what_if import name_factor
from simasgd.what_if.chance import compute_margin
from simasgd.what_if.question import Looseness

_MAX_READ = 3
_MAX_NAMED = 6
LEAST_SHARE = 0.0005
"""A share below this one reads as 0.0 %."""
_APART = 0.15
"""The path contradicts a speed-up that differs from the path's own by a greater ratio, and by more than chance."""
NAMES = {
    "down": "down (a learner is away)",
    "resend": "resend (a lost message is to be sent again)",
    "timeout": "timeout (a time-out or a deadline passes)",
    "pause": "pause (of the server)",
}
"""What the legend says of parts in which nothing works."""
LOST = {
    "down": "learners that are down",
    "resend": "waiting to send lost messages again",
    "timeout": "time-outs",
    "pause": "server pauses",
}
"""The same parts in sentences."""
_COSTS = {"step": "own steps", "mix": "mixing", "copy": "copies", "launch": "starts of collectives"}
_WHY: Mapping[Looseness, str] = {
    "tree": "The servers of the tree add gradients up while messages are under way, so learners do not wait for the path.",
    "time": "The path holds what the last update waited for; a fault that delays this chain need not delay other learners.",
    "fair": "Messages that share a link slow each other down, and the path holds only one of them.",
    "discards": "The run discards gradients, and a faster run discards others.",
}

NamedGroup = tuple[str, VariantFacts]
"""Variants with the same clock: their names, and the facts of the first."""


def build_path_panels(groups: Sequence[NamedGroup]) -> list[Panel]:
    """Build the panel if a path is known."""
    rows = [(shorten_label(names, 55), variant.critical_path) for names, variant in groups if variant.critical_path is not None]
    if not rows:
        return []
    draw = partial(figures.draw_shares, rows=rows, whole="the critical path")
    label = f"Stacked bars of the critical path. {list_shares(rows)}."
    figure = svg.draw_inline(draw, figures.measure_rows(len(rows)), "path", label)
    on = "On the critical path"
    sentences = [
        f"{on}{'' if len(groups) == 1 else f' of {names}'}, {describe_path(variant)}."
        for names, variant in groups
        if variant.critical_path
    ]
    note = " ".join([*(sentences if len(sentences) <= _MAX_READ else []), *_describe_contradictions(groups)])
    return [Panel("The critical path", figure, "the chain of work that decides when the run ends", note)]


def list_shares(rows: Sequence[tuple[str, Mapping[str, float]]]) -> str:
    """Return the shares of stacked bars as text."""
    return "; ".join(
        f"{names}: {', '.join(f'{activity} {format_share(part)}' for activity, part in times.items())}" for names, times in rows
    )


def describe_path(variant: VariantFacts) -> str:
    """Return a clause about the parts of the critical path."""
    assert variant.critical_path is not None
    path = variant.critical_path
    parts = {
        "computing": path["compute"],
        "messages": path["push"] + path["pull"],
        "updates": path["update"],
        **{what: path.get(part, 0.0) for part, what in {**_COSTS, **LOST}.items()},
        "something else": path["other"],
    }
    first, *others = ((format_share(part), what) for what, part in parts.items() if part >= LEAST_SHARE)
    return join_words([f"{first[0]} is {first[1]}", *(f"{part} {what}" for part, what in others)])


def find_contradiction(variant: VariantFacts) -> WhatIfFact | None:
    """Return the faster part of which the path says most wrongly how much it brings; None if the path is right about all."""
    if variant.critical_path is None or variant.path_gap is None:
        return None
    apart = [row for row in variant.what_if if not row.is_limit and row.on_path and _compare(row) > _find_room(row)]
    return max(apart, key=_compare, default=None)


def _compare(row: WhatIfFact) -> float:
    assert row.on_path is not None
    return abs(log(row.speedup / row.on_path))


def _find_room(row: WhatIfFact) -> float:
    return log(1.0 + _APART + compute_margin(row.standard_error) / row.speedup)


def _describe_contradictions(groups: Sequence[NamedGroup]) -> list[str]:
    """Return a sentence for each reason why paths do not limit runs, with the plainest example."""
    by_reason: dict[Looseness, list[tuple[str, WhatIfFact]]] = {}
    for names, variant in groups:
        row = find_contradiction(variant)
        if row is not None and variant.path_gap is not None:
            by_reason.setdefault(variant.path_gap, []).append((names, row))
    several = len(groups) > 1
    return [_describe_contradiction(reason, found, several=several) for reason, found in by_reason.items()]


def _describe_contradiction(reason: Looseness, found: Sequence[tuple[str, WhatIfFact]], *, several: bool) -> str:
    names, row = max(found, key=lambda pair: _compare(pair[1]))
    assert row.on_path is not None
    of = f" of {list_some([names for names, _ in found], _MAX_NAMED)}" if several else ""
    example = f" of {names}" if len(found) > 1 else ""
    shorter = f"a {row.part} {name_factor(row)} makes the path{example} {format_factor(row.on_path)} as fast"
    return (
        f"The path{of} does not tell what limits the run: {shorter}, but the run {format_factor(row.speedup)}. {_WHY[reason]} "
        "The next table tells what a faster part brings."
    )
