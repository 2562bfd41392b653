"""Runs as offline runs of Weights & Biases."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any

from simasgd.errors import RunFailed
from simasgd.exporting.exported_runs import CURVES, ExportedRun

_AXES = ("epoch", "samples", "updates", "simulated_seconds", "bytes")


def write_offline_runs(runs: Iterable[ExportedRun], folder: Path, project: str, source: str) -> None:
    """Write an offline run for each run, for `wandb sync`; nothing is sent.

    The same run of the same `source` always has the same identifier, so a server that gets it again has it once.
    """
    os.environ["WANDB_SILENT"] = "true"
    import wandb

    settings = wandb.Settings(console="off", disable_git=True, disable_code=True, x_disable_stats=True, x_disable_meta=True)
    with TemporaryDirectory() as scratch:
        homes = {}
        try:
            for run in runs:
                identifier = sha256(f"{source}\0{run.folder}".encode(errors="surrogateescape")).hexdigest()[:16]
                _log(wandb, run, scratch, project, identifier, settings)
                homes[identifier] = f"offline-run-{time.strftime('%Y%m%d_%H%M%S', time.gmtime(run.written))}-{identifier}"
        finally:
            wandb.teardown()  # which writes the files to their ends
        for identifier, home in homes.items():
            found = list(Path(scratch).glob(f"wandb/offline-run-*/run-{identifier}.wandb"))
            if len(found) != 1:
                raise RunFailed(f"{folder}: wandb wrote {len(found)} files for one run")
            (folder / home).mkdir()
            copyfile(found[0], folder / home / found[0].name)


def _log(wandb: Any, run: ExportedRun, scratch: str, project: str, identifier: str, settings: Any) -> None:
    study, label, _ = run.names
    started = wandb.init(
        project=project,
        id=identifier,
        name=run.name,
        group="/".join(filter(None, (study, label))) or None,
        config={**run.settings, "seed": run.seed},
        mode="offline",
        dir=scratch,
        settings=settings,
        reinit="finish_previous",
    )
    for axis in _AXES:
        started.define_metric(axis, hidden=True)
    for name in CURVES:
        started.define_metric(name, step_metric="epoch")
    if run.curves is not None:
        for row in run.curves[[*_AXES, *CURVES]].to_dict("records"):
            started.log({name: value for name, value in row.items() if value == value})
    started.summary.update({**run.scores, "outcome": run.outcome, "reason": run.reason, "protocol": run.protocol})
    started.finish()
