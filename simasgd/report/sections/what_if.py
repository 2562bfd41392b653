"""The panel that shows how much faster a run would be with one part twice as fast."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.report.drawing.page_parts import Cell, Column, Panel, Table
from simasgd.report.facts.formats import NBSP, capitalise, format_factor, format_number, join_words, list_some
from simasgd.report.facts.part_facts import WhatIfFact
from simasgd.what_if.changes import NO_GAIN

_MAX_READ = 3

NamedFacts = tuple[str, Sequence[WhatIfFact]]
"""The names of variants with the same clock, and their speed-ups."""


def build_what_if_panel(answers: Sequence[NamedFacts]) -> Panel:
    """Build the panel from the speed-ups of at least one group of variants."""
    most_first = sorted(answers, key=lambda pair: -len(pair[1]))  # common parts keep their order
    found = [speedup for _, speedups in most_first for speedup in speedups]
    parts = list(dict.fromkeys(speedup.part for speedup in found))
    columns = [Column("under"), *(Column(part, numeric=True) for part in parts)]
    rows = []
    for names, speedups in answers:
        factors = {speedup.part: _format_speedup(speedup) for speedup in speedups}
        rows.append([Cell(names), *(Cell(factors.get(part, "–")) for part in parts)])
    return Panel(
        f"If one part were {join_words(list(dict.fromkeys(name_factor(speedup) for speedup in found)))}",
        note=f"{_describe_gains(answers)}{_describe_spread_starts(answers)}{_describe_method(found)}",
        table=Table(columns, rows),
    )


def _format_speedup(speedup: WhatIfFact) -> str:
    return f"≤{NBSP}{format_factor(speedup.speedup)}" if speedup.is_limit else speedup.text


def _describe_method(found: Sequence[WhatIfFact]) -> str:
    """Return what was simulated for the speed-ups, and where the others come from."""
    simulated = [speedup for speedup in found if not speedup.is_limit]
    gradients = sorted({speedup.gradients for speedup in simulated})
    sentences = []
    if simulated:
        many = f"{gradients[0]:,}" if len(gradients) == 1 else f"{gradients[0]:,} to {gradients[-1]:,}"
        whole = all(speedup.is_whole for speedup in simulated)
        sentences.append(f"{'All' if whole else 'The first'} {many} gradients were simulated again for this.")
    if any("±" in speedup.text for speedup in simulated):
        sentences.append(
            "The interval after ± is what chance alone may do (99 %, from ten blocks of the two runs, "
            "which meet the same faults and random numbers)."
        )
    if any(speedup.is_limit for speedup in found):
        sentences.append("A number after ≤ is the most that the critical path allows, if messages keep their order.")
    return " ".join(sentences)


def _describe_gains(answers: Sequence[NamedFacts]) -> str:
    if len(answers) > _MAX_READ:
        return ""
    gains = [f"{f'under {names}, ' if len(answers) > 1 else ''}{describe_best_gain(speedups)}" for names, speedups in answers]
    return f"{capitalise('; '.join(gains))}. "


def _describe_spread_starts(answers: Sequence[NamedFacts]) -> str:
    """Return the speed-ups of learners that start at different times, where these differ."""
    gains = []
    for names, speedups in answers:
        spread = [(speedup.spread_speedup, speedup.part) for speedup in speedups]
        factors = [f"{format_factor(factor)} ({part})" for factor, part in spread if factor is not None]
        gains += [f"{join_words(factors)}{f' under {names}' if len(answers) > 1 else ''}"] if factors else []
    return f"If learners start at different times, the speed-up is {list_some(gains, _MAX_READ)}. " if gains else ""


def describe_best_gain(speedups: Sequence[WhatIfFact]) -> str:
    """Return a clause about the part whose speed matters most."""
    best = max(speedups, key=lambda speedup: (speedup.is_clear, speedup.speedup))
    if best.speedup < NO_GAIN:
        return "no single part makes the run faster"
    if not best.is_clear and not best.is_limit:
        return "no single part makes the run faster by more than chance may"
    fast = "can make" if best.is_limit else "makes"
    factor = f"{format_factor(best.speedup)} as fast{' at most' if best.is_limit else ''}"
    return f"a {best.part} {name_factor(best)} {fast} the run {factor}"


def name_factor(speedup: WhatIfFact) -> str:
    """Return how fast the faster part is: `twice as fast`."""
    return f"{'twice' if speedup.factor == 2 else f'{format_number(speedup.factor)} times'} as fast"
