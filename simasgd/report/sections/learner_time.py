"""The section on time: what learners do, how busy servers and links are, and the critical path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import fsum

from markupsafe import Markup

from simasgd.report.drawing import figures, svg
from simasgd.report.drawing.page_parts import Block, LegendEntry, Panel, Table, draw_swatch
from simasgd.report.facts.formats import (
    NBSP,
    format_number,
    format_share,
    list_some,
    shorten_label,
)
from simasgd.report.facts.names import say_resource
from simasgd.report.facts.part_facts import UNNAMED, ResourceFact
from simasgd.report.facts.tables import group_by_clock
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.sections.critical_path import LEAST_SHARE, NAMES, NamedGroup, build_path_panels, list_shares
from simasgd.report.sections.single_variant import BUSY, describe_busiest, describe_time_spent, find_bottleneck
from simasgd.report.sections.what_if import build_what_if_panel
from simasgd.results.study import Study

_MAX_BARS = 12
_MAX_RESOURCES = 6
_MAX_LISTED = 100
_MAX_READ = 3


def build_time_block(study: Study, variants: Sequence[VariantFacts]) -> Block:
    """Build the section from what the runs have recorded."""
    groups = [(list_some([variants[i].name for i in group], 2), variants[group[0]]) for group in group_by_clock(study)]
    answers = [(names, variant.what_if) for names, variant in groups if variant.what_if]
    panels = [
        _build_learner_panel(groups),
        *_build_resource_panel(groups, variants),
        *build_path_panels(groups),
        *([build_what_if_panel(answers)] if answers else []),
    ]
    on_paths = {
        part for _, variant in groups for part, fraction in (variant.critical_path or {}).items() if fraction >= LEAST_SHARE
    }
    shown = {*(activity for _, variant in groups for activity in _list_activities([variant])), *on_paths}
    return Block(
        id="time",
        nav="Time",
        title="Where the time goes",
        reading=_describe_time(groups),
        panels=panels,
        legend=[
            LegendEntry(draw_swatch(activity), _name_activity(activity, variants))
            for activity in svg.ACTIVITIES
            if activity in shown
        ],
        table=_tabulate_time(variants),
        more=_tabulate_resources(variants),
    )


def _name_activity(activity: str, variants: Sequence[VariantFacts]) -> str:
    """Return an activity's name; of a measured run's unnamed time, that the log does not name it."""
    unnamed = activity == UNNAMED and any(UNNAMED in variant.learner_time for variant in variants)
    return f"{activity} (of learners: not named by the log)" if unnamed else NAMES.get(activity, activity)


def _format_queue(length: float | None) -> str:
    return "an unknown number" if length is None else format_number(length)


def _describe_time(groups: Sequence[NamedGroup]) -> str:
    spent = ". ".join(
        f"{names}: {describe_time_spent(variant).replace('Learners', 'learners', 1)}" for names, variant in groups
    )
    loads = _describe_loads(groups)
    overlap = _describe_overlap(groups)
    if len(groups) > _MAX_READ:  # the bars say it
        return f"{loads}{overlap}".strip()
    return f"{spent}. {loads}{overlap}" if loads else f"{spent}.{overlap}"


def _describe_loads(groups: Sequence[NamedGroup]) -> str:
    """Return a sentence about the busiest server or link, or about all that are busy nearly always; "" if nothing is used."""
    limited = [(names, load) for names, variant in groups if (load := find_bottleneck(variant)) is not None]
    full = [
        (names, load)
        for names, variant in groups
        if (load := variant.busiest) is not None and load.busy > BUSY and find_bottleneck(variant) is None
    ]
    if len(limited) + len(full) > 1:
        return " ".join((*_list_loads(limited, "is the bottleneck"), *_list_loads(full, "is busy but not the bottleneck")))
    busy = [(names, variant) for names, variant in groups if variant.busiest is not None and variant.busiest.busy > 0]
    names, most = max(busy, key=lambda pair: _rank_load(pair[1]), default=("", groups[0][1]))
    return f"Under {names}, {describe_busiest(most)}." if busy else ""


def _list_loads(loads: Sequence[tuple[str, ResourceFact]], what: str) -> list[str]:
    """Return a sentence for each resource, with the variants under which that holds of it."""
    under: dict[str, list[str]] = {}
    for names, load in loads:
        under.setdefault(load.name, []).append(f"{names} ({format_share(load.busy)} of the time)")
    return [f"The {say_resource(name)} {what} under {list_some(names, 6)}." for name, names in under.items()]


def _rank_load(variant: VariantFacts) -> tuple[bool, float]:
    """Return the order of variants by their busiest server or link; bottlenecks come last."""
    load = find_bottleneck(variant) or variant.busiest
    return find_bottleneck(variant) is not None, 0.0 if load is None else load.busy


def _describe_overlap(groups: Sequence[NamedGroup]) -> str:
    """Return a sentence about overlap; in base architectures it is the share of computing."""
    if all(variant.architecture == "base" for _, variant in groups):
        return ""
    overlaps = []
    for names, variant in groups:
        architecture = "" if names == variant.architecture else f" ({variant.architecture})"
        overlaps += [f"{names}{architecture} {format_share(variant.overlap)}"] if variant.overlap is not None else []
    return f" Communication overlap: {list_some(overlaps, 8)}." if overlaps else ""


def _build_learner_panel(groups: Sequence[NamedGroup]) -> Panel:
    rows = []
    for names, variant in groups:
        own = ": computing thread" if variant.threads else ""
        rows.append((f"{shorten_label(names, 55 - len(own))}{own}", variant.learner_time))
        for thread, times in variant.threads.items():
            rows.append((f"{shorten_label(names, 40)}: {thread} thread", times))
    label = f"Stacked bars of the learners' time. {list_shares(rows)}."
    return Panel("Learners", _draw_shares(rows, "the learners' time", "learner-time", label), "mean over all learners")


def _draw_shares(rows: Sequence[tuple[str, Mapping[str, float]]], whole: str, name: str, label: str) -> Markup:
    draw = partial(figures.draw_shares, rows=rows, whole=whole)
    return svg.draw_inline(draw, figures.measure_rows(len(rows)), name, label)


def _build_resource_panel(groups: Sequence[NamedGroup], variants: Sequence[VariantFacts]) -> list[Panel]:
    """Build the panel if there is a server, or a link that several messages share."""
    most = max(1, min(_MAX_RESOURCES, _MAX_BARS // len(groups)))
    several = len(groups) > 1
    loads = [
        (shorten_label(names, 55) if several else "", _select_busiest(variant.resources, most))
        for names, variant in groups
        if variant.resources
    ]
    if not loads:
        return []
    said = "; ".join(_describe_load(names, found) for names, resources in loads for found in resources)
    draw = partial(figures.draw_resources, groups=loads)
    figure = svg.draw_inline(draw, figures.measure_resources(loads), "resources", f"Bars of busy time. {said}.")
    notes = " ".join(filter(None, (_explain_omission(groups, most), _describe_pauses(groups), _explain_absence(variants))))
    return [Panel(_name_resources(variants), figure, "and the mean number of messages or requests waiting", notes)]


def _describe_load(names: str, found: ResourceFact) -> str:
    under = f"{names}, " if names else ""
    return f"{under}{found.name}: {format_share(found.busy)} busy, {_format_queue(found.mean_queue)} waiting"


def _name_resources(variants: Sequence[VariantFacts]) -> str:
    return "Servers and links" if any(variant.has_server for variant in variants) else "Links"


def _explain_omission(groups: Sequence[NamedGroup], most: int) -> str:
    count = max(len(variant.resources) for _, variant in groups)
    if count <= most:
        return ""
    rest = f"the table below lists {'all' if count <= _MAX_LISTED else 'more'}."
    busiest = "Shown is the busiest" if most == 1 else f"Shown are the {most} busiest"
    if len(groups) == 1:
        return f"{busiest} of {count:,}; {rest}"
    more = [f"{names} ({len(variant.resources):,})" for names, variant in groups if len(variant.resources) > most]
    return f"{busiest} of {list_some(more, 6)}{'' if len(more) == len(groups) else ', and all of the others'}; {rest}"


def _describe_pauses(groups: Sequence[NamedGroup]) -> str:
    """Return how long servers pause, since a pause is not busy; "" if none does."""
    under = [(names, share) for names, variant in groups if (share := variant.pause_share)]
    if not under:
        return ""
    shares = [f"{format_share(share)} of the time{f' under {names}' if len(groups) > 1 else ''}" for names, share in under]
    return f"Pauses are not busy time: the server pauses {list_some(shares, 6)}."


def _explain_absence(variants: Sequence[VariantFacts]) -> str:
    alone = [variant.name for variant in variants if not variant.resources and not variant.measured]
    unknown = [variant.name for variant in variants if not variant.resources and variant.measured]
    sentences = [
        f"Under {list_some(alone, 6)}, there is no server, and no two messages share a link." if alone else "",
        f"The loads of servers and links were not measured under {list_some(unknown, 6)}." if unknown else "",
    ]
    return " ".join(filter(None, sentences))


def _select_busiest(resources: Sequence[ResourceFact], most: int) -> Sequence[ResourceFact]:
    """Return all resources in their order, or the `most` busiest if there are more."""
    return resources if len(resources) <= most else sorted(resources, key=lambda resource: -resource.busy)[:most]


def _tabulate_time(variants: Sequence[VariantFacts]) -> Table:
    activities = _list_activities(variants)
    path = list(dict.fromkeys(part for variant in variants for part in variant.critical_path or ()))
    overlapping = any(variant.overlap is not None for variant in variants)
    rows = []
    for variant in variants:
        overlap = [_format_part(variant.overlap)] if overlapping else []
        along = [_format_part(_read_part(variant, part)) for part in path]
        rows.append(
            [
                variant.name,
                *(_format_part(variant.learner_time.get(activity)) for activity in activities),
                *overlap,
                *along,
            ]
        )
        for thread, times in variant.threads.items():
            blank = [""] * (len(overlap) + len(along))
            rows.append(
                [
                    f"{variant.name}: {thread} thread",
                    *(_format_part(times.get(activity, 0.0)) for activity in activities),
                    *blank,
                ]
            )
    titles = ["variant", *activities, *(["overlap"] if overlapping else []), *(f"critical path: {part}" for part in path)]
    return Table.of(titles, rows)


def _list_activities(variants: Sequence[VariantFacts]) -> list[str]:
    """Return the activities of all threads, each once; those that only costs bring about are there if they took time."""
    days = [day for variant in variants for day in (variant.learner_time, *variant.threads.values())]
    return list(dict.fromkeys(activity for day in days for activity in day))


def _read_part(variant: VariantFacts, part: str) -> float | None:
    return None if variant.critical_path is None else variant.critical_path.get(part, 0.0)


def _format_part(fraction: float | None) -> str:
    return "–" if fraction is None else f"{100 * fraction:.3g}{NBSP}%"


def _tabulate_resources(variants: Sequence[VariantFacts]) -> list[tuple[str, Table]]:
    """Tabulate all servers and links, or the busiest if there are very many."""
    rows = [row for variant in variants for row in _list_resources(variant)]
    if not rows:
        return []
    what = "server or link" if any(variant.has_server for variant in variants) else "link"
    whole = all(len(variant.resources) <= _MAX_LISTED for variant in variants)
    title = f"Every {what.replace(' or ', ' and ')}" if whole else f"{_name_resources(variants)}, the busiest ones"
    return [(title, Table.of(("variant", what, "busy", "waiting, mean"), rows, words=2))]


def _list_resources(variant: VariantFacts) -> list[tuple[str, str, str, str]]:
    listed = _select_busiest(variant.resources, _MAX_LISTED)
    rest = [found for found in variant.resources if found not in listed]
    rows = [(variant.name, found.name, found.busy, found.mean_queue) for found in listed]
    if rest:
        busy, queue = (
            fsum(values) / len(rest) for values in zip(*((it.busy, it.mean_queue or 0.0) for it in rest), strict=True)
        )
        rows.append((variant.name, f"the other {len(rest):,}, mean", busy, queue))
    return [(variant, name, _format_part(busy), _format_waiting(queue)) for variant, name, busy, queue in rows]


def _format_waiting(queue: float | None) -> str:
    if queue is None:
        return "–"
    return "< 0.001" if 0.0 < queue < 0.0005 else f"{queue:.3g}"
