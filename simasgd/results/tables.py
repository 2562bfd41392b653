"""The columns of the Parquet tables in a results folder, checked once, when they are loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from simasgd.errors import UsageError
from simasgd.operations.log import OPERATIONS as KINDS
from simasgd.results.outcome import Outcome
from simasgd.results.quantities import COST_TIMES, TIMES


class Numbers(NamedTuple):
    """A column of finite numbers from `low` to `high`; if there are `choices`, each number is one of them.

    If it `may_lack` numbers, NaN stands for a missing one.
    """

    meaning: str
    low: float = 0.0
    high: float = np.inf
    may_lack: bool = False
    choices: tuple[float, ...] = ()


class Words(NamedTuple):
    """A column of texts; if there are `choices`, each text is one of them."""

    meaning: str
    choices: tuple[str, ...] = ()


class Flags(NamedTuple):
    """A column of booleans."""

    meaning: str


ColumnTypes = Mapping[str, Numbers | Words | Flags]

UPDATES: ColumnTypes = {
    "time": Numbers("when the update was made (s)"),
    "timestamp": Numbers("number of the weights that the update made, from 1; of a model, where learners have their own"),
    "learner": Numbers("the learner that computed the gradient, from 0"),
    "batch": Numbers("which of this learner's mini-batches, from 0"),
    "staleness": Numbers("other updates between the reading of the weights and this update"),
    "read_at": Numbers("when the learner had read the weights (s); NaN: a log does not tell it", may_lack=True),
    "computed_at": Numbers("when the gradient was computed (s); NaN: a log does not tell it", may_lack=True),
}
UPDATES_IF_COPIES: ColumnTypes = {
    "read": Numbers("number of the weights that the learner's copy began with"),
    "ahead": Numbers("the learner's own mini-batches that the copy had taken since"),
    "summed": Numbers("gradients in the message, where messages are sums"),
}
"""Columns that updates.parquet has where learners step copies of the weights, or messages are sums."""
GRADIENTS = ("computed", "applied", "dropped", "cancelled", "lost", "in_flight")
"""The columns of learners.parquet that count gradients; `computed` is the sum of the others."""
LEARNERS: ColumnTypes = {
    "learner": Numbers("number of the learner, from 0"),
    "mini_batch": Numbers("samples of its mini-batch"),
    "applied": Numbers("gradients that updates applied"),
    "computed": Numbers("mini-batches begun: the sum of the five other counts", may_lack=True),
    "dropped": Numbers("gradients that the protocol discarded", may_lack=True),
    "cancelled": Numbers("mini-batches that the learner gave up", may_lack=True),
    "lost": Numbers("gradients that crashes lost", may_lack=True),
    "in_flight": Numbers("gradients on their way at the end", may_lack=True),
    "compute": Numbers("seconds of computing", may_lack=True),
    "push": Numbers("seconds of sending", may_lack=True),
    "wait": Numbers("seconds of waiting", may_lack=True),
    "pull": Numbers("seconds of receiving", may_lack=True),
    "idle": Numbers("seconds with nothing to do, or down", may_lack=True),
    "bandwidth": Numbers("bytes/s of its node's interface; NaN: unlimited, or measured", may_lack=True),
}
LEARNERS_IF_COSTS: ColumnTypes = {
    "step": Numbers("seconds of its own optimizer's steps"),
    "mix": Numbers("seconds of mixing models"),
    "copy": Numbers("seconds of copying messages"),
    "launch": Numbers("seconds of starting collective operations"),
}
"""Columns that learners.parquet has where `cluster.costs` gives times to these activities."""
EVALUATIONS: ColumnTypes = {
    "epoch": Numbers("epochs until the evaluated weights were made"),
    "samples": Numbers("samples applied until then"),
    "updates": Numbers("updates made until then"),
    "simulated_seconds": Numbers("simulated time of the update (s)"),
    "bytes": Numbers("bytes sent until then; NaN: a log does not tell it", may_lack=True),
    "test_loss": Numbers("mean loss over the test set", -np.inf, may_lack=True),
    "test_error": Numbers("fraction of the test set that is wrong; NaN where labels are not classes", 0.0, 1.0, may_lack=True),
    "consensus_distance": Numbers(
        "root mean square distance of the learners' models from their mean; NaN with one model", may_lack=True
    ),
}
TIMELINE: ColumnTypes = {
    "group": Words("what the track is", ("learners", "servers", "links")),
    "track": Words("learner 3, server, or the name of a link"),
    "activity": Words("what was done", (*TIMES, *COST_TIMES, "update", "transfer")),
    "start": Numbers("when it began (s)"),
    "end": Numbers("when it ended (s)"),
    "learner": Numbers("the learner concerned; -1: none", -1.0),
}
OPERATIONS: ColumnTypes = {
    "operation": Words("what was done", tuple(KINDS)),
    "seconds": Numbers("how long it took", may_lack=True),
    "start": Numbers("when it began, in seconds from the start of the run", may_lack=True),
}
"""The columns of operations.parquet that each has; `simasgd.operations.reading` checks all, as those of any log."""
SWEEP_POINTS: ColumnTypes = {
    "variant": Words("the scenario's variant; empty without variants"),
    "seed": Numbers("the seed"),
    "outcome": Words("how the run ended", tuple(map(str, Outcome))),
    "reason": Words("where and why it did not finish; empty if the outcome says everything"),
    "test_error": Numbers("fraction of the test set that the final weights get wrong", 0.0, 1.0, may_lack=True),
    "test_loss": Numbers("mean loss of the final weights over the test set", -np.inf, may_lack=True),
    "seconds_to_target": Numbers("simulated time until the first evaluation at or below the target (s)", may_lack=True),
    "samples": Numbers("samples applied", may_lack=True),
    "simulated_seconds": Numbers("simulated time at the stop (s)", may_lack=True),
    "gradients_per_simulated_second": Numbers("gradients applied in a simulated second", may_lack=True),
    "samples_per_simulated_second": Numbers("samples applied in a simulated second", may_lack=True),
    "speedup": Numbers("samples in a simulated second, over those of a lone learner", may_lack=True),
    "mean_staleness": Numbers("mean staleness of the applied gradients (updates)", may_lack=True),
    "learners": Numbers("the number of learners", may_lack=True),
    "learner_hours": Numbers("hours that each learner was present, summed over the learners", may_lack=True),
    "diverged": Flags("whether the weights became infinite or NaN"),
    "folder": Words("the point's folder within that of the sweep"),
    "error": Words("why there are no results; empty if there are"),
}


def read_table(path: Path, columns: ColumnTypes, further: ColumnTypes = MappingProxyType({})) -> pd.DataFrame | None:
    """Read a Parquet table that simasgd wrote, perhaps with `further` columns; return None if there is no such file.

    Raises simasgd.UsageError with the file and the first column that is missing or does not have
    its form.
    """
    if not path.is_file():
        return None
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None
    for name, form in {**columns, **{name: form for name, form in further.items() if name in table}}.items():
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
    if form.choices:
        other = set(known.tolist()) - set(form.choices)
        return f"{min(other):g} is not one of {', '.join(f'{choice:g}' for choice in form.choices)}" if other else ""
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
