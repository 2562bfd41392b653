"""The numbers of a node profile, each with its meaning and its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, final

from simasgd.asking.key_facts import facts_of, meanings_of_values
from simasgd.scenario.field_words import flow
from simasgd.scenario.reading import catalogue, profiles
from simasgd.scenario.vocabulary.merge import Layer
from simasgd.scenario.vocabulary.units import DIMENSIONS, QUANTITY


@final
class ProfileNumber(NamedTuple):
    """A value of a profile."""

    key: str
    topology: str
    """The topology under which the value holds; empty for any."""
    written: str
    """The value as the profile writes it, with its unit."""
    number: float | None
    """The value in seconds, bytes or bytes per second, or as written; None if it is not a number."""
    unit: str
    """The unit of `number`; empty for a number without one."""
    meaning: str
    source: str


@final
@dataclass(frozen=True)
class ProfileFacts:
    """A node profile."""

    name: str
    title: str
    file: str
    numbers: tuple[ProfileNumber, ...]


def read_profile(name: str) -> ProfileFacts:
    """Read a profile by its name or from a file of the user's own. Raises ScenarioError."""
    return describe_profile(name, profiles.read_layer(name))


def describe_profile(name: str, layer: Layer) -> ProfileFacts:
    """Return the facts about a profile whose file has been read. Raises ScenarioError."""
    profile = profiles.check_profile(layer, name)
    numbers = [
        _describe(key, topology, value, source)
        for topology, found in profiles.list_numbers(profile).items()
        for key, value, source in found
    ]
    title = " ".join(str(profile.tree.get("title", "")).split())
    bundled = catalogue.list_profiles().get(name)
    return ProfileFacts(name, title, name if bundled is None else str(bundled), tuple(numbers))


def _describe(key: str, topology: str, value: Any, source: str) -> ProfileNumber:
    number, unit = _measure(value)
    try:
        facts = facts_of(key)
        of_value = meanings_of_values(facts.forms[0].words).get(flow(value))
        meaning = f"{flow(value)}: {of_value}" if facts.first_sentence.startswith("`") and of_value else facts.first_sentence
    except KeyError:  # the scenario that names the profile reports an unknown key
        meaning = ""
    return ProfileNumber(key, topology, flow(value), number, unit, meaning, source)


def _measure(value: Any) -> tuple[float | None, str]:
    """Return a value in SI units, and the unit."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value), ""
    match = QUANTITY.fullmatch(value) if isinstance(value, str) else None
    for dimension in DIMENSIONS:
        if match is not None and match[2] in dimension.units:
            return float(match[1]) * dimension.units[match[2]], next(iter(dimension.units))
    return None, ""
