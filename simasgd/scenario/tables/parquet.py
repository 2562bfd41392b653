"""Times in Parquet files: tables of a user's, and the files that simasgd writes beside a scenario."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simasgd.scenario.cluster.measured import MOST_STORED, StoredTimes
from simasgd.scenario.tables.columns import COMPUTE, find_columns
from simasgd.scenario.tables.opening import open_binary
from simasgd.scenario.tables.series import SeriesBuilder


def is_parquet(file: Path) -> bool:
    """Return whether a file's name says that it is Parquet."""
    return file.suffix.lower() in (".parquet", ".pq")


def read_series(file: Path, column: str | None) -> Sequence[array[float]]:
    """Return the series of times (s) in a table.

    Raises OSError, and ValueError, which names file and row, for anything that is not a time.
    """
    table = _read_table(file)
    names = table.column_names
    try:
        columns = find_columns(names, column)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    if table.num_rows * len(columns.times) > 2 * MOST_STORED:
        raise ValueError(f"{file} holds more than {MOST_STORED:,} times")
    plain = columns.learner is None and columns.step is None and columns.operation is None
    if plain and (fast := [_read_column(table[place], factor) for place, factor in columns.times]) and None not in fast:
        return [one for one in fast if one is not None]
    builder = SeriesBuilder(file, "row", names, columns)
    marks = [table[place].to_pylist() if place is not None else None for place in columns[1:]]
    times = [table[place].to_pylist() for place, _ in columns.times]
    learners, steps, operations = marks
    for row in range(table.num_rows):
        if operations is not None and operations[row] != COMPUTE:
            continue
        learner = "" if learners is None or learners[row] is None else str(learners[row]).strip()
        builder.check_step(learner, None if steps is None else steps[row], row + 1)
        for number, values in enumerate(times):
            if learners is None:
                builder.add(number, values[row], row + 1)
            else:
                builder.add_of(learner, values[row], row + 1)
    return builder.finish()


def write_stored(times: StoredTimes, folder: Path) -> None:
    """Write stored times into a folder, under the name that a resolved scenario has for them."""
    import pyarrow as pa
    import pyarrow.parquet

    series = times.series
    longest = max(map(len, series))
    columns = {}
    for number, one in enumerate(series):
        whole = pa.Array.from_buffers(pa.float64(), len(one), [None, pa.py_buffer(one.tobytes())])
        missing = pa.nulls(longest - len(one), pa.float64())
        columns[f"learner {number} (s)"] = pa.chunked_array([whole, missing])
    pa.parquet.write_table(pa.table(columns), folder / times.file)


def read_stored(file: Path, digest: str) -> StoredTimes:
    """Return the times of a file that simasgd wrote. Raises OSError, and ValueError if its times are other ones."""
    times = StoredTimes(read_series(file, None))
    if times.digest != digest:
        raise ValueError(f"{file} was changed: the SHA-256 of its times is {times.digest}")
    return times


def _read_table(file: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet

    with open_binary(file) as binary:
        try:
            parquet = pa.parquet.ParquetFile(binary)
            if parquet.metadata.num_rows > MOST_STORED:
                raise ValueError(f"{file} holds more than {MOST_STORED:,} rows")
            return parquet.read()
        except pa.ArrowException:
            raise ValueError(f"{file} is not a Parquet file") from None


def _read_column(column: Any, factor: float) -> array[float] | None:
    """Return a column of numbers whose missing values, if any, are at its end; None for any other column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)) or column.null_count == len(column):
        return None
    values = column.slice(0, len(column) - column.null_count)
    if values.null_count:
        return None
    values = pc.multiply(values.cast(pa.float64()), factor).combine_chunks()
    right = pc.or_(pc.equal(values, 0.0), pc.and_(pc.greater_equal(values, 1e-15), pc.less_equal(values, 1e15)))
    if not pc.all(right).as_py():
        return None
    times = array("d")
    for chunk in values.chunks if isinstance(values, pa.ChunkedArray) else [values]:
        begin = 8 * chunk.offset
        times.frombytes(memoryview(chunk.buffers()[1])[begin : begin + 8 * len(chunk)])
    return times
