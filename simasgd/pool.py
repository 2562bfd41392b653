"""Runs in local processes that survive JAX, a killed worker and a killed driver."""

from __future__ import annotations

import os
import shutil
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path

from simasgd.results import RUN
from simasgd.scenario.schema import Scenario

_ATTEMPTS = 3  # how often a run may be under way while a worker dies, before it is given up


def run(missing: Mapping[str, Scenario], home: Path, workers: int) -> Iterator[tuple[str, str]]:
    """Run the scenarios in worker processes, each into the folder of its name below `home`; yields each one's name with "" or
    what went wrong.

    No more points are handed out than there are workers, so a worker that is killed takes down only those under way, and
    they are tried again. The processes are fresh ones, never forks, which JAX does not survive.
    """
    from joblib.externals.loky import get_reusable_executor
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    waiting, attempts = deque(missing), Counter[str]()
    workers = max(1, min(workers, len(missing)))
    running: dict[Future[str], str] = {}
    while waiting or running:
        executor = get_reusable_executor(max_workers=workers, timeout=60)
        try:
            while waiting and len(running) < workers:
                name = waiting.popleft()
                running[executor.submit(_simulate_into, missing[name], str(home), name)] = name
        except TerminatedWorkerError:  # a worker died since; the futures under way say so, too
            waiting.appendleft(name)
        for future in wait(running, return_when=FIRST_COMPLETED).done if running else ():
            name = running.pop(future)
            try:
                error = future.result()
            except TerminatedWorkerError:
                attempts[name] += 1
                if attempts[name] < _ATTEMPTS:
                    waiting.appendleft(name)
                    continue
                error = f"its worker process died {_ATTEMPTS} times (out of memory?)"
            yield name, error


def _simulate_into(scenario: Scenario, home: str, name: str) -> str:
    """In a worker: simulate and save a run, under a temporary name first. Returns what went wrong, or ""."""
    from simasgd.simulator import simulate

    final, fresh = Path(home) / name, Path(home) / f".tmp-{os.getpid()}-{name}"
    try:
        simulate(scenario).save(fresh)
        fresh.rename(final)
    except Exception as error:  # noqa: BLE001  # a point that fails is a row of the table, and the others go on
        shutil.rmtree(fresh, ignore_errors=True)
        # A worker of an interrupted sweep may have written the same run meanwhile.
        return "" if (final / RUN).is_file() else f"{type(error).__name__}: {error}"
    return ""


def remove_leftovers(home: Path) -> None:
    """Delete the unfinished folders of workers that are no more, or whose run is there by now."""
    for path in home.glob(".tmp-*"):
        _, process, name = path.name.split("-")
        if not _alive(int(process)) or (home / name / RUN).is_file():
            shutil.rmtree(path, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
