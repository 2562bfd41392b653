"""Means and sums over a variant's seeds, of what runs' summaries tell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from simasgd.report.facts.names import format_resource_name
from simasgd.report.facts.part_facts import UNNAMED, FaultFacts, ResourceFact
from simasgd.results.distributions import TimeFractions
from simasgd.results.summary import LinkLoad, ServerLoad, Summary
from simasgd.results.timeline import sort_by_number

ORDER = (
    "compute",
    "step",
    "mix",
    "launch",
    "copy",
    "push",
    "wait",
    "update",
    "pull",
    "idle",
    "down",
    "resend",
    "timeout",
    "pause",
    "other",
)
"""The order in which a report shows activities and the parts of a critical path."""
_ANSWER = "answer"
"""The thread that does what other learners ask for."""


def average_fractions(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the means over the seeds, in the order of a report; a key that a row lacks counts as 0."""
    every = sorted({key for row in rows for key in row}, key=ORDER.index)
    return {key: math.fsum(row.get(key, 0.0) for row in rows) / len(rows) for key in every}


def name_rest(times: TimeFractions) -> dict[str, float]:
    """Return the fractions that are known, and the rest as `UNNAMED` if some are not."""
    known = {activity: part for activity, part in times.model_dump().items() if part is not None}
    if None not in times.model_dump().values():
        return known
    return {**known, UNNAMED: max(0.0, 1.0 - math.fsum(known.values()))}


def average_resources(summaries: Sequence[Summary]) -> tuple[ResourceFact, ...]:
    """Return means over the seeds: of the servers, then of the links by their numbers.

    A link that a seed never used counts as idle.
    """
    servers = [{server.name: server for server in summary.servers} for summary in summaries]
    links = [{link.name: link for link in summary.links} for summary in summaries]
    return (
        *(_average_resource(name, servers) for name in servers[0]),
        *(_average_resource(name, links) for name in sort_by_number({name for seed in links for name in seed})),
    )


def _average_resource(name: str, seeds: Sequence[Mapping[str, ServerLoad | LinkLoad]]) -> ResourceFact:
    loads = [seed[name] for seed in seeds if name in seed]
    busy = math.fsum(load.busy for load in loads) / len(seeds)
    queues = [load.mean_queue for load in loads if load.mean_queue is not None]
    waiting = math.fsum(queues) / len(seeds) if len(queues) == len(loads) else None
    return ResourceFact(format_resource_name(name), busy, waiting)


def average_threads(rows: Sequence[Mapping[str, TimeFractions]]) -> dict[str, dict[str, float]]:
    """Return means over the seeds; a thread that answered nobody is left out."""
    threads = {thread: average_fractions([name_rest(row[thread]) for row in rows]) for thread in rows[0]}
    return {thread: spent for thread, spent in threads.items() if thread != _ANSWER or spent["idle"] < 1.0 - 1e-9}


def average_critical_path(rows: Sequence[Mapping[str, float]]) -> dict[str, float] | None:
    """Return the mean shares of the parts of the critical path over the seeds that have one; None if none has."""
    shares = [{part: seconds / whole for part, seconds in row.items()} for row in rows if (whole := math.fsum(row.values()))]
    return average_fractions(shares) if shares else None


def sum_faults(summaries: Sequence[Summary]) -> FaultFacts:
    """Return the sums over the seeds."""
    rows = [
        {**(summary.faults.model_dump() if summary.faults is not None else {}), **summary.gradients.model_dump()}
        for summary in summaries
    ]
    return FaultFacts(**{known.name: _sum([row.get(known.name) for row in rows]) for known in fields(FaultFacts)})


def _sum(counts: Sequence[Any]) -> Any:
    """Return the sum of counts; None if one is not known."""
    return None if None in counts else sum(counts)
