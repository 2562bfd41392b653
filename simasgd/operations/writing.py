"""From columns to the file of a log, CSV or Parquet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from simasgd.operations.columns import KNOWN, TEXTS
from simasgd.scenario.tables.parquet import is_parquet

_COUNTS = ("mini_batch", "version", "batch", "read", "ahead", "summed")


def write_columns(columns: Mapping[str, npt.NDArray[Any]], file: Path) -> None:
    """Write the columns of a log, NaN as no value; numbers are read back bit for bit. Raises OSError."""
    table = pa.table({name: _array(name, columns[name]) for name in KNOWN if name in columns})
    with file.open("wb") as stream:
        if is_parquet(file):
            pa.parquet.write_table(table, stream, compression="zstd")
        else:
            pa.csv.write_csv(table, stream, pa.csv.WriteOptions(quoting_style="none"))


def _array(name: str, values: npt.NDArray[Any]) -> pa.Array:
    if name in TEXTS:
        texts = values.astype(object)
        return pa.array(texts, pa.string(), from_pandas=True)
    lacks = np.isnan(values)
    if name in _COUNTS:
        return pa.array(np.where(lacks, 0, values).astype(np.int64), mask=lacks)
    return pa.array(values.astype(np.float64), mask=lacks)
