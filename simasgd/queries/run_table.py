"""A table of all runs below a folder, from their summaries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from simasgd.errors import SimasgdError, UsageError
from simasgd.queries.briefs import Brief
from simasgd.queries.conditions import find_true, suggest_column
from simasgd.queries.places import find_runs
from simasgd.results.json_files import read_json

COLUMNS = {
    "folder": "str",
    "name": "str",
    "protocol": "str",
    "learners": "Int64",
    "mini_batch": "Int64",
    "seed": "Int64",
    "origin": "str",
    "outcome": "str",
    "reason": "str",
    "test_error": "float64",
    "test_loss": "float64",
    "simulated_seconds": "float64",
    "epochs": "float64",
    "samples": "Int64",
    "updates": "Int64",
    "mean_staleness": "float64",
    "samples_per_simulated_second": "float64",
    "speedup": "float64",
    "learner_hours": "float64",
    "bytes_sent": "float64",
    "version": "str",
    "written": "datetime64[s]",
}
"""The columns of the table and their types."""


def load_runs(folder: str | Path = "reports") -> pd.DataFrame:
    """Return a table of all runs in a folder and below it, the newest first: one row a run, with `COLUMNS`.

    folder       where the run is, relative to `folder`
    origin       simulated or measured
    outcome      one of simasgd.results.outcome; reason says why a run did not finish well
    test_error   a fraction; NaN, like the loss and the staleness, where there is none
    simulated_seconds, samples_per_simulated_second
                 NaN where the run has no time that could be compared; of a measured run, the seconds that passed
    mini_batch   samples; missing where it differs between learners
    written      when run.json was written (UTC)

    Repeats, variants and points of a sweep are runs, too. A run.json that cannot be read is left out, and
    `DataFrame.attrs["unreadable"]` lists these paths. Raises UsageError if the folder cannot be listed.
    """
    top = Path(folder)
    if not top.is_dir():
        raise UsageError(f"{top}: there is no such folder; give the one that results were written to")
    rows, unreadable = [], []
    for path in (place.file for place in find_runs(top)):
        try:
            summary = read_json(path, Brief)
        except SimasgdError:
            unreadable.append(str(path))
            continue
        rows.append(_make_row(summary, path, top))
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    table = table.sort_values(["written", "folder"], ascending=[False, True], ignore_index=True)
    table.attrs["unreadable"] = unreadable
    return table


def _make_row(summary: Brief, path: Path, top: Path) -> dict[str, Any]:
    has_time = summary.has_time
    return {
        "folder": path.parent.relative_to(top).as_posix(),
        **{name: getattr(summary, name) for name in _AS_THEY_ARE},
        "outcome": str(summary.outcome),
        "simulated_seconds": summary.simulated_seconds if has_time else None,
        "mean_staleness": summary.staleness.mean,
        "bytes_sent": None if summary.bytes is None else summary.bytes.sent,
        "written": path.stat().st_mtime_ns // 10**9,
    }


_EXAMPLE = "--where 'protocol == \"async\" and learners > 8'"
_AS_THEY_ARE = (
    *("name", "protocol", "learners", "mini_batch", "seed", "origin", "reason", "test_error", "test_loss", "epochs"),
    *("samples", "updates", "samples_per_simulated_second", "speedup", "learner_hours", "version"),
)


def select(runs: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return the runs for which an expression over the columns is true, for example `protocol == "async" and learners > 8`.

    Raises UsageError if the expression is wrong.
    """
    return runs[find_true(runs, where, "--where", _EXAMPLE)].reset_index(drop=True)


def choose_columns(runs: pd.DataFrame, names: Sequence[str], option: str = "--columns") -> pd.DataFrame:
    """Return the columns that an option names. Raises UsageError if there is no such column."""
    for name in names:
        if name not in runs:
            raise UsageError(f"{option}: there is no column {name!r}; {suggest_column(name, runs)}")
    return runs[list(names)]
