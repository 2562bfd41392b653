"""Files of measured times, by their names: plain text, CSV or Parquet."""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO

from simasgd.scenario.cluster.measured import MOST_STORED, embed
from simasgd.scenario.tables.columns import COMPUTE, FileColumns, NamedColumns, find_columns, find_semicolons
from simasgd.scenario.tables.opening import open_binary
from simasgd.scenario.tables.parquet import is_parquet, read_series
from simasgd.scenario.tables.series import SeriesBuilder, number_series, to_seconds
from simasgd.scenario.vocabulary.values import shown

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_NOTHING = NamedColumns()
_LONGEST = 40_000_000  # characters of a line
_COMMENT = re.compile(r"(^|\s)#.*")


def read_times(file: Path, named: NamedColumns = _NOTHING) -> Any:
    """Return the series of times in a file, as the `measured` of a scenario may hold them.

    Raises OSError if the file cannot be read, and ValueError, which names file and line, for
    anything in it that is not a time.
    """
    status = file.stat()
    return _read(file, status.st_mtime_ns, status.st_size, named)


@lru_cache(maxsize=16)  # each variant and each point of a sweep reads the same file
def _read(file: Path, changed: int, size: int, named: NamedColumns) -> Any:
    del changed, size
    if is_parquet(file):
        return embed(read_series(file, named))
    with _opened(file) as lines:
        delimiter = _DELIMITERS.get(file.suffix.lower())
        series = [_read_text(file, lines, named)] if delimiter is None else _read_table(file, lines, delimiter, named)
    return embed(series)


@contextmanager
def _opened(file: Path) -> Iterator[Iterator[tuple[int, str]]]:
    """Open a text file as its lines that are not empty, without comments, with their numbers."""
    with open_binary(file) as binary, io.TextIOWrapper(binary, "utf-8-sig") as text:
        try:
            yield (
                (number, content)
                for number, line in enumerate(_read_lines(file, text), start=1)
                if (content := _COMMENT.sub("", line).strip(" \r\n"))
            )
        except UnicodeDecodeError:
            raise ValueError(f"{shown(str(file))} is not a text file") from None


def _read_lines(file: Path, text: TextIO) -> Iterator[str]:
    """Read the lines of a text, none of which may take all memory."""
    while line := text.readline(_LONGEST):
        if len(line) == _LONGEST:
            raise ValueError(f"{file}: a line has more than {_LONGEST:,} characters")
        yield line


def _read_text(file: Path, lines: Iterator[tuple[int, str]], named: NamedColumns) -> array[float]:
    """Read one number a line."""
    if named.times is not None or named.learner is not None:
        raise ValueError(f"{file} is plain text and has no columns; end the name of a table in .csv, .tsv or .parquet")
    times = array("d")
    for number, content in lines:
        time = to_seconds(content, named.unit or 1.0)
        if time is None:
            seconds = "in seconds without a unit, either 0 or from 1e-15 to 1e15"
            problem = f"is not a time; write one number a line, {seconds if named.unit is None else 'without a unit'}"
            raise ValueError(f"{file}, line {number}: {content[:40].strip()!r} {problem}")
        times.append(time)
        if len(times) > MOST_STORED:
            raise ValueError(f"{file} holds more than {MOST_STORED:,} values")
    if not times:
        raise ValueError(f"{file} holds 0 values; expected 1 to {MOST_STORED:,}")
    return times


def _read_table(file: Path, lines: Iterator[tuple[int, str]], delimiter: str, named: NamedColumns) -> Sequence[array[float]]:
    rows = _split_rows(file, lines, delimiter)
    number, first = next(rows, (0, []))
    if not number:
        raise ValueError(f"{file} holds 0 values; expected 1 to {MOST_STORED:,}")
    if complaint := find_semicolons(first):
        raise ValueError(f"{file}, line {number}: {complaint}")
    if _is_header(first):
        names = [name.strip() for name in first]
    else:
        names = [f"column {place}" for place in range(len(first))]
        rows = _put_back((number, first), rows)
    try:
        columns = find_columns(names, named)
    except ValueError as error:
        raise ValueError(f"{file}, line {number}: {error}") from None
    builder = SeriesBuilder(file, "line", names, columns)
    if columns.learner is None:
        _read_wide(builder, rows, columns, names)
    else:
        _read_long(builder, rows, columns, names)
    return builder.finish()


def _read_wide(
    builder: SeriesBuilder, rows: Iterator[tuple[int, list[str]]], columns: FileColumns, names: Sequence[str]
) -> None:
    for number, cells in rows:
        _check_width(builder, number, cells, names)
        if columns.operation is not None and cells[columns.operation].strip() != COMPUTE:
            continue
        builder.check_step("", cells[columns.step] if columns.step is not None else None, number)
        for series, (place, _) in enumerate(columns.times):
            builder.add(series, cells[place], number)


def _read_long(
    builder: SeriesBuilder, rows: Iterator[tuple[int, list[str]]], columns: FileColumns, names: Sequence[str]
) -> None:
    assert columns.learner is not None
    ((place, _),) = columns.times
    for number, cells in rows:
        _check_width(builder, number, cells, names)
        if columns.operation is not None and cells[columns.operation].strip() != COMPUTE:
            continue
        learner = cells[columns.learner].strip()
        builder.check_step(learner, cells[columns.step] if columns.step is not None else None, number)
        builder.add_of(learner, cells[place], number)


def _check_width(builder: SeriesBuilder, number: int, cells: Sequence[str], names: Sequence[str]) -> None:
    if len(cells) != len(names):
        raise builder.mistake(number, f"found {len(cells)} values; expected {len(names)} ({', '.join(names[:10])})")


def _split_rows(file: Path, lines: Iterable[tuple[int, str]], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Split lines at the delimiter; a quoted value ends on its line."""
    for number, line in lines:
        try:
            yield (
                number,
                line.split(delimiter) if '"' not in line else next(csv.reader([line], delimiter=delimiter, strict=True)),
            )
        except csv.Error as error:
            raise ValueError(f"{file}, line {number}: is not CSV: {error}") from None


def _is_header(cells: Sequence[str]) -> bool:
    """Return whether a first row names columns: words, or the numbers 0, 1, 2, … of the learners."""
    numbers = [number_series(cell) for cell in cells]
    if None in [to_seconds(cell, 1.0) for cell in cells]:
        return True
    return len(cells) > 1 and numbers == list(range(len(cells)))


def _put_back(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest
