"""Starts and interruptions of `simasgd record`: what is left of processes and files.

    python -m benchmarks.testbed_interruptions [STARTS OF EACH KIND]

A recording without an end is started, and interrupted by SIGINT, SIGTERM or SIGKILL of the driver alone. The moment is up to
6 s, drawn uniformly, after one of three stages is reached: the command is started, Ray has its first process, all learners
are processes. All processes carry a mark in their environment, so that those left are found wherever they hang. A folder of
results is `none`, `begun` (the command's own work, which the next one takes over), `whole` (its files load, and it has a
page) or `half-written`.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import psutil

from simasgd.errors import SimasgdError
from simasgd.results.study import Study

_SCENARIO = """
name: endless
cluster:
  learners: 2
  profile: ideal
  compute: {per_batch: 20 ms, per_sample: 0 s, distribution: exponential}
workload: {mini_batch: 4, payload: 100 kB, samples_per_epoch: 100}
protocol: async
stop: {gradients: 100000000}
"""
_COMMAND = [
    sys.executable,
    "-c",
    # Shells start what runs in the background with SIGINT ignored, and that is inherited.
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\nfrom simasgd.__main__ import main; main()",
]
_MARK = "SIMASGD_INTERRUPTIONS"
_PATIENCE = 60.0  # seconds
_LEARNERS = 2
_STAGES = ("command", "Ray", "learners")
_LATEST = 6.0  # seconds
_KINDS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)


class Left(NamedTuple):
    """The remains of a recording that was interrupted `moment` seconds after a stage."""

    kind: str
    stage: str
    moment: float
    status: int
    processes: int
    started: int
    gone_after: float
    folder: str
    said: str


def _marked(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(_MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def _describe(folder: Path) -> str:
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    if not files:
        return "none"
    if all(path.parts[0] == ".simasgd-unfinished" for path in files):
        return "begun"
    try:
        study = Study.load(folder)
    except SimasgdError as error:
        return f"half-written: {error}"
    return f"whole, {study.runs[''][0].summary.updates:,} updates" if (folder / "index.html").is_file() else "whole, no page"


def _wait_for(stage: str, mark: str, driver: subprocess.Popen[bytes]) -> None:
    """Wait until a recording has reached a stage."""
    while driver.poll() is None:
        found = _marked(mark)
        hosts = sum("Host" in " ".join(process.cmdline()[:1]) for process in found)
        if stage == "command" or (stage == "Ray" and len(found) > 1) or hosts >= _LEARNERS + 1:
            return
        time.sleep(0.2)


def interrupt(kind: signal.Signals, stage: str, moment: float) -> Left:
    """Start a recording, interrupt it at a moment (s) after a stage, and look at what is left."""
    mark = uuid.uuid4().hex
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        (home / "endless.yaml").write_text(_SCENARIO, encoding="utf-8")
        driver = subprocess.Popen(
            [*_COMMAND, "record", "endless.yaml", "--out", "out", "-q"],
            cwd=home,
            env={**os.environ, _MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        _wait_for(stage, mark, driver)
        time.sleep(moment)
        started = len(_marked(mark))
        driver.send_signal(kind)
        _, said = driver.communicate(timeout=_PATIENCE)
        ended = time.monotonic()
        while (left := _marked(mark)) and time.monotonic() - ended < _PATIENCE:
            time.sleep(0.05)
        gone_after = time.monotonic() - ended
        for process in left:
            process.kill()
        lines = said.decode(errors="replace").strip().splitlines()
        return Left(
            kind.name,
            stage,
            moment,
            driver.returncode,
            len(left),
            started,
            gone_after,
            _describe(home / "out"),
            lines[-1] if lines else "",
        )


def _print(left: Left) -> None:
    print(
        f"{left.kind:8} {left.stage:8} {left.moment:6.2f} {left.status:6d} {left.started:7d} {left.processes:4d} "
        f"{left.gone_after:9.2f}   {left.folder:22} {left.said}",
        flush=True,
    )


def main() -> None:
    """Interrupt recordings, and print a table."""
    starts = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    print("signal   after    moment status started left gone after   folder                 said")
    drawn = random.Random(0)
    asked = [(kind, drawn.choice(_STAGES), drawn.uniform(0.0, _LATEST)) for _ in range(starts) for kind in _KINDS]
    with ThreadPoolExecutor(2) as pool:
        lefts = []
        for left in pool.map(lambda one: interrupt(*one), asked):
            _print(left)
            lefts.append(left)
    processes = sum(left.processes for left in lefts)
    halves = sum(left.folder.startswith("half") for left in lefts)
    print(f"{len(lefts)} interruptions: {processes} processes left, {halves} half-written folders")


if __name__ == "__main__":
    main()
