"""The kinds that a scenario may choose from, by the key that chooses, as the schema's unions list them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import final

from pydantic import BaseModel

from simasgd.protocols import foreign
from simasgd.scenario.field_words import kind_of
from simasgd.scenario.reading import keys
from simasgd.scenario.schema import Scenario

WORDS = {
    "protocol": ("protocol", "protocols"),
    "learning.data": ("data set", "data sets"),
    "learning.model": ("model", "models"),
    "learning.optimizer": ("optimizer", "optimizers"),
    "learning.modulation": ("modulation", "modulations (rules for stale gradients)"),
    "learning.partition": ("partition of the data", "partitions of the data"),
    "workload.compression": ("compression", "compressions of gradients"),
    "cluster.network.topology": ("network topology", "network topologies"),
    "cluster.architecture": ("architecture", "architectures of parameter servers"),
    "protocol.collective": ("collective operation", "collective operations"),
}
"""The names of the kinds at each key, singular and plural. A test holds the keys equal to the schema's unions."""


@final
@dataclass(frozen=True)
class Family:
    """The kinds among which a key chooses, with the class of each."""

    key: str
    members: dict[str, type[BaseModel]]

    @property
    def word(self) -> str:
        """The name of one of the kinds."""
        return WORDS[self.key][0]

    @property
    def words(self) -> str:
        """The name of several of the kinds."""
        return WORDS[self.key][1]


@cache
def list_families() -> tuple[Family, ...]:
    """Return every family of kinds, in the order of WORDS."""
    found: dict[str, dict[str, type[BaseModel]]] = {key: {} for key in WORDS}
    for place in keys.iterate_fields(Scenario):
        for section in keys.find_nested_sections(place.field.annotation):
            if (kind := kind_of(section)) is not None:
                found.setdefault(place.key, {})[kind] = section
    for kind in foreign.list_installed_kinds():
        try:
            protocol = foreign.load_protocol(kind)
        except ValueError:  # the message appears where a scenario chooses it, and in `simasgd list`
            continue
        if protocol is not None:
            found["protocol"].setdefault(kind, protocol)
    return tuple(Family(key, members) for key, members in found.items())
