"""A node profile of the user's own, as a resolved scenario keeps it."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

from pydantic import Field

from simasgd.scenario.vocabulary.section import OneLine


class SourcedNumber(NamedTuple):
    """A value of a profile, and its source."""

    key: str
    """Dotted key."""
    value: Any
    """As the profile writes it."""
    source: str


class ProfileFile(NamedTuple):
    """What a resolved scenario keeps of a profile's file, whose values are in its other keys.

    In YAML it is a list, because a later layer replaces a list as a whole.
    """

    file: str
    """Path, as the scenario gave it."""
    title: OneLine
    numbers: Annotated[tuple[SourcedNumber, ...], Field(max_length=10_000)]
