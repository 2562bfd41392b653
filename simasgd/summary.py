"""What run.json and the tables say of a simulated clock."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

import simasgd
from simasgd.cluster.clock.activity import Activity
from simasgd.cluster.clock.log import ACTIVITIES, Spans
from simasgd.cluster.clock.trail import PARTS
from simasgd.cluster.result import ClockResult
from simasgd.scenario.schema import Scenario
from simasgd.tape import Tape


def identity(scenario: Scenario) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "seed": scenario.seed,
        "version": simasgd.__version__,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in ("simpy", "jax", "optax", "numpy")},
        "scenario_hash": scenario.hash(),
        "learners": scenario.cluster.learners,
        "mini_batch": scenario.workload.mini_batch,
        "protocol": scenario.protocol.kind,
        "architecture": scenario.cluster.architecture.kind,
    }


def clock_summary(scenario: Scenario, clocked: ClockResult) -> dict[str, Any]:
    samples = clocked.gradients_applied * scenario.workload.mini_batch
    return {
        "simulated_seconds": clocked.simulated_seconds,
        "gradients": {
            "computed": clocked.gradients_computed,
            "applied": clocked.gradients_applied,
            "dropped": clocked.gradients_dropped,
            "cancelled": clocked.gradients_cancelled,
            "lost": clocked.gradients_lost,
            "in_flight": clocked.gradients_in_flight,
        },
        "updates": clocked.updates,
        "stopped_by": _stopped_by(scenario, clocked),
        "hang": None if clocked.hang is None else {"at": clocked.hang.at, "reason": clocked.hang.reason},
        "samples": samples,
        "epochs": samples / scenario.samples_per_epoch if scenario.samples_per_epoch else None,
        "gradients_per_simulated_second": clocked.gradients_applied / (clocked.simulated_seconds or 1.0),
    }


def time_summary(clocked: ClockResult) -> dict[str, Any]:
    """Where the time goes."""
    spent = dict(zip(Activity, np.asarray(clocked.learner_seconds).sum(axis=0).tolist(), strict=True))
    working = sum(seconds for activity, seconds in spent.items() if activity is not Activity.IDLE)
    mishaps, sent = clocked.fault_counts, clocked.bytes
    return {
        "learner_time": _fractions(clocked.learner_seconds, clocked.simulated_seconds),
        "threads": {name: _fractions(seconds, clocked.simulated_seconds) for name, seconds in clocked.thread_seconds.items()},
        "overlap": spent[Activity.COMPUTE] / working if working > 0.0 else None,
        "critical_path": dict(zip(PARTS, clocked.critical_path, strict=True)),
        "servers": [{"name": s.name, "busy": s.busy, "mean_queue": s.mean_queue} for s in clocked.servers],
        "links": [link._asdict() for link in clocked.links],
        "bytes": {
            "sent": sent.sent,
            "received": sent.received,
            "lost": sent.lost,
            "in_flight": sent.sent - sent.received - sent.lost,
        },
        "faults": {
            "crashes": mishaps.crashes,
            "rejoins": mishaps.rejoins,
            "down": mishaps.down_seconds,
            "barrier_timeouts": mishaps.barrier_timeouts,
            "members_dropped": mishaps.members_dropped,
            "messages_lost": mishaps.messages_lost,
            "server_paused": mishaps.server_paused,
        },
    }


def _fractions(seconds: Sequence[Sequence[float]], whole: float) -> dict[str, float]:
    """What part of the time each activity took, in the mean over the learners."""
    spent = np.asarray(seconds).sum(axis=0) / ((whole or 1.0) * len(seconds))
    return {activity.name.lower(): float(spent[activity]) for activity in Activity}


def _stopped_by(scenario: Scenario, clocked: ClockResult) -> str:
    """The key of `stop` that ended the run."""
    stop, applied = scenario.stop, clocked.gradients_applied
    if clocked.hang is not None and (stop.simulated_time is None or clocked.simulated_seconds < stop.simulated_time):
        return "hang"
    if stop.updates is not None and clocked.updates >= stop.updates:
        return "updates"
    if stop.gradients is not None and applied >= stop.gradients:
        return "gradients"
    if scenario.gradients_to_stop is not None and applied >= scenario.gradients_to_stop:
        return "epochs"
    return "simulated_time"


def learner_table(clocked: ClockResult) -> pd.DataFrame:
    seconds = np.asarray(clocked.learner_seconds)
    columns = {activity.name.lower(): seconds[:, activity] for activity in Activity}
    return pd.DataFrame({"learner": range(len(seconds)), "gradients": clocked.learner_gradients, **columns})


def update_table(tape: Tape) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "time": tape.stepped_at[tape.step],
            "timestamp": tape.step + 1,
            "learner": tape.learner,
            "batch": tape.batch,
            "staleness": tape.staleness,
            "read_at": tape.read_at,
            "computed_at": tape.computed_at,
        }
    )


def with_bytes(evaluations: pd.DataFrame, clocked: ClockResult) -> pd.DataFrame:
    """Evaluations with the bytes that had been sent when the evaluated weights were made."""
    return evaluations.assign(bytes=np.interp(evaluations["updates"], clocked.sampled_updates, clocked.sampled_bytes))


def timeline(spans: Spans) -> pd.DataFrame:
    tracks = pd.DataFrame(spans.tracks, columns=["group", "name"])
    return pd.DataFrame(
        {
            "group": pd.Categorical(tracks["group"].to_numpy()[spans.track]),
            "track": pd.Categorical(tracks["name"].to_numpy()[spans.track], categories=tracks["name"].unique()),
            "activity": pd.Categorical.from_codes(spans.activity, categories=list(ACTIVITIES)),
            "start": spans.start,
            "end": spans.end,
            "learner": spans.learner,
        }
    )
