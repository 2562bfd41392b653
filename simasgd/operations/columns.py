"""The columns of a log's file: their names, units and what they must not be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from simasgd.errors import UsageError
from simasgd.operations.log import NUMBERS
from simasgd.scenario.vocabulary.values import nearest, shown

_UNITS = {"seconds": 1.0, "milliseconds": 1e-3, "microseconds": 1e-6, "nanoseconds": 1e-9}
_STARTS = {"start": 1.0, **{f"start_{unit}": factor for unit, factor in _UNITS.items() if unit != "seconds"}}
_MOMENTS = ("read_at", "computed_at")
LARGEST = 1e18  # of any number in a file: nanoseconds of 30 years
TEXTS = ("learner", "operation")
KNOWN = (*TEXTS, *_UNITS, *_STARTS, *NUMBERS)
"""Every column that a file may have."""
_INDEX = re.compile(r"|__index_level_[0-9]+__")


def is_index(name: str) -> bool:
    """Return whether a column is the index that pandas writes, which is left out: nameless in CSV."""
    return _INDEX.fullmatch(name) is not None


@final
@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers."""

    key: str
    """The attribute of the log that it fills."""
    name: str
    """Its name in the file."""
    factor: float
    """The factor that turns its numbers into seconds, bytes, samples or counts."""
    may_be_missing: bool
    """Whether a row may have no value."""
    least: float = 0.0
    """The least value in the file."""


def read_columns(file: Path, names: Sequence[str]) -> list[NumberColumn]:
    """Return the columns of numbers in a file with these names.

    Raises UsageError where a name is unknown or occurs twice, or where no column, or more than one,
    gives the duration or the start.
    """
    names = [name for name in names if not is_index(name)]
    if not names:
        raise UsageError(f"{file}: the file is empty; expected a header with at least one of {', '.join(_UNITS)}")
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{file}: there are two columns {shown(name)}")
        if name not in KNOWN:
            near = nearest(name, KNOWN)
            hint = f"did you mean {near!r}?" if near else f"known columns: {', '.join(KNOWN)}"
            raise UsageError(f"{file}: unknown column {shown(name)}; {hint}")
    durations = [name for name in names if name in _UNITS]
    starts = [name for name in names if name in _STARTS]
    for found, meaning in ((durations, "the duration"), (starts, "the start")):
        if len(found) > 1:
            raise UsageError(f"{file}: the columns {found[0]} and {found[1]} both give {meaning}; leave one")
    if not durations:
        raise UsageError(f"{file}: no column gives the duration; expected one of {', '.join(_UNITS)}")
    return [
        NumberColumn("seconds", durations[0], _UNITS[durations[0]], may_be_missing=True),  # by some operations
        *(NumberColumn("start", name, _STARTS[name], may_be_missing=True, least=-LARGEST) for name in starts),
        *(
            NumberColumn(name, name, 1.0, may_be_missing=True, least=-LARGEST if name in _MOMENTS else 0.0)
            for name in NUMBERS
            if name in names
        ),
    ]
