"""Runs in local processes that survive JAX, a killed worker and a killed driver."""

from __future__ import annotations

import os
import sys
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path

from simasgd.errors import SimasgdError
from simasgd.results.run import Run
from simasgd.scenario.schema import Scenario
from simasgd.signals import follow, held_back
from simasgd.sweeps.points import PointFolders

_ATTEMPTS = 3  # how often a run may be under way while a worker dies, before it is given up


def run(missing: Sequence[Mapping[str, Scenario]], sweep: Path, workers: int) -> Iterator[tuple[str, str]]:
    """Run groups of scenarios in worker processes, each scenario into the point of its name in a sweep's folder, unless that
    is there; yields each one's name with "" or what went wrong.

    No more groups are handed out than there are workers, so a worker that is killed takes down only those under way, and
    they are tried again. The processes are fresh ones, never forks, which JAX does not survive. They end when this one does,
    and when the iteration is broken off.
    """
    from joblib.externals.loky import get_reusable_executor
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    waiting, attempts = deque(range(len(missing))), Counter[int]()
    workers = max(1, min(workers, len(missing)))
    running: dict[Future[list[str]], int] = {}
    _start_trackers()
    try:
        while waiting or running:
            try:
                with held_back():
                    executor = get_reusable_executor(
                        max_workers=workers, timeout=60, initializer=follow, initargs=(os.getpid(),)
                    )
                    while waiting and len(running) < workers:
                        number = waiting.popleft()
                        running[executor.submit(_simulate_into, dict(missing[number]), str(sweep))] = number
            except TerminatedWorkerError:  # a worker died since; the futures under way say so, too
                waiting.appendleft(number)
            for future in wait(running, return_when=FIRST_COMPLETED).done if running else ():
                number = running.pop(future)
                try:
                    errors = future.result()
                except TerminatedWorkerError:
                    attempts[number] += 1
                    if attempts[number] < _ATTEMPTS:
                        waiting.appendleft(number)
                        continue
                    errors = [f"its worker process died {_ATTEMPTS} times (out of memory?)"] * len(missing[number])
                yield from zip(missing[number], errors, strict=True)
    finally:
        if running:
            executor.shutdown(kill_workers=True)


def _start_trackers() -> None:
    """Start loky's process that removes the semaphores of a driver that was killed, such that it does so without a warning, and
    that of the standard library, which unblocks signals when it is started."""
    from multiprocessing import resource_tracker

    from joblib.externals.loky.backend.resource_tracker import ensure_running

    option = "ignore:resource_tracker:UserWarning"
    sys.warnoptions.append(option)  # processes are started with these
    try:
        ensure_running()
        resource_tracker.ensure_running()
    finally:
        sys.warnoptions.remove(option)


def _simulate_into(scenarios: Mapping[str, Scenario], sweep: str) -> list[str]:
    """In a worker: simulate runs that go through one loop, and save them. Returns what went wrong with each, or ""."""
    from simasgd.simulator import simulate_together

    folders = PointFolders(Path(sweep))
    try:
        runs = simulate_together(list(scenarios.values()))
    except Exception as error:  # noqa: BLE001  # points that fail are rows of the table, and the others go on
        said = f"{type(error).__name__}: {error}"
        return [said if folders.summary(name, scenario) is None else "" for name, scenario in scenarios.items()]
    return [_save(folders, name, run) for name, run in zip(scenarios, runs, strict=True)]


def _save(folders: PointFolders, name: str, run: Run) -> str:
    """Save a point unless it is there. Returns what went wrong, or ""."""
    try:
        if folders.summary(name, run.scenario) is None:
            folders.save(name, run)
    except OSError as error:
        # A worker of an interrupted sweep may have written the same point meanwhile.
        return "" if folders.summary(name, run.scenario) is not None else f"{type(error).__name__}: {error}"
    except SimasgdError as error:
        return str(error)
    return ""
