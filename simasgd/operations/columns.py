"""The columns of a log's file: their names, units and what they must not be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from simasgd.errors import UsageError
from simasgd.operations.log import NUMBERS
from simasgd.scenario.tables.parquet import is_parquet
from simasgd.scenario.vocabulary.names import join_words
from simasgd.scenario.vocabulary.values import nearest, shown

_UNITS = {"seconds": 1.0, "milliseconds": 1e-3, "microseconds": 1e-6, "nanoseconds": 1e-9}
_STARTS = {"start": 1.0, **{f"start_{unit}": factor for unit, factor in _UNITS.items() if unit != "seconds"}}
_MOMENTS = ("read_at", "computed_at")
LARGEST = 1e18  # of any number in a file: nanoseconds of 30 years
TEXTS = ("learner", "operation")
KNOWN = (*TEXTS, *_UNITS, *_STARTS, *NUMBERS)
"""Every column that a file may have."""
_SURE = 0.8
"""From this similarity on, a name is a misspelt column, and not another word for one."""
_UNIT_OF = {
    word: unit
    for unit, words in {
        "seconds": "s sec secs second",
        "milliseconds": "ms msec msecs millis millisecond",
        "microseconds": "us µs μs usec usecs micros microsecond",
        "nanoseconds": "ns nsec nsecs nanos nanosecond",
    }.items()
    for word in (unit, *words.split())
}
_USUAL = {
    word: column
    for column, words in {
        "learner": "rank worker node host machine gpu device client process replica trainer",
        "operation": "op event phase",
        "start": "start begin began started timestamp ts",
        "seconds": "duration dur elapsed latency took time step",
        "mini_batch": "batchsize minibatch samples bs",
        "bytes": "size nbytes payload message",
        "version": "weights",
        "batch": "iteration iter",
    }.items()
    for word in words.split()
}
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
    _refuse_unknown(file, [name for name in names if name not in KNOWN])
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


def _refuse_unknown(file: Path, names: Sequence[str]) -> None:
    """Raise UsageError for columns that no log has, with what to call them."""
    if not names:
        return
    place = str(file) if is_parquet(file) else f"{file}, line 1"
    found = "unknown column" + ("s " if len(names) > 1 else " ") + join_words([shown(name) for name in names], "and")
    meant = [_suggest(name) for name in names]
    known = "" if all(meant) else f"known columns: {', '.join(KNOWN)}"
    asked = [repr(one) if all(meant) else f"{one!r} for {shown(name)}" for name, one in zip(names, meant, strict=True) if one]
    question = f"did you mean {join_words(asked, 'and')}?" if asked else ""
    raise UsageError(f"{place}: {found}; {' '.join(filter(None, (question, known)))}")


def _suggest(name: str) -> str | None:
    """Return the column that a name probably stands for: a usual word, perhaps with a unit at its end, or a misspelt column."""
    words = re.findall(r"[^\W\d_]+", name.lower())
    unit = _UNIT_OF.get(words[-1]) if words else None
    meant = next((_USUAL[word] for word in ("".join(words), *words) if word in _USUAL), None)
    if unit is None:
        return nearest(name, KNOWN, _SURE) or meant or nearest(name, KNOWN)
    if meant == "start":
        return "start" if unit == "seconds" else f"start_{unit}"
    return unit
