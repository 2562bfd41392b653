"""Series of times that grow row by row, with the checks on every row."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, final

from simasgd.scenario.cluster.measured import MOST_STORED
from simasgd.scenario.tables.columns import FileColumns
from simasgd.scenario.vocabulary.values import shown

_MOST_SERIES = 1_000_000
_LEAST, _MOST = 1e-15, 1e15  # seconds


def to_seconds(cell: Any, factor: float) -> float | None:
    """Return a number in seconds; None if it is none, or out of the range of a time."""
    try:
        seconds = float(cell) * factor
    except (ValueError, TypeError):
        return None
    if isinstance(cell, str) and "_" in cell:
        return None
    return seconds if seconds == 0.0 or _LEAST <= seconds <= _MOST else None


def number_series(name: str) -> int | None:
    """Return the number that a learner's name is; None for other names."""
    plain = name.strip()
    return int(plain) if plain.isdecimal() and plain.isascii() and len(plain) < 10 else None


@final
class SeriesBuilder:
    """The series of a table, which grow row by row; `where` is the word for the place of a row."""

    def __init__(self, file: Path, where: str, names: Sequence[str], columns: FileColumns) -> None:
        self._file = file
        self._where = where
        self._names = names
        self._columns = columns
        self._series: dict[str, array[float]] = {}
        self._ended: dict[int, int] = {}  # by series: the row of its first missing value
        self._steps: dict[str, tuple[int, int | None]] = {}  # by learner: the last step, and the distance of steps
        self._left = MOST_STORED
        if columns.learner is None:
            self._series = {names[place]: array("d") for place, _ in columns.times}
        self._of_place = list(self._series.values())

    def mistake(self, row: int, message: str) -> ValueError:
        """Return the error for a mistake in a row."""
        return ValueError(f"{self._file}, {self._where} {row}: {message}")

    def add(self, number: int, cell: Any, row: int) -> None:
        """Add a value to the series of column `number`; an empty one ends the series."""
        place, factor = self._columns.times[number]
        if cell is None or (isinstance(cell, str) and not cell.strip()):
            self._ended.setdefault(number, row)
            return
        if number in self._ended:
            message = f"column {shown(self._names[place])}: there is no time, but {self._where} {row} has one"
            raise self.mistake(self._ended[number], f"{message}; a series has no gaps")
        self._append(self._of_place[number], cell, factor, place, row)

    def add_of(self, learner: str, cell: Any, row: int) -> None:
        """Add a value to the series of a learner, which may be a new one."""
        ((place, factor),) = self._columns.times
        assert self._columns.learner is not None
        if not learner:
            raise self.mistake(
                row, f"column {shown(self._names[self._columns.learner])}: is empty; expected the learner's number"
            )
        series = self._series.get(learner)
        if series is None:
            if len(self._series) == _MOST_SERIES:
                raise self.mistake(row, f"there are more than {_MOST_SERIES:,} learners")
            series = self._series[learner] = array("d")
        self._append(series, cell, factor, place, row)

    def check_step(self, learner: str, cell: Any, row: int) -> None:
        """Check that a learner's steps are at equal distances, so that none is missing or there twice."""
        if self._columns.step is None:
            return
        name = self._names[self._columns.step]
        step = number_series(str(cell))
        if step is None:
            raise self.mistake(row, f"column {shown(name)}: {shown(cell)} is not the number of a step")
        last, distance = self._steps.get(learner, (None, None))
        if last is not None:
            whose = f" of learner {learner}" if learner else ""
            if step <= last:
                problem = "occurs twice" if step == last else f"comes after {name} {last}"
                raise self.mistake(row, f"{name} {step}{whose} {problem}")
            if distance is not None and step - last != distance:
                message = f"{name} {step}{whose} follows {name} {last}, but they were {distance} apart before"
                raise self.mistake(row, f"{message}; a trace has no gaps (without the column {name} rows count as they come)")
            distance = step - last
        self._steps[learner] = step, distance

    def finish(self) -> list[array[float]]:
        """Return the series: of columns in their order, of learners in the order of their numbers or their first rows."""
        names = list(self._series)
        numbers = [number_series(name) for name in names]
        if self._columns.learner is not None and None not in numbers:
            whole = sorted(number for number in numbers if number is not None)
            for before, after in pairwise(whole):
                if after == before:
                    raise ValueError(f"{self._file}: learner {after} is written in two ways")
                if after != before + 1:
                    raise ValueError(
                        f"{self._file}: there are times of learners {before} and {after}, but none of {before + 1}"
                    )
            names.sort(key=int)
        for name in names:
            if not self._series[name]:
                raise ValueError(f"{self._file}: column {shown(name)}: there are no times")
        if not names:
            raise ValueError(f"{self._file} holds 0 values; expected 1 to {MOST_STORED:,}")
        return [self._series[name] for name in names]

    def _append(self, series: array[float], cell: Any, factor: float, place: int, row: int) -> None:
        seconds = to_seconds(cell, factor)
        if seconds is None:
            problem = "is not a time; expected a number without a unit, 0 or from 1e-15 s to 1e15 s"
            raise self.mistake(row, f"column {shown(self._names[place])}: {shown(cell)} {problem}")
        series.append(seconds)
        self._left -= 1
        if self._left < 0:
            raise ValueError(f"{self._file} holds more than {MOST_STORED:,} times")
