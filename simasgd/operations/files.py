"""The files of a log, CSV or Parquet: from bytes to columns of one type, with the place of every mistake."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from simasgd.errors import UsageError
from simasgd.operations.columns import TEXTS, is_index, read_columns
from simasgd.operations.places import opened
from simasgd.scenario.tables.columns import find_semicolons
from simasgd.scenario.tables.opening import check_size
from simasgd.scenario.tables.parquet import is_parquet
from simasgd.scenario.vocabulary.values import shown

_MOST_ROWS, _MOST_BYTES = 50_000_000, 8_000_000_000
_NULLS = ["", "NA", "nan", "NaN", "null"]
_TEXT = pa.dictionary(pa.int32(), pa.string())


def read_table(file: Path) -> pa.Table:
    """Return a file's columns: numbers as float64, learner and operation as dictionaries.

    Raises UsageError where the file cannot be read, has no rows, has unknown columns, or holds
    something else than numbers.
    """
    try:
        check_size(file, _MOST_BYTES)
        table = _read_parquet(file) if is_parquet(file) else _read_csv(file)
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror or error}") from None
    if len(table) == 0:
        raise UsageError(f"{file}: there are no rows")
    if len(table) > _MOST_ROWS:
        raise UsageError(f"{file}: there are {len(table):,} rows; the limit is {_MOST_ROWS:,}")
    return table


def _types(names: Sequence[str]) -> dict[str, pa.DataType]:
    return {name: _TEXT if name in TEXTS else pa.float64() for name in names if not is_index(name)}


def _read_parquet(file: Path) -> pa.Table:
    try:
        parquet = pa.parquet.ParquetFile(file)
        names = parquet.schema_arrow.names
        read_columns(file, names)
        if parquet.metadata.num_rows > _MOST_ROWS:
            raise UsageError(f"{file}: there are {parquet.metadata.num_rows:,} rows; the limit is {_MOST_ROWS:,}")
        table = parquet.read(columns=[name for name in names if not is_index(name)])
    except pa.ArrowException:
        raise UsageError(f"{file}: is not a Parquet file") from None
    columns = {}
    for name, kind in _types(names).items():
        column = table[name]
        try:
            if kind is _TEXT and not pa.types.is_dictionary(column.type):
                column = pc.cast(column, pa.string()).dictionary_encode()
            columns[name] = pc.cast(column, kind)
        except pa.ArrowException:
            expected = "text" if kind is _TEXT else "numbers"
            raise UsageError(f"{file}: the column {name} is of type {column.type}; expected {expected}") from None
    return pa.table(columns)


def _read_csv(file: Path) -> pa.Table:
    with opened(file) as text:
        try:
            names = [name.strip() for name in next(csv.reader(text), [])]
        except (UnicodeDecodeError, csv.Error):
            raise UsageError(f"{file}: is not CSV in UTF-8") from None
    if complaint := find_semicolons(names):
        raise UsageError(f"{file}, line 1: {complaint}")
    read_columns(file, names)
    types = _types(names)
    try:
        if _has_no_rows(file):
            return pa.table({name: pa.array([], kind) for name, kind in types.items()})
        return pa.csv.read_csv(
            file,
            read_options=pa.csv.ReadOptions(column_names=names, skip_rows=1),
            convert_options=pa.csv.ConvertOptions(
                column_types=types, include_columns=list(types), null_values=_NULLS, strings_can_be_null=True
            ),
        )
    except pa.ArrowException as error:
        raise UsageError(_find_broken_row(file, names) or f"{file}: is not CSV: {error}") from None


def _has_no_rows(file: Path) -> bool:
    with opened(file) as text:
        next(text, None)
        return all(line.strip() == "" for line in islice(text, 1_000))


def _find_broken_row(file: Path, names: Sequence[str]) -> str | None:
    """Return the complaint on the first line of a CSV file that is not a row of the log."""
    with opened(file) as text:
        rows = csv.reader(text)
        try:
            next(rows, None)
            for row in rows:
                place = f"{file}, line {rows.line_num}"
                if row and len(row) != len(names):
                    return f"{place}: found {len(row)} values; expected {len(names)} ({', '.join(names)})"
                for name, value in zip(names, row, strict=False):
                    if not is_index(name) and name not in TEXTS and value not in _NULLS and not _is_number(value):
                        return f"{place}: {name}: {shown(value)} is not a number"
        except UnicodeDecodeError:
            return f"{file}: is not CSV in UTF-8"
        except csv.Error as error:
            return f"{file}, line {rows.line_num}: is not CSV: {error}"
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text
