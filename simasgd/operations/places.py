"""Where the rows of a log are: a file and a line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO, final

import pyarrow as pa

from simasgd.errors import UsageError
from simasgd.scenario.tables.parquet import is_parquet


@final
@dataclass(frozen=True)
class Places:
    """Where a row of the joined files comes from."""

    files: Sequence[Path]
    sizes: Sequence[int]

    def find(self, row: int) -> str:
        """Return file and line of a row, counted from 0 through all files."""
        for file, size in zip(self.files, self.sizes, strict=True):
            if row < size:
                return place_of(file, row)
            row -= size
        raise AssertionError("no such row")


def place_of(file: Path, row: int) -> str:
    """Return the place of a row, counted from 0: a line of CSV, or a row of Parquet from 1.

    The csv module refuses very long fields. Lines cannot be counted past one, so it is the row then.
    """
    if is_parquet(file):
        return f"{file}, row {row + 1}"
    with opened(file) as text:
        rows = csv.reader(text)
        filled = (rows.line_num for values in rows if values)  # empty lines are no rows
        try:
            return f"{file}, line {next(islice(filled, row + 1, None), rows.line_num)}"
        except csv.Error:
            return f"{file}, row {row + 1}"


@contextmanager
def opened(file: Path) -> Iterator[TextIO]:
    """Open CSV as text; a name that ends in .gz and the like is decompressed."""
    try:
        with pa.input_stream(file) as stream, io.TextIOWrapper(stream, "utf-8-sig", newline="") as text:
            yield text
    except pa.ArrowException:
        raise UsageError(f"{file}: cannot be decompressed") from None
