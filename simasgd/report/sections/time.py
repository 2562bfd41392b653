"""Where the time goes: what learners do, what is busy, the critical path, and what twice as fast a part would change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum

from simasgd.report.drawing import figures, svg
from simasgd.report.drawing.page_parts import Block, Cell, Column, LegendEntry, Panel, Table, draw_swatch
from simasgd.report.facts.formats import (
    NBSP,
    capitalise,
    format_factor,
    format_number,
    format_share,
    join_words,
    list_some,
    shorten_label,
)
from simasgd.report.facts.tables import group_by_clock
from simasgd.report.facts.variant_facts import Resource, VariantFacts, WhatIf
from simasgd.report.sections.verdict import describe_busiest, describe_time_spent
from simasgd.results.study import Study

_MOST_BARS = 10
_MOST_RESOURCES = 6
_MOST_LISTED = 100
_MOST_READ = 3
_NO_GAIN = 1.005
"""A speed-up that reads as 1.00×."""
_NOTHING = 0.0005
"""A share that reads as 0.0 %."""

Group = tuple[str, VariantFacts]
"""Variants whose clocks ran alike: their names, and the facts of the first."""


def build_time_block(study: Study, variants: Sequence[VariantFacts]) -> Block:
    """The section, whatever of it the runs have recorded."""
    groups = [(list_some([variants[i].name for i in group], 2), variants[group[0]]) for group in group_by_clock(study)]
    panels = [
        _build_learner_panel(groups),
        *_build_resource_panel(groups, variants),
        *_build_path_panel(groups),
        *_build_what_if_panel(groups),
    ]
    on_paths = {part for _, one in groups for part, fraction in (one.critical_path or {}).items() if fraction >= _NOTHING}
    shown = {*groups[0][1].learner_time, *on_paths}
    return Block(
        id="time",
        nav="Time",
        title="Where the time goes",
        reading=_describe_time(groups),
        panels=panels,
        legend=[LegendEntry(draw_swatch(activity), activity) for activity in svg.ACTIVITIES if activity in shown],
        table=_tabulate_time(variants),
        more=_tabulate_resources(variants),
    )


def _describe_time(groups: Sequence[Group]) -> str:
    said = ". ".join(f"{names}: {describe_time_spent(one).replace('Learners', 'learners', 1)}" for names, one in groups)
    busy = [(names, one) for names, one in groups if one.busiest is not None and one.busiest.busy > 0]
    names, most = max(busy, key=lambda pair: pair[1].busiest.busy if pair[1].busiest else 0.0, default=("", groups[0][1]))
    busiest = f". Under {names} {describe_busiest(most)}" if busy else ""
    return f"{said}{busiest}.{_describe_overlap(groups)}"


def _describe_overlap(groups: Sequence[Group]) -> str:
    """Worth a sentence where something overlaps at all: in the base architecture it is the share of computing again."""
    if all(one.architecture == "base" for _, one in groups):
        return ""
    said = []
    for names, one in groups:
        which = "" if names == one.architecture else f" ({one.architecture})"
        said += [f"{names}{which} {format_share(one.overlap)}"] if one.overlap is not None else []
    return f" Communication overlap: {list_some(said, 8)}." if said else ""


def _build_learner_panel(groups: Sequence[Group]) -> Panel:
    rows = []
    for names, one in groups:
        own = ": computing thread" if one.threads else ""
        rows.append((f"{shorten_label(names, 55 - len(own))}{own}", one.learner_time))
        for thread, times in one.threads.items():
            rows.append((f"{shorten_label(names, 40)}: {thread} thread", times))
    figure = svg.render_inline(
        figures.draw_shares(rows, "the learners' time"),
        "learners",
        f"Stacked bars of the learners' time. {_list_shares(rows)}.",
    )
    return Panel("Learners", figure, "mean over all learners")


def _list_shares(rows: Sequence[tuple[str, Mapping[str, float]]]) -> str:
    return "; ".join(
        f"{names}: {', '.join(f'{activity} {format_share(part)}' for activity, part in times.items())}" for names, times in rows
    )


def _build_resource_panel(groups: Sequence[Group], variants: Sequence[VariantFacts]) -> list[Panel]:
    """None where there is neither a server nor a link that several messages may want."""
    most = max(2, min(_MOST_RESOURCES, _MOST_BARS // len(groups)))
    several = len(groups) > 1
    rows = [
        (f"{shorten_label(names, 28)}, {found.name}" if several else capitalise(found.name), found)
        for names, one in groups
        for found in _select_busiest(one.resources, most)
    ]
    if not rows:
        return []
    said = "; ".join(
        f"{name}: {format_share(found.busy)} busy, {format_number(found.mean_queue)} waiting" for name, found in rows
    )
    figure = svg.render_inline(figures.draw_resources(rows), "resources", f"Bars of busy time. {said}.")
    notes = " ".join(filter(None, (_explain_omission(groups, most), _explain_absence(variants))))
    return [Panel(_name_resources(variants), figure, "and the mean number of requests waiting", notes)]


def _name_resources(variants: Sequence[VariantFacts]) -> str:
    return "Servers and links" if any(one.has_server for one in variants) else "Links"


def _explain_omission(groups: Sequence[Group], most: int) -> str:
    many = max(len(one.resources) for _, one in groups)
    if many <= most:
        return ""
    table = "all" if many <= _MOST_LISTED else "more"
    return f"The {most} busiest of {'up to ' if len(groups) > 1 else ''}{many:,}; the table below has {table}."


def _explain_absence(variants: Sequence[VariantFacts]) -> str:
    alone = [one.name for one in variants if not one.resources]
    return f"Under {list_some(alone, 6)} there is no server, and no two messages share a link." if alone else ""


def _select_busiest(resources: Sequence[Resource], most: int) -> Sequence[Resource]:
    """All of a few in their order, the busiest of many."""
    return resources if len(resources) <= most else sorted(resources, key=lambda one: -one.busy)[:most]


def _build_path_panel(groups: Sequence[Group]) -> list[Panel]:
    rows = [(shorten_label(names, 55), one.critical_path) for names, one in groups if one.critical_path is not None]
    if not rows:
        return []
    figure = svg.render_inline(
        figures.draw_shares(rows, "the critical path"), "path", f"Stacked bars of the critical path. {_list_shares(rows)}."
    )
    on = "On the critical path"
    said = [
        f"{on if len(groups) == 1 else f'{on} of {names}'} {describe_path(one)}." for names, one in groups if one.critical_path
    ]
    note = " ".join(said) if len(said) <= _MOST_READ else ""
    return [Panel("The critical path", figure, "what the end of the run waited for", note)]


def describe_path(one: VariantFacts) -> str:
    """What the critical path consists of."""
    assert one.critical_path is not None
    parts = {
        "computing": one.critical_path["compute"],
        "messages": one.critical_path["push"] + one.critical_path["pull"],
        "updates": one.critical_path["update"],
        "something else": one.critical_path["other"],
    }
    first, *others = ((format_share(part), what) for what, part in parts.items() if part >= _NOTHING)
    return join_words([f"{first[0]} is {first[1]}", *(f"{part} {what}" for part, what in others)])


def _build_what_if_panel(groups: Sequence[Group]) -> list[Panel]:
    asked = [(names, one.what_if) for names, one in groups if one.what_if]
    if not asked:
        return []
    most_first = sorted(asked, key=lambda pair: -len(pair[1]))  # so that the parts that all have keep their places
    found = [one for _, every in most_first for one in every]
    parts = list(dict.fromkeys(one.part for one in found))
    columns = [Column("under"), *(Column(part, numeric=True) for part in parts)]
    rows = []
    for names, every in asked:
        gains = {one.part: format_factor(one.speedup) for one in every}
        rows.append([Cell(names), *(Cell(gains.get(part, "–")) for part in parts)])
    again = f"Simulated again over the first {max(one.gradients for one in found):,} gradients."
    return [
        Panel(
            f"If one part were {join_words(list(dict.fromkeys(_name_factor(one) for one in found)))}",
            note=f"{_describe_gains(asked)}{_describe_spread_starts(asked)}{again}",
            table=Table(columns, rows),
        )
    ]


def _describe_gains(asked: Sequence[tuple[str, Sequence[WhatIf]]]) -> str:
    if len(asked) > _MOST_READ:
        return ""
    said = [f"{f'under {names} ' if len(asked) > 1 else ''}{describe_best_gain(every)}" for names, every in asked]
    return f"{capitalise('; '.join(said))}. "


def _describe_spread_starts(asked: Sequence[tuple[str, Sequence[WhatIf]]]) -> str:
    """The answers for learners that start at different moments, where that decides them."""
    said = []
    for names, every in asked:
        gains = [f"{format_factor(one.spread_speedup)} ({one.part})" for one in every if one.spread_speedup is not None]
        said += [f"{f'under {names} ' if len(asked) > 1 else ''}{join_words(gains)}"] if gains else []
    return f"Where learners start at different moments it is {list_some(said, _MOST_READ)}. " if said else ""


def describe_best_gain(every: Sequence[WhatIf]) -> str:
    """Which part is worth most when it is made faster."""
    best = max(every, key=lambda found: found.speedup)
    if best.speedup < _NO_GAIN:
        return "no part alone makes it sooner"
    return f"a {best.part} {_name_factor(best)} makes it {format_factor(best.speedup)} sooner"


def _name_factor(found: WhatIf) -> str:
    return f"{'twice' if found.factor == 2 else f'{format_number(found.factor)} times'} as fast"


def _tabulate_time(variants: Sequence[VariantFacts]) -> Table:
    activities = list(variants[0].learner_time)
    path = next((list(one.critical_path) for one in variants if one.critical_path is not None), [])
    overlapping = any(one.overlap is not None for one in variants)
    rows = []
    for one in variants:
        overlap = [_format_hundredths(one.overlap)] if overlapping else []
        along = [_format_hundredths((one.critical_path or {}).get(part)) for part in path]
        rows.append([one.name, *(_format_hundredths(one.learner_time[activity]) for activity in activities), *overlap, *along])
        for thread, times in one.threads.items():
            blank = [""] * (len(overlap) + len(along))
            rows.append(
                [f"{one.name}: {thread} thread", *(_format_hundredths(times.get(activity)) for activity in activities), *blank]
            )
    titles = ["variant", *activities, *(["overlap"] if overlapping else []), *(f"critical path: {part}" for part in path)]
    return Table.of(titles, rows)


def _format_hundredths(fraction: float | None) -> str:
    return "–" if fraction is None else f"{100 * fraction:.2f}{NBSP}%"


def _tabulate_resources(variants: Sequence[VariantFacts]) -> list[tuple[str, Table]]:
    """All servers and links, but of very many the busiest; nothing where there are none."""
    rows = [row for one in variants for row in _list_resources(one)]
    if not rows:
        return []
    what = "server or link" if any(one.has_server for one in variants) else "link"
    whole = all(len(one.resources) <= _MOST_LISTED for one in variants)
    title = f"Every {what.replace(' or ', ' and ')}" if whole else f"{_name_resources(variants)}, the busiest of very many"
    return [(title, Table.of(("variant", what, "busy", "waiting, mean"), rows, words=2))]


def _list_resources(one: VariantFacts) -> list[tuple[str, str, str, str]]:
    listed = _select_busiest(one.resources, _MOST_LISTED)
    rest = [found for found in one.resources if found not in listed]
    rows = [(one.name, found.name, found.busy, found.mean_queue) for found in listed]
    if rest:
        busy, queue = (fsum(values) / len(rest) for values in zip(*((it.busy, it.mean_queue) for it in rest), strict=True))
        rows.append((one.name, f"the other {len(rest):,}, mean", busy, queue))
    return [(variant, name, _format_hundredths(busy), f"{queue:.3g}") for variant, name, busy, queue in rows]
