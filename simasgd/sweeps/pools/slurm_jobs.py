"""Jobs of a Slurm cluster, by submitit: an array of jobs, each of which computes a part of the points."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Any, final

import submitit

from simasgd.errors import RunFailed
from simasgd.sweeps.pools.abstract import AbstractPool, WorkerLost
from simasgd.sweeps.pools.work import Delivery, PoolTask, carry_out

_POLL = 1.0  # seconds between two looks at the jobs
_MOST_JOBS = 1_000  # at once, a usual limit of Slurm


@final
class _Resumable:
    """Carries out a task. A job that Slurm stops for another one, or at its time limit, is queued again and goes on.

    The points that it has saved are kept.
    """

    def __call__(self, task: PoolTask) -> list[Delivery]:
        return carry_out(task)

    def checkpoint(self, task: PoolTask) -> submitit.helpers.DelayedSubmission:
        """Return the tasks that are queued again; submitit calls this in the job."""
        return submitit.helpers.DelayedSubmission(self, task)


@final
class JobPool(AbstractPool):
    """An array of `jobs` jobs. Their logs are in `logs`, which all nodes must see.

    `address` is "local" for jobs on this machine without Slurm, to try. `parameters` are those of submitit's executor.
    """

    def __init__(self, address: str | None, jobs: int, logs: Path, parameters: Mapping[str, Any]) -> None:
        self._jobs, self._logs = jobs, logs
        self._cluster = "local" if address == "local" else "slurm"
        self._parameters = parameters
        self._executor: Any = None
        self._under_way: set[Any] = set()

    @property
    def capacity(self) -> int:
        return _MOST_JOBS

    def count_groups(self, missing: int) -> int:
        return ceil(missing / min(self._jobs, missing))

    @contextmanager
    def running(self, tasks: int) -> Iterator[None]:
        try:
            self._executor = submitit.AutoExecutor(folder=self._logs, cluster=self._cluster)
            self._executor.update_parameters(**self._parameters)
        except (RuntimeError, ValueError, NameError) as error:
            raise RunFailed(f"--engine slurm: jobs cannot be submitted here: {error}") from None
        try:
            yield
        finally:
            for job in self._under_way:
                job.cancel()

    def submit(self, tasks: Collection[PoolTask]) -> list[Any]:
        if not tasks:
            return []
        try:
            jobs: list[Any] = self._executor.map_array(_Resumable(), list(tasks))
        except submitit.core.utils.FailedSubmissionError as error:
            raise RunFailed(f"--engine slurm: the jobs were refused: {' '.join(str(error).split())}") from None
        self._under_way |= set(jobs)
        return jobs

    def wait(self, handles: Collection[Any]) -> Collection[Any]:
        while True:
            done = [job for job in handles if job.done()]
            if done:
                return done
            time.sleep(_POLL)

    def result(self, handle: Any) -> list[Delivery]:
        self._under_way.discard(handle)
        try:
            found: list[Delivery] = handle.result()
        except submitit.core.utils.UncompletedJobError as error:
            raise WorkerLost(" ".join(str(error).split("\n")[0].split())) from None
        except Exception as error:  # noqa: BLE001 - any kind, where the result cannot be read
            raise RunFailed(f"a job cannot compute points: {' '.join(str(error).split())}") from None
        return found
