"""Runs in several parts: what a part that continues a run cannot have."""

from __future__ import annotations

from collections.abc import Iterator

from simasgd.scenario.cluster.cluster import Cluster
from simasgd.scenario.vocabulary.section import Inconsistency


def check_continuation(cluster: Cluster) -> Iterator[Inconsistency]:
    """Yield why a run on this cluster cannot be continued: its clock begins anew, and some keys name times of the clock."""
    faults = cluster.faults
    named = {
        "crashes": isinstance(faults.crashes, tuple) and bool(faults.crashes),
        "absences": bool(faults.absences) or faults.absences_file is not None,
        "server_pauses": bool(faults.server_pauses),
        "degraded_links": bool(faults.degraded_links),
    }
    for key in (key for key, is_there in named.items() if is_there):
        message = "is at fixed times, which a part that begins anew would repeat; remove it, or stop.continued"
        yield Inconsistency(("cluster", "faults", key), f"a continued run cannot have this: it {message}")
    if any(law.distribution == "trace" for law in cluster.laws):
        message = "replays measured times in their order, which a part that begins anew would repeat; try `empirical`"
        yield Inconsistency(("cluster", "compute"), f"a continued run cannot have a trace: it {message}")
