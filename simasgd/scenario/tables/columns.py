"""Which columns of a table hold times, of whom, and in which unit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from simasgd.scenario.vocabulary.values import nearest, shown

_UNITS = {
    1.0: "s sec secs second seconds",
    1e-3: "ms msec msecs millis millisecond milliseconds",
    1e-6: "us µs μs usec usecs micros microsecond microseconds",
    1e-9: "ns nsec nsecs nanos nanosecond nanoseconds",
    60.0: "minute minutes",
    3600.0: "hour hours",
}
_FACTOR = {word: factor for factor, words in _UNITS.items() for word in words.split()}
_OF_TIMES = frozenset({*_FACTOR, *["time", "times", "duration", "durations", "compute", "batch", "minibatch", "step"]})
_LEARNER = ("learner", "rank", "worker")
_STEP = ("step", "iteration")
_OPERATION = "operation"
COMPUTE = "compute"
"""The operation whose rows count, in a table that has a column of operations."""


class FileColumns(NamedTuple):
    """The columns of a table, by their numbers.

    `times` are the columns of times, each with the number of seconds of its unit: one for each
    series, or the only one if `learner` says in each row whose time it is. `step` numbers the
    mini-batches of a learner.
    """

    times: tuple[tuple[int, float], ...]
    learner: int | None
    step: int | None
    operation: int | None


class NamedColumns(NamedTuple):
    """What the scenario says of a file: the names of the columns of times and of learners, and the seconds of the unit."""

    times: str | None = None
    learner: str | None = None
    unit: float | None = None


def find_columns(names: Sequence[str], named: NamedColumns) -> FileColumns:
    """Return the meaning of the columns with these names.

    Raises ValueError where a name occurs twice or the columns leave open which has the times.
    """
    words = [name.strip().lower() for name in names]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise ValueError(f"there are two columns {shown(name)}")
    learner = _only(words, _LEARNER) if named.learner is None else _place_of(named.learner, names)
    step = _only(words, _STEP)
    operation = words.index(_OPERATION) if _OPERATION in words else None
    others = [place for place, word in enumerate(words) if word and place not in (learner, step, operation)]

    def with_unit(place: int) -> tuple[int, float]:
        return place, _factor(names[place]) if named.unit is None else named.unit

    if named.times is not None:
        return FileColumns((with_unit(_place_of(named.times, names)),), learner, step, operation)
    bare = [place for place in others if _is_bare(words[place])]
    if len(bare) == 1:
        others = bare
    if not others:
        raise ValueError(f"there is no column of times; {_listed(names)}")
    if len(others) > 1 and (learner is not None or bare):
        open_choice = [names[place] for place in bare or others]
        raise ValueError(f"several columns may have the times; name one in `column`: {', '.join(map(repr, open_choice[:10]))}")
    return FileColumns(tuple(map(with_unit, others)), learner, step, operation)


def find_semicolons(cells: Sequence[str]) -> str | None:
    """Return the complaint on a first line, split at another sign, whose values semicolons divide; None if they do not."""
    line = ",".join(cells)
    many, is_of_numbers = line.count(";"), re.fullmatch(r"[-+0-9.,;eE\s]+", line) is not None
    if not many or (many < len(cells) - 1 and not is_of_numbers):
        return None
    return "its values are divided by semicolons; divide them by commas, and write numbers with a point (0.5)"


def _place_of(name: str, names: Sequence[str]) -> int:
    if name not in names:
        near = nearest(name, names)
        raise ValueError(f"there is no column {shown(name)}; " + (f"did you mean {near!r}?" if near else _listed(names)))
    return names.index(name)


def _only(words: Sequence[str], choices: Sequence[str]) -> int | None:
    found = [place for place, word in enumerate(words) if word in choices]
    if len(found) > 1:
        raise ValueError(f"the columns {words[found[0]]} and {words[found[1]]} mean the same; leave one away")
    return found[0] if found else None


def _factor(name: str) -> float:
    """Return the seconds of the unit at the end of a column's name; 1 if it names none."""
    words = _split(name)
    return _FACTOR.get(words[-1], 1.0) if words else 1.0


def _is_bare(name: str) -> bool:
    """Return whether a column's name says that it holds durations, and nothing else."""
    words = _split(name)
    has_number = re.search(r"\d", name) is not None
    is_duration = bool(words) and (words[-1] in _FACTOR or words[-1].startswith("duration"))
    return is_duration and not has_number and _OF_TIMES.issuperset(words)


def _split(name: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", name.lower())


def _listed(names: Sequence[str]) -> str:
    return f"the columns are {', '.join(map(repr, names[:10]))}" + (", …" if len(names) > 10 else "")
