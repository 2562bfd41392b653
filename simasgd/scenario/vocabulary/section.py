"""The base of all sections of a scenario: immutable, without unknown keys, and with checks of contradictions."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field

Count = Annotated[int, Field(strict=True, gt=0, le=2**53)]
Flag = Annotated[bool, Field(strict=True)]
Seed = Annotated[int, Field(strict=True, ge=0, le=2**32 - 1)]


def _one_line(text: str) -> str:
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
            raise ValueError(f"the character U+{ord(character):04X} is not allowed; one line of text is expected")
    return text


OneLine = Annotated[str, Field(max_length=1000), AfterValidator(_one_line)]
"""One line of text without control characters."""


class Section(BaseModel):
    """A typed mapping of a scenario."""

    # A validator is built when it is first used: only that of the root is, for most commands. `docstrings.py` reads docstrings.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)

    @classmethod
    def by_default(cls) -> Self:
        """Return the section in which all keys have their defaults. That needs no validator, so none is built."""
        return cls.model_construct()  # type: ignore[return-value]  # for its plugin that is a Section


class Rival(NamedTuple):
    """Two values, each given by its path of keys, that contradict each other.

    If a later layer gave the winner than the loser, `instead` replaces the loser (None: it is
    removed, so that its default holds).
    """

    loser: tuple[str | int, ...]
    winner: tuple[str | int, ...]
    instead: Any = None


class Inconsistency(NamedTuple):
    """Values that are valid one by one but contradict each other: the path of keys and the message.

    It is a mistake unless one of the rivals is overruled.
    """

    path: tuple[str | int, ...]
    message: str
    rivals: tuple[Rival, ...] = ()

    def within(self, *prefix: str | int) -> Inconsistency:
        """Return this inconsistency with paths from the section that has this one below `prefix`."""
        rivals = tuple(Rival((*prefix, *r.loser), (*prefix, *r.winner), r.instead) for r in self.rivals)
        return Inconsistency((*prefix, *self.path), self.message, rivals)


class InconsistentScenario(ValueError):
    """Raised for values that are valid one by one but contradict each other; `found` lists them."""

    def __init__(self, found: list[Inconsistency]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, one.path))}: {one.message}" for one in found))
        self.found = found


def _named(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


def _present(value: Any) -> Any:
    return {} if value is None else value


NullForDefaults = BeforeValidator(_present)
"""Lets null reset a section to its defaults: `faults=null`."""

LIST, LISTS, MAPPING, NUMBER, NAME = "(list)", "(lists)", "(mapping)", "(number)", "(name)"  # no key looks like these


def _form(value: Any) -> str | None:
    if isinstance(value, dict | BaseModel):
        return MAPPING
    return LIST if isinstance(value, list | tuple) else None


ListOrMapping = Discriminator(_form)
"""Chooses between the two forms of a field, which carry the tags LIST and MAPPING."""

OneOrSeveral = Discriminator(lambda value: _form(value) or NUMBER)
"""Chooses among the three forms of a field, which carry the tags NUMBER, LIST and MAPPING."""

NumberOrList = Discriminator(lambda value: LIST if isinstance(value, list | tuple) else NUMBER)
"""Chooses between the two forms of a field, which carry the tags NUMBER and LIST."""

NumberOrMapping = Discriminator(lambda value: MAPPING if isinstance(value, dict | BaseModel) else NUMBER)
"""Chooses between the two forms of a field, which carry the tags NUMBER and MAPPING."""

NameOrList = Discriminator(lambda value: LIST if isinstance(value, list | tuple) else NAME)
"""Chooses between the two forms of a field, which carry the tags NAME and LIST."""

NameForKind = BeforeValidator(_named)
"""Lets a bare word stand for the mapping with that `kind` and no parameters: `protocol: hardsync`."""

Number = Annotated[float, Field(strict=True)]
"""A number; strict, so that a boolean or a text is refused."""

Positive = Annotated[Number, Field(gt=0.0)]
NonNegative = Annotated[Number, Field(ge=0.0)]
DecayRate = Annotated[Number, Field(ge=0.0, lt=1.0)]
"""The factor that the past keeps at each step of a running mean or a momentum."""
