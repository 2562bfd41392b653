"""From a run to a log, in the form that real systems' logs have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from simasgd.errors import RunFailed, UsageError
from simasgd.measured.counts import FATES
from simasgd.operations.log import OPERATIONS
from simasgd.operations.writing import write_columns
from simasgd.protocols import InjectedStaleness
from simasgd.results.run import Run
from simasgd.storage.files import OPERATIONS_TABLE
from simasgd.tape.arrays import Floats, Ints

LogColumns = Mapping[str, npt.NDArray[Any]]
_NUMBERS = ("start", "seconds", "version", "batch", "read", "read_at", "computed_at", "ahead", "summed", "mini_batch")


def export_log(run: Run, file: Path, *, replace: bool = False) -> list[str]:
    """Write a simulated or recorded run as a log; return what the log does not hold, in sentences.

    Raises UsageError if there is nothing to write or the file exists, and RunFailed.
    """
    if run.summary.log is not None:
        raise UsageError(f"{run.scenario.name}: the run was imported from a log, so there is no need to export one")
    columns, remarks = build_log(run) if run.summary.recorded is None else (_recorded(run), [])
    if file.exists() and not replace:
        raise UsageError(f"{file}: the file exists; give another one with --out, or --replace")
    try:
        write_columns(columns, file)
    except OSError as error:
        raise RunFailed(f"{file}: cannot be written: {error.strerror or error}") from None
    return remarks


def _recorded(run: Run) -> LogColumns:
    """Return the columns of the operations that were recorded."""
    operations = run.operations
    if operations is None:
        raise UsageError(f"{run.scenario.name}: the run has no {OPERATIONS_TABLE}, so there is nothing to write")
    return {name: operations[name].to_numpy() for name in operations}


def build_log(run: Run) -> tuple[LogColumns, list[str]]:
    """Return a simulated run as the columns of a log, and what the log does not hold, in sentences.

    The log has the operations of the learners' computing threads if the run has a time line, and the updates if
    learners have one model. Raises UsageError if the run has neither.
    """
    parts, remarks = [_whole(run)], list[str]()
    if run.timeline is not None:
        parts.append(_learners(run, run.timeline))
    else:
        remarks.append("The run has no time line, so the log has updates only; record=timeline adds what learners do.")
    reason = _why_no_updates(run)
    if reason:
        remarks.append(f"The log has no updates: {reason}.")
    elif run.updates is not None:
        parts.append(_updates(run, run.updates))
    if len(parts) == 1:
        raise UsageError(
            f"{run.scenario.name}: there is nothing to write: {reason or 'no update was made'}; try record=timeline"
        )
    gradients = run.summary.gradients
    if gradients.dropped or gradients.cancelled or gradients.lost:
        parts.append(_fates(run))
        remarks.append("The log tells how many gradients were dropped, given up or lost, but not which.")
    if run.summary.threads:
        remarks.append("The log has the computing threads only.")
    names = [name for name in ("learner", "operation", *_NUMBERS) if any(name in part for part in parts)]
    return {name: np.concatenate([_column(part, name) for part in parts]) for name in names}, remarks


def _column(part: LogColumns, name: str) -> npt.NDArray[Any]:
    size = len(part["operation"])
    if name in part:
        return part[name]
    return np.full(size, None, object) if name == "learner" else np.full(size, np.nan)


def _why_no_updates(run: Run) -> str:
    """Return why a log cannot hold the run's updates; "" if it can."""
    protocol = run.scenario.protocol
    if protocol.has_own_models:
        return f"under {protocol.kind} learners have models of their own, and a log's versions count the updates of one model"
    if isinstance(protocol, InjectedStaleness) and isinstance(protocol.delay, tuple):
        return "the layers of the weights differ in age, and a log has one version for all of them"
    return "" if run.updates is not None else "the run recorded none (record=summary)"


def _whole(run: Run) -> LogColumns:
    return {
        "operation": np.array(["run"], object),
        "start": np.zeros(1),
        "seconds": np.array([run.simulated_seconds]),
    }


def _learners(run: Run, timeline: pd.DataFrame) -> LogColumns:
    """Return the rows of the computing threads, and whose gradient each computation made."""
    rows = timeline[timeline["group"] == "learners"]
    rows = rows[rows["track"].astype(str) == "learner " + rows["learner"].astype(str)]
    rows = rows.sort_values(["learner", "start"], kind="stable")
    learner = rows["learner"].to_numpy(np.int64)
    operation = rows["activity"].astype(str).to_numpy(object)
    unknown = sorted(set(operation) - set(OPERATIONS))
    assert not unknown, unknown
    start, end = rows["start"].to_numpy(np.float64), rows["end"].to_numpy(np.float64)
    computes = operation == "compute"
    version, batch = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    if run.updates is not None and not run.scenario.protocol.has_own_models:
        updates = run.updates
        done = pd.MultiIndex.from_arrays([updates["learner"], updates["computed_at"]])
        keys = pd.MultiIndex.from_arrays([learner, end])
        where = pd.Series(np.arange(len(updates)), index=done)
        where = where[~where.index.duplicated()].reindex(keys).to_numpy(np.float64)
        known = computes & ~np.isnan(where)
        found = where[known].astype(np.int64)
        version[known] = _read(updates)[found]
        batch[known] = updates["batch"].to_numpy()[found]
    operation[_find_unfinished(run, learner, computes, end, batch)] = "abandon"
    sizes = run.learners["mini_batch"].to_numpy(np.float64)
    size = np.where(operation == "compute", sizes[learner], np.nan)
    return {
        "learner": learner.astype(str).astype(object),
        "operation": operation,
        "start": start,
        "seconds": end - start,
        "version": version,
        "batch": batch,
        "mini_batch": size,
    }


def _fates(run: Run) -> LogColumns:
    """Return a row for each gradient of a learner that was dropped, given up or lost, without a time."""
    table = run.learners
    numbers = table["learner"].astype(str).to_numpy(object)
    counts = {operation: table[column].to_numpy(np.int64) for operation, column in FATES.items()}
    operation = np.concatenate([np.full(int(count.sum()), name, object) for name, count in counts.items()])
    return {"learner": np.concatenate([np.repeat(numbers, count) for count in counts.values()]), "operation": operation}


def _find_unfinished(run: Run, learner: Ints, computes: npt.NDArray[np.bool_], end: Floats, batch: Floats) -> Ints:
    """Return the rows of computations that the end of the run cut off."""
    counts = np.bincount(learner[computes], minlength=run.scenario.cluster.learners)
    finished = run.learners["computed"].to_numpy()
    cut = np.flatnonzero(computes & (end == run.simulated_seconds) & np.isnan(batch))
    found: Ints = cut[counts[learner[cut]] > finished[learner[cut]]]
    return found


def _read(updates: pd.DataFrame) -> Ints:
    """Return the version that each gradient was computed on."""
    found = updates["read"] if "read" in updates else updates["timestamp"] - 1 - updates["staleness"]
    read: Ints = found.to_numpy(np.int64)
    return read


def _updates(run: Run, updates: pd.DataFrame) -> LogColumns:
    count = len(updates)
    columns: dict[str, npt.NDArray[Any]] = {
        "learner": updates["learner"].to_numpy().astype(str).astype(object),
        "operation": np.full(count, "update", object),
        "version": updates["timestamp"].to_numpy(np.float64),
        "batch": updates["batch"].to_numpy(np.float64),
        "read": _read(updates).astype(np.float64),
        "read_at": updates["read_at"].to_numpy(np.float64),
        "computed_at": updates["computed_at"].to_numpy(np.float64),
        "mini_batch": np.full(count, np.nan),
    }
    for name in ("ahead", "summed"):
        if name in updates:
            columns[name] = updates[name].to_numpy(np.float64)
    made_at = updates["time"].to_numpy(np.float64)
    began = _find_starts(run, made_at)
    start, seconds = _with_exact_sum(np.nan_to_num(began), made_at)
    columns["start"] = np.where(np.isnan(began), made_at, start)
    columns["seconds"] = np.where(np.isnan(began), np.nan, seconds)
    return columns


def _find_starts(run: Run, made_at: Floats) -> Floats:
    """Return when the work of each update began, from the one server's time line; NaN where it is not known."""
    if run.timeline is None or len(run.summary.servers) != 1:
        return np.full(len(made_at), np.nan)
    spans = run.timeline[(run.timeline["group"] == "servers") & (run.timeline["activity"] == "update")]
    starts = pd.Series(spans["start"].to_numpy(np.float64), index=spans["end"].to_numpy(np.float64))
    found: Floats = starts[~starts.index.duplicated()].reindex(made_at).to_numpy(np.float64)
    return found


def _with_exact_sum(start: Floats, end: Floats) -> tuple[Floats, Floats]:
    """Return starts and durations whose sums in floating point are exactly `end`; starts move by a rounding at most."""
    seconds = end - start
    for _ in range(4):
        off = start + seconds != end
        if not off.any():
            break
        start = np.where(off, np.nextafter(start, np.where(start + seconds < end, np.inf, -np.inf)), start)
    return start, seconds
