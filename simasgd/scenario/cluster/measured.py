"""Measured times: a list in the scenario, a list for each series, or series that are stored in a file of their own."""

from __future__ import annotations

import hashlib
import sys
from array import array
from collections.abc import Iterable, Sequence
from functools import cached_property
from math import fsum, sqrt
from typing import Annotated, Any, final

from pydantic import Discriminator, Field, PlainSerializer, PlainValidator, Tag, WithJsonSchema

from simasgd.scenario.vocabulary.section import LIST, LISTS, MAPPING
from simasgd.scenario.vocabulary.units import TIME, Seconds, show
from simasgd.scenario.vocabulary.values import shown

MOST_EMBEDDED = 10_000
"""Greatest number of times that a scenario holds in its text."""
MOST_STORED = 20_000_000
"""Greatest number of times in all series of a file."""


@final
class StoredTimes:
    """Series of times (s), too long for the text of a scenario; they lie in a file named by their digest.

    Values never change: each series is a read-only view of bytes, which hold floats of 8 bytes.
    """

    def __init__(self, series: Iterable[array[float]]) -> None:
        self._bytes = tuple(one.tobytes() for one in series)

    @property
    def series(self) -> tuple[memoryview[float], ...]:
        """The series, as read-only views of floats."""
        return tuple(memoryview(one).cast("d") for one in self._bytes)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the number and the values of every series, in hexadecimal digits.

        It does not depend on the form of the file.
        """
        found = hashlib.sha256()
        for one in self.series:
            found.update(len(one).to_bytes(8, "little"))
            found.update(_little_endian(one))
        return found.hexdigest()

    @property
    def file(self) -> str:
        """Name of the file beside the scenario."""
        return f"times-{self.digest[:16]}.parquet"

    @cached_property
    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of all values together (s)."""
        return _moments(self.series)

    def plain(self) -> dict[str, str]:
        """Return the name of the file and the digest, as a resolved scenario has them."""
        return {"file": self.file, "sha256": self.digest}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoredTimes) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"StoredTimes({self.file})"


def _little_endian(values: memoryview[float]) -> bytes:
    if sys.byteorder == "little":
        return values.tobytes()
    swapped = array("d", values)
    swapped.byteswap()
    return swapped.tobytes()


def _validate_stored(value: Any) -> StoredTimes:
    if isinstance(value, StoredTimes):
        return value
    message = f"found {shown(value)}; expected a list of times, or the file and the sha256 that simasgd wrote"
    raise ValueError(message)


def _form(value: Any) -> str | None:
    if isinstance(value, StoredTimes | dict):
        return MAPPING
    if isinstance(value, list | tuple):
        return LISTS if value and isinstance(value[0], list | tuple) else LIST
    return None


_SCHEMA = {
    "type": "object",
    "properties": {"file": {"type": "string"}, "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"}},
    "required": ["file", "sha256"],
    "additionalProperties": False,
}
_List = Annotated[tuple[Seconds, ...], Field(min_length=1, max_length=MOST_EMBEDDED)]
_Lists = Annotated[tuple[_List, ...], Field(min_length=1, max_length=MOST_EMBEDDED)]
_Stored = Annotated[
    StoredTimes,
    PlainValidator(_validate_stored),
    PlainSerializer(lambda value: value.plain(), when_used="json"),
    WithJsonSchema(_SCHEMA),
]
Measured = Annotated[
    Annotated[_List, Tag(LIST)] | Annotated[_Lists, Tag(LISTS)] | Annotated[_Stored, Tag(MAPPING)], Discriminator(_form)
]
"""One series of times as a list; several as a list of lists; long ones as `StoredTimes`."""


def series_of(measured: Measured) -> tuple[Sequence[float], ...]:
    """Return the series of measured times (s)."""
    if isinstance(measured, StoredTimes):
        return measured.series
    return measured if isinstance(measured[0], tuple) else (measured,)


def moments_of(measured: Measured) -> tuple[float, float]:
    """Return the mean and the standard deviation of all values together (s).

    The sums are rounded once, so they are the same with every version of Python.
    """
    return measured.moments if isinstance(measured, StoredTimes) else _moments(series_of(measured))


def divided(measured: Measured, divisor: float) -> Measured:
    """Return the times ÷ `divisor`, in the same form."""
    if isinstance(measured, StoredTimes):
        return StoredTimes(array("d", (time / divisor for time in one)) for one in measured.series)
    shorter = tuple(tuple(time / divisor for time in one) for one in series_of(measured))
    return shorter if isinstance(measured[0], tuple) else shorter[0]


def embed(series: Sequence[array[float]]) -> Any:
    """Return series as the text of a scenario may hold them: lists if they are short, else `StoredTimes`."""
    if sum(map(len, series)) > MOST_EMBEDDED:
        return StoredTimes(series)
    texts = [[show(time, TIME) for time in one] for one in series]
    return texts if len(texts) > 1 else texts[0]


def _moments(series: Sequence[Sequence[float]]) -> tuple[float, float]:
    count = sum(map(len, series))
    mean = fsum(time for one in series for time in one) / count
    return mean, sqrt(fsum((time - mean) * (time - mean) for one in series for time in one) / count)
