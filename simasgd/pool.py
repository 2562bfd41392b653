"""Runs in local processes that survive JAX, a killed worker and a killed driver."""

from __future__ import annotations

import os
import shutil
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path

from simasgd.results import RUN, Run
from simasgd.scenario.schema import Scenario

_ATTEMPTS = 3  # how often a run may be under way while a worker dies, before it is given up


def run(missing: Sequence[Mapping[str, Scenario]], home: Path, workers: int) -> Iterator[tuple[str, str]]:
    """Run groups of scenarios in worker processes, each scenario into the folder of its name below `home`, unless that is
    there; yields each one's name with "" or what went wrong.

    No more groups are handed out than there are workers, so a worker that is killed takes down only those under way, and
    they are tried again. The processes are fresh ones, never forks, which JAX does not survive.
    """
    from joblib.externals.loky import get_reusable_executor
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    waiting, attempts = deque(range(len(missing))), Counter[int]()
    workers = max(1, min(workers, len(missing)))
    running: dict[Future[list[str]], int] = {}
    while waiting or running:
        executor = get_reusable_executor(max_workers=workers, timeout=60)
        try:
            while waiting and len(running) < workers:
                number = waiting.popleft()
                running[executor.submit(_simulate_into, dict(missing[number]), str(home))] = number
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


def _simulate_into(scenarios: Mapping[str, Scenario], home: str) -> list[str]:
    """In a worker: simulate runs that go through one loop, and save them. Returns what went wrong with each, or ""."""
    from simasgd.simulator import simulate_together

    try:
        runs = simulate_together(list(scenarios.values()))
    except Exception as error:  # noqa: BLE001  # points that fail are rows of the table, and the others go on
        said = f"{type(error).__name__}: {error}"
        return ["" if (Path(home) / name / RUN).is_file() else said for name in scenarios]
    return [_save(run, Path(home), name) for name, run in zip(scenarios, runs, strict=True)]


def _save(run: Run, home: Path, name: str) -> str:
    """Save a run under a temporary name first. Returns what went wrong, or ""."""
    final, fresh = home / name, home / f".tmp-{os.getpid()}-{name}"
    if (final / RUN).is_file():
        return ""
    try:
        run.save(fresh)
        fresh.rename(final)
    except OSError as error:
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
