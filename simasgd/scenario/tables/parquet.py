"""Times in Parquet files: tables of a user's, and the files that simasgd writes beside a scenario."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simasgd.scenario.cluster.measured import MOST_STORED, StoredTimes
from simasgd.scenario.tables.columns import COMPUTE, NamedColumns, find_columns
from simasgd.scenario.tables.opening import open_binary
from simasgd.scenario.tables.series import SeriesBuilder

_ROWS = 10_000  # turned into Python's numbers at once
_MOST_CELLS = 4 * MOST_STORED


def is_parquet(file: Path) -> bool:
    """Return whether a file's name says that it is Parquet."""
    return file.suffix.lower() in (".parquet", ".pq")


def read_series(file: Path, named: NamedColumns) -> Sequence[array[float]]:
    """Return the series of times (s) in a table.

    Raises OSError, and ValueError, which names file and row, for anything that is not a time.
    """
    table = _read_table(file)
    names = table.column_names
    try:
        columns = find_columns(names, named)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    plain = columns.learner is None and columns.step is None and columns.operation is None
    if plain and (fast := [_read_column(table[place], factor) for place, factor in columns.times]) and None not in fast:
        return [one for one in fast if one is not None]
    builder = SeriesBuilder(file, "row", names, columns)
    row = 0
    for batch in table.to_batches(max_chunksize=_ROWS):
        learners, steps, operations = (None if place is None else batch[place].to_pylist() for place in columns[1:])
        times = [batch[place].to_pylist() for place, _ in columns.times]
        for number in range(batch.num_rows):
            row += 1
            if operations is not None and operations[number] != COMPUTE:
                continue
            learner = "" if learners is None or learners[number] is None else str(learners[number]).strip()
            builder.check_step(learner, None if steps is None else steps[number], row)
            for series, values in enumerate(times):
                if learners is None:
                    builder.add(series, values[number], row)
                else:
                    builder.add_of(learner, values[number], row)
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
    times = StoredTimes(read_series(file, NamedColumns()))
    if times.digest != digest:
        raise ValueError(f"{file} was changed: the SHA-256 of its times is {times.digest}")
    return times


def _read_table(file: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet

    with open_binary(file) as binary:
        try:
            parquet = pa.parquet.ParquetFile(binary)
            cells = parquet.metadata.num_rows * parquet.metadata.num_columns
            if cells > _MOST_CELLS:
                raise ValueError(f"{file} holds {cells:,} values; the limit is {_MOST_CELLS:,}")
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
