"""Runs as event files for TensorBoard, written by tensorboardX."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from simasgd.exporting.exported_runs import ExportedRun
from simasgd.storage.files import EVENTS


def write_events(runs: Iterable[ExportedRun], folder: Path) -> None:
    """Write an event file for each run, in a folder of the run's name.

    Steps are epochs, or samples where several evaluations share an epoch (`ExportedRun.list_points`). Wall times are simulated
    seconds. So TensorBoard's horizontal axis STEP shows epochs or samples, and RELATIVE the simulated time. Settings and scores
    are those of its HPARAMS tab.
    """
    from tensorboardX.record_writer import RecordWriter
    from tensorboardX.summary import hparams, scalar

    for run in runs:
        home = folder / run.name
        home.mkdir(parents=True)
        writer = RecordWriter(str(home / EVENTS))
        writer.write(_make_event(0.0, file_version="brain.Event:2"))
        scores = {f"final/{name}": value for name, value in run.scores.items()}
        for part in hparams({**run.settings, "seed": run.seed}, scores):
            writer.write(_make_event(0.0, summary=part))
        for tag, step, seconds, value in run.list_points():
            writer.write(_make_event(seconds, step=step, summary=scalar(tag, value)))
        for tag, value in scores.items():
            writer.write(_make_event(run.simulated_seconds, step=0, summary=scalar(tag, value)))
        writer.close()


def _make_event(seconds: float, **content: Any) -> bytes:
    from tensorboardX.proto.event_pb2 import Event

    serialized: bytes = Event(wall_time=seconds, **content).SerializeToString()
    return serialized
