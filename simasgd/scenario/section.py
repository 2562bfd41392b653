"""What all sections of a scenario share: they are immutable, refuse unknown keys and say what does not fit together."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field

Count = Annotated[int, Field(strict=True, gt=0, le=2**53)]
Flag = Annotated[bool, Field(strict=True)]
Seed = Annotated[int, Field(strict=True, ge=0, le=2**32 - 1)]


class Section(BaseModel):
    """A mapping of a scenario, typed."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


class Inconsistency(NamedTuple):
    """Values that are fine alone and wrong together: where (a path of keys) and what."""

    path: tuple[str | int, ...]
    message: str


def _named(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


def _present(value: Any) -> Any:
    return {} if value is None else value


NullForDefaults = BeforeValidator(_present)
"""Lets null take a section away that holds its defaults then: `faults=null`."""

LIST, MAPPING, NUMBER = "(list)", "(mapping)", "(number)"  # no key looks so


def _form(value: Any) -> str | None:
    if isinstance(value, dict | BaseModel):
        return MAPPING
    return LIST if isinstance(value, list | tuple) else None


ListOrMapping = Discriminator(_form)
"""Chooses between the two forms of a field, which carry the tags LIST and MAPPING."""

NumberOrMapping = Discriminator(lambda value: MAPPING if isinstance(value, dict | BaseModel) else NUMBER)
"""The same, with the tags NUMBER and MAPPING."""

NameForKind = BeforeValidator(_named)
"""Lets a bare word stand for the mapping with that `kind` and no parameters: `protocol: hardsync`."""

Number = Annotated[float, Field(strict=True)]
"""Strict, so that neither a boolean nor a text passes for one."""
