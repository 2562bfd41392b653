"""Runs as two CSV files: a row for each run, and a row for each evaluation."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from simasgd.exporting.exported_runs import ExportedRun
from simasgd.storage.files import CURVES_CSV, RUNS_CSV


def write_csv(runs: Iterable[ExportedRun], folder: Path) -> None:
    """Write runs.csv, with settings and final scores, and curves.csv, with the evaluations of all runs."""
    rows, curves, keys = [], [], []
    for run in runs:
        study, label, _ = run.names
        which = {"folder": run.folder, "study": study, "variant": label, "seed": run.seed}
        about = {"protocol": run.protocol, "outcome": run.outcome, "reason": run.reason}
        rows.append({**which, **about, **run.scores, **run.settings})
        if run.curves is not None:
            curves.append(run.curves)
            keys.append(which)
    pd.DataFrame(rows).to_csv(folder / RUNS_CSV, index=False)
    if curves:
        whose = np.repeat(np.arange(len(curves)), [len(one) for one in curves])
        about_each = pd.DataFrame(keys).iloc[whose].reset_index(drop=True)
        pd.concat([about_each, pd.concat(curves, ignore_index=True)], axis=1).to_csv(folder / CURVES_CSV, index=False)
