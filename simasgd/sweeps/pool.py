"""Runs in local worker processes.

A killed worker is replaced, and workers end with their driver.
"""

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

_ATTEMPTS = 3  # of a run whose worker dies


def run_groups(missing: Sequence[Mapping[str, Scenario]], sweep: Path, workers: int) -> Iterator[tuple[str, str]]:
    """Run groups of scenarios in worker processes, and save each as the point of its name.

    Points that exist are kept. Yields the name of each scenario with an error message ("": none).

    At most one group for each worker is handed out. So a killed worker takes down only the groups
    under way, and they are tried again. The processes are fresh ones, never forks, which JAX does
    not survive. They end when this process ends or the iteration is broken off.
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
            except TerminatedWorkerError:  # a worker died; the futures under way raise the same error
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
    """Start the resource trackers of loky and of the standard library.

    loky's removes the semaphores of a killed driver; here it does so without a warning. That of the
    standard library unblocks signals when it starts, so it must not start later.
    """
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
    """Simulate runs that share a loop, in a worker, and save them.

    Return an error message for each ("": none).
    """
    from simasgd.simulator import simulate_together

    folders = PointFolders(Path(sweep))
    try:
        runs = simulate_together(list(scenarios.values()))
    except Exception as error:  # noqa: BLE001  # a failed point is a row of the table; the others continue
        problem = f"{type(error).__name__}: {error}"
        return [problem if folders.summary(name, scenario) is None else "" for name, scenario in scenarios.items()]
    return [_save(folders, name, run) for name, run in zip(scenarios, runs, strict=True)]


def _save(folders: PointFolders, name: str, run: Run) -> str:
    """Save a point unless it exists. Return an error message ("": none)."""
    try:
        if folders.summary(name, run.scenario) is None:
            folders.save(name, run)
    except OSError as error:
        # A worker of an interrupted sweep may have written the same point meanwhile.
        return "" if folders.summary(name, run.scenario) is not None else f"{type(error).__name__}: {error}"
    except SimasgdError as error:
        return str(error)
    return ""
