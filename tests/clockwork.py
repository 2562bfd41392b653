"""Runs with a time line and all that a summary can say of the clock, made by hand for the report's tests."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from simasgd import Run, Study, simulate
from simasgd.results.outcome import decide_outcome
from simasgd.results.summary import Summary
from tests.build import TIMING, scenario

COLUMNS = ["group", "track", "activity", "start", "end", "learner"]
NO_PATH = {"compute": 0.0, "push": 0.0, "update": 0.0, "pull": 0.0, "other": 0.0}
PATH = {"compute": 62.0, "push": 18.0, "update": 8.0, "pull": 12.0, "other": 0.0}
WHAT_IF = [
    {
        "change": change,
        "factor": 2,
        "seconds": 1.0 / speedup,
        "base_seconds": 1.0,
        "speedup": speedup,
        "spread_speedup": None,
        "path_speedup": None,
        "gradients": 2000,
    }
    for change, speedup in (("network", 1.31), ("server", 1.02), ("node", 1.4))
]
NO_FAULTS = {
    "crashes": 0, "rejoins": 0, "barrier_timeouts": 0, "members_dropped": 0, "messages_lost": 0,
    "server_paused": 0.0, "down": 0.0,
}  # fmt: skip
FAULTS = NO_FAULTS | {"crashes": 2, "rejoins": 1, "messages_lost": 5, "barrier_timeouts": 3, "members_dropped": 4, "down": 1.5}
HANG = {"at": 0.123, "reason": "the barrier waits for learner 3, which crashed"}
THREADS = {
    "push": {"compute": 0.0, "push": 0.55, "wait": 0.1, "pull": 0.0, "idle": 0.35},
    "pull": {"compute": 0.0, "push": 0.0, "wait": 0.2, "pull": 0.3, "idle": 0.5},
}


def timeline(
    learners: int = 4, cycles: int = 40, *, shared: bool = False, threads: bool = False, seed: int = 0
) -> pd.DataFrame:
    """Learners that compute, push, wait for a server's update, and pull; one message takes 0.4 ms on an own or shared link."""
    draw = np.random.default_rng(seed)
    rows: list[tuple[str, str, str, float, float, int]] = []
    free = {"server": 0.0, "server nic in": 0.0, "server nic out": 0.0}
    ready = [(0.0, learner, cycles) for learner in range(learners)]
    message, update = 4e-4, 1e-4

    def occupy(group: str, track: str, activity: str, arrived: float, length: float, learner: int) -> tuple[float, float]:
        start = arrived if shared and group == "links" else max(arrived, free[track])
        free[track] = start + length
        rows.append((group, track, activity, start, start + length, learner))
        return start, start + length

    while ready:
        now, learner, left = heapq.heappop(ready)
        name = f"learner {learner}"
        computed = now + 4e-3 * float(draw.gamma(16.0)) / 16.0
        sent, arrived = occupy("links", "server nic in", "transfer", computed, message * (1 + learner % 3), learner)
        _, updated = occupy("servers", "server", "update", arrived, update, learner)
        left_server, back = occupy("links", "server nic out", "transfer", updated, message, learner)
        spans = [("compute", now, computed), ("wait", computed, sent), ("push", sent, arrived), ("wait", arrived, left_server),
                 ("pull", left_server, back)]  # fmt: skip
        rows += [("learners", name, activity, start, end, learner) for activity, start, end in spans]
        if threads:
            rows += [("learners", f"{name} push", "push", sent, arrived, learner),
                     ("learners", f"{name} pull", "pull", left_server, back, learner)]  # fmt: skip
        if left > 1:
            heapq.heappush(ready, (back, learner, left - 1))
    return pd.DataFrame(rows, columns=COLUMNS)


def run(table: pd.DataFrame | None = None, *, seed: int = 0, **summary: Any) -> Run:
    """Make a small run of the real clock, with another time line and other entries in its summary."""
    found = simulate(scenario(TIMING, {"seed": seed}))
    length = {} if table is None else {"simulated_seconds": float(table["end"].max())}
    return replace(altered(found, **length, **summary), timeline=table)


def altered(run: Run, **changes: Any) -> Run:
    """Return the run with other entries in its summary, and with the outcome that follows from them.

    A mapping changes some entries of the mapping that it replaces.
    """
    content = run.summary.as_json()
    for key, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(content[key], Mapping)
        content[key] = {**content[key], **value} if both else value
    summary = Summary.model_validate(content)
    outcome = decide_outcome(
        run.scenario.learning,
        hung=summary.hang is not None,
        diverged=summary.diverged is not None,
        applied=summary.gradients.applied,
        test_error=summary.test_error,
        test_loss=summary.test_loss,
        first_loss=summary.evaluations[0].test_loss if summary.evaluations else None,
    )
    return replace(run, summary=summary.model_copy(update={"outcome": outcome}))


def study_of(runs: Mapping[str, Run | Sequence[Run]]) -> Study:
    """Variants of those runs; alone under the name ""."""
    listed = {name: [found] if isinstance(found, Run) else list(found) for name, found in runs.items()}
    first = next(iter(listed.values()))[0].scenario
    variants = {} if list(listed) == [""] else dict.fromkeys(listed)
    return Study(scenario(TIMING, {"variants": variants}) if variants else first, listed)
