"""The columns of the Parquet tables in a results folder, checked once, when they are loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from simasgd.errors import UsageError
from simasgd.operations.log import OPERATIONS as KINDS
from simasgd.results.outcome import Outcome
from simasgd.results.quantities import COST_TIMES, TIMES


class Numbers(NamedTuple):
    """A column of finite numbers from `low` to `high`.

    If it `may_lack` numbers, NaN stands for a missing one.
    """

    low: float = 0.0
    high: float = np.inf
    may_lack: bool = False


class Words(NamedTuple):
    """A column of texts; if there are `choices`, each text is one of them."""

    choices: tuple[str, ...] = ()


class Flags(NamedTuple):
    """A column of booleans."""


Columns = Mapping[str, Numbers | Words | Flags]

_ANY = Numbers(-np.inf, np.inf, may_lack=True)
UPDATES: Columns = {
    **dict.fromkeys(("time", "timestamp", "learner", "batch", "staleness"), Numbers()),
    **dict.fromkeys(("read_at", "computed_at"), Numbers(may_lack=True)),  # a log may not tell them
}
GRADIENTS = ("computed", "applied", "dropped", "cancelled", "lost", "in_flight")
"""The columns of learners.parquet that count gradients; `computed` is the sum of the others."""
LEARNERS: Columns = {
    **dict.fromkeys(("learner", "mini_batch", "applied"), Numbers()),
    **dict.fromkeys((*(name for name in GRADIENTS if name != "applied"), *TIMES, "bandwidth"), Numbers(may_lack=True)),
}
EVALUATIONS: Columns = {
    **dict.fromkeys(("epoch", "samples", "updates", "simulated_seconds"), Numbers()),
    "bytes": Numbers(may_lack=True),
    "test_loss": _ANY,
    "test_error": Numbers(0.0, 1.0, may_lack=True),
    "consensus_distance": Numbers(may_lack=True),
}
TIMELINE: Columns = {
    "group": Words(("learners", "servers", "links")),
    "track": Words(),
    "activity": Words((*TIMES, *COST_TIMES, "update", "transfer")),
    "start": Numbers(),
    "end": Numbers(),
    "learner": Numbers(-1.0),
}
OPERATIONS: Columns = {
    "operation": Words(tuple(KINDS)),
    **dict.fromkeys(("seconds", "start"), Numbers(may_lack=True)),
}
"""The columns of operations.parquet that each has; `simasgd.operations.reading` checks all, as those of any log."""
SWEEP_POINTS: Columns = {
    "variant": Words(),
    "seed": Numbers(),
    "outcome": Words(tuple(map(str, Outcome))),
    "reason": Words(),
    "test_error": Numbers(0.0, 1.0, may_lack=True),
    "test_loss": _ANY,
    **dict.fromkeys(
        ("samples", "simulated_seconds", "gradients_per_simulated_second", "mean_staleness"), Numbers(may_lack=True)
    ),
    "diverged": Flags(),
    "folder": Words(),
    "error": Words(),
}


def read_table(path: Path, columns: Columns) -> pd.DataFrame | None:
    """Read a Parquet table that simasgd wrote; return None if there is no such file.

    Raises simasgd.UsageError with the file and the first column that is missing or does not have
    its form.
    """
    if not path.is_file():
        return None
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None
    for name, form in columns.items():
        if name not in table:
            raise UsageError(f"{path}: column {name} is missing; was it written by another version of simasgd?")
        problem = _find_problem(table[name], form)
        if problem:
            raise UsageError(f"{path}: column {name}: {problem}")
    return table


def _find_problem(column: pd.Series, form: Numbers | Words | Flags) -> str:
    """Return the mistake in a column; "" if there is none."""
    if isinstance(form, Flags):
        return "" if pd.api.types.is_bool_dtype(column) else f"true or false is expected, not {column.dtype}"
    if isinstance(form, Words):
        found = column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else column
        if column.isna().any() or not all(isinstance(value, str) for value in found):
            return "texts are expected"
        other = set(found) - set(form.choices) if form.choices else set()
        return f"{min(other)!r} is not one of {', '.join(form.choices)}" if other else ""
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return f"numbers are expected, not {column.dtype}"
    values = column.to_numpy(dtype=float, na_value=np.nan)
    lacks = np.isnan(values)
    if lacks.any() and not form.may_lack:
        return "a number is missing"
    known = values[~lacks]
    if np.isinf(known).any():
        return "a number is infinite"
    if len(known) and not form.low <= known.min() <= known.max() <= form.high:
        bounds = f"of at least {form.low:g}" if np.isinf(form.high) else f"from {form.low:g} to {form.high:g}"
        return f"numbers {bounds} are expected"
    return ""


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a Parquet table without its index."""
    with path.open("wb") as file:
        table.to_parquet(file, compression="zstd", index=False)


def thinned(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """Keep at most `most` rows (2 or more): evenly spaced ones, the first and the last included."""
    if len(table) <= most:
        return table
    return table.iloc[[i * (len(table) - 1) // (most - 1) for i in range(most)]]
