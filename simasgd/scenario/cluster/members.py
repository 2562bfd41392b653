"""Values that differ between members: one for all, a list with one for each, or a law."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import fsum, isinf
from typing import Annotated, Literal, final

from pydantic import Tag

from simasgd.scenario.cluster.times import Variation
from simasgd.scenario.vocabulary.section import LIST, MAPPING, NUMBER, Inconsistency, OneOrSeveral, Section
from simasgd.scenario.vocabulary.units import BytesPerSecond


class AbstractMemberLaw(Section):
    """A law of values over the members of a cluster; a member keeps its value for the whole run."""

    distribution: Literal["gamma", "lognormal"]
    """The law."""
    cv: Variation
    """Coefficient of variation of the values; each learner, node or rack has one."""

    def law_inconsistencies(self, without: str) -> Iterator[Inconsistency]:
        """Yield the mistakes in the law; `without` says which value makes all members equal."""
        if self.cv < 1e-6:
            message = f"{self.cv:g} is too small; it must be at least 1e-06 ({without}, all are equal)"
            yield Inconsistency(("cv",), message)


@final
class Bandwidths(AbstractMemberLaw):
    """A law of the nodes' bandwidths; a node keeps its bandwidth for the whole run."""

    mean: BytesPerSecond
    """Mean over many nodes."""

    def inconsistencies(self) -> Iterator[Inconsistency]:
        yield from self.law_inconsistencies("with one bandwidth instead of a law")
        if isinf(self.mean):
            yield Inconsistency(("mean",), "a law needs a finite mean; without a law, unlimited holds for every node")


NodeBandwidth = Annotated[
    Annotated[BytesPerSecond, Tag(NUMBER)]
    | Annotated[tuple[BytesPerSecond, ...], Tag(LIST)]
    | Annotated[Bandwidths, Tag(MAPPING)],
    OneOrSeveral,
]
"""One bandwidth for every node, a list with one for each, or a law."""


def scaled(bandwidth: NodeBandwidth, factor: float) -> NodeBandwidth:
    """Return bandwidths `factor` times as large."""
    if isinstance(bandwidth, Bandwidths):
        return bandwidth.model_copy(update={"mean": bandwidth.mean * factor})
    return tuple(one * factor for one in bandwidth) if isinstance(bandwidth, tuple) else bandwidth * factor


def is_unlimited(bandwidth: NodeBandwidth) -> bool:
    """Return whether no node limits a message."""
    if isinstance(bandwidth, Bandwidths):
        return False
    return all(map(isinf, bandwidth if isinstance(bandwidth, tuple) else (bandwidth,)))


def mean_of(values: Sequence[float]) -> float:
    """Return the mean of values, and of equal ones exactly their value."""
    return values[0] if min(values) == max(values) else fsum(values) / len(values)
