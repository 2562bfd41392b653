"""Learners whose work ends for good with their traces."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, final

from simpy import Environment

from simasgd.cluster.cast.worker import AbstractWorker
from simasgd.cluster.clock.traces import EndOfTrace

MakeRole = Callable[[], Generator[Any, Any, None]]


@final
@dataclass
class LeaveTimes:
    """When (s) each learner left, by its number."""

    at: dict[int, float] = field(default_factory=dict)


def leaving_at_the_end(env: Environment, worker: AbstractWorker, role: MakeRole, leavings: LeaveTimes) -> MakeRole:
    """Return a worker's role that ends where its trace does.

    The other threads go on. Nobody is told that the worker left, so whoever waits for it waits for
    ever, unless the cast notices absences (`run_with_crashes`).
    """
    return partial(_work_and_leave, env, worker, role, leavings)


def _work_and_leave(
    env: Environment, worker: AbstractWorker, role: MakeRole, leavings: LeaveTimes
) -> Generator[Any, Any, None]:
    try:
        yield from role()
    except EndOfTrace:
        leavings.at.setdefault(worker.number, env.now)
        worker.leave()
