"""The facts about a kind: its docstring, keys and papers, and for a protocol its roles."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

from pydantic import BaseModel

from simasgd.asking.key_facts import KeyFacts, facts_of, first_sentence
from simasgd.asking.kinds import Family, list_families
from simasgd.asking.papers import Papers, find_papers, split_paragraphs
from simasgd.asking.roles import RoleVerbs, describe_staleness, list_roles
from simasgd.protocols import AbstractProtocol
from simasgd.protocols.answers import ask_for_server
from simasgd.scenario.learning.modulation import AbstractModulation


@final
@dataclass(frozen=True)
class KindFacts:
    """A kind of section that a scenario may choose."""

    kind: str
    key: str
    """The key that chooses it."""
    word: str
    """The name of such a kind, for example `protocol`."""
    paragraphs: tuple[str, ...]
    """The docstring."""
    keys: tuple[KeyFacts, ...]
    """The keys that a section of this kind has, as this kind has them."""
    papers: Papers
    has_server: bool | None
    """Whether a protocol has a parameter server; None for other kinds, and if that depends on a protocol's parameters."""
    roles: tuple[RoleVerbs, ...]
    """The roles of a protocol with their verbs."""
    staleness: str
    """A protocol's law of mean staleness; empty if none is known."""
    symbol: str
    """The rule of a modulation, such as α₀/τ."""
    source: str
    """The file of a protocol, which reads like its paper; empty for other kinds."""

    @property
    def first_sentence(self) -> str:
        return first_sentence(self.paragraphs[0]) if self.paragraphs else ""


def describe_kind(family: Family, kind: str) -> KindFacts:
    """Return the facts about a kind of a family."""
    section = family.members[kind]
    protocol = section if issubclass(section, AbstractProtocol) else None
    docstring = inspect.getdoc(section)
    return KindFacts(
        kind=kind,
        key=family.key,
        word=family.word,
        paragraphs=split_paragraphs(docstring),
        keys=tuple(_list_keys(family.key, kind, section)),
        papers=find_papers(docstring),
        has_server=None if protocol is None else ask_for_server(protocol),
        roles=() if protocol is None else list_roles(protocol),
        staleness="" if protocol is None else describe_staleness(protocol),
        symbol=section.model_construct(kind=kind).symbol if issubclass(section, AbstractModulation) else "",
        source="" if protocol is None else inspect.getsourcefile(protocol) or "",
    )


def list_kinds(word: str) -> list[KindFacts]:
    """Return the facts about every kind of this name."""
    return [describe_kind(family, word) for family in list_families() if word in family.members]


def _list_keys(key: str, kind: str, section: type[BaseModel]) -> Iterator[KeyFacts]:
    for name in section.model_fields:
        if name == "kind":
            continue
        found = facts_of(f"{key}.{name}")
        yield replace(found, forms=tuple(form for form in found.forms if kind in form.kinds))
