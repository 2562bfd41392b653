"""Checks of faults that make learners leave, against the protocol and the costs."""

from __future__ import annotations

from collections.abc import Iterator

from simasgd.protocols import AbstractPeerProtocol, AbstractProtocol
from simasgd.scenario.cluster.cluster import Cluster
from simasgd.scenario.vocabulary.section import Inconsistency, Rival


def check_missing_members(protocol: AbstractProtocol, cluster: Cluster) -> Iterator[Inconsistency]:
    """Yield the mistakes in faults that make learners leave."""
    faults, key = cluster.faults, ("cluster", "faults", "member_timeout")
    if not isinstance(protocol, AbstractPeerProtocol):
        if faults.member_timeout is not None:
            message = f"{protocol.kind} has a parameter server, so learners do not wait for each other; remove this key"
            yield Inconsistency(key, message, (Rival(key, ("protocol",)),))
    elif cluster.may_leave and cluster.costs.any:
        message = f"under {protocol.kind} a trace that stops cannot be combined with costs; use repeat, or remove the costs"
        yield Inconsistency(_end_of_trace(cluster), message)
    elif faults.makes_learners_leave and cluster.costs.any:
        message = f"under {protocol.kind} learners that leave and come back cannot be combined with costs; remove one of them"
        yield Inconsistency(("cluster", "faults", "crashes" if faults.crashes else "absences"), message)


def _end_of_trace(cluster: Cluster) -> tuple[str | int, ...]:
    """Return the path of the key that ends a learner's work with its trace."""
    if not isinstance(cluster.compute, tuple):
        return ("cluster", "compute", "at_end")
    place = next(place for place, law in enumerate(cluster.compute) if law.at_end == "stop")
    return ("cluster", "compute", place, "at_end")
