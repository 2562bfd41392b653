"""The JSON files of a results folder: strict JSON, checked against its form when it is read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simasgd.errors import UsageError
from simasgd.scenario.vocabulary.values import shown

_MOST_SHOWN = 60  # characters of a wrong value that a message quotes
_EXPECTED = {
    "model_type": "a mapping is expected",
    "dict_type": "a mapping is expected",
    "tuple_type": "a list is expected",
    "string_type": "text is expected",
    "int_type": "a whole number is expected",
    "float_type": "a number is expected",
}


class Stored(BaseModel):
    """The form of a mapping in a file of results.

    All its keys are required; further ones are ignored.
    """

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)


StoredT = TypeVar("StoredT", bound=Stored)
ItemT = TypeVar("ItemT")
Items = Annotated[tuple[ItemT, ...], Field(strict=False)]
"""A JSON list, as a tuple."""


def read_json(path: Path, form: type[StoredT]) -> StoredT:
    """Read a file that simasgd wrote.

    Raises simasgd.UsageError with the file and the first key that does not fit the form.
    """
    try:
        raw = path.read_bytes()
        with suppress(ValidationError):  # the slower way below says what is wrong
            return form.model_validate_json(raw)
        content = json.loads(raw.decode("utf-8"), parse_constant=_refuse)
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise UsageError(f"{path}: simasgd did not write this: a mapping is expected")
    try:
        return form.model_validate(content)
    except ValidationError as error:
        raise UsageError(f"{path}: {_describe_error(error)}") from None


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write strict JSON; equal contents make equal bytes."""
    path.write_text(json.dumps(plain(content), indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")


def finite(value: float) -> float | None:
    """Return a number that JSON can hold: None for NaN and infinities."""
    return value if math.isfinite(value) else None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _describe_error(error: ValidationError) -> str:
    """Describe the first mistake: its key, what is expected, and what was found."""
    first, *others = error.errors(include_url=False)
    key = ".".join(map(str, first["loc"])) or "the file"
    more = f" (and {len(others)} more)" if others else ""
    if first["type"] == "missing":
        return f"{key} is missing; was it written by another version of simasgd?{more}"
    found = shown(first["input"])
    found = found if len(found) <= _MOST_SHOWN else found[:_MOST_SHOWN] + "…"
    if key == "format":
        return f"format {found} is unknown; was it written by another version of simasgd?"
    expected = _EXPECTED.get(first["type"], first["msg"].removeprefix("Value error, "))
    return f"{key}: {expected[:1].lower()}{expected[1:]}, not {found}{more}"


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: tuples as lists, NaN and infinities as None."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return finite(value) if isinstance(value, float) else value
