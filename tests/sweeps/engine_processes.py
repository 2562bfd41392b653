"""Sweeps as processes of an engine: started by the command, found by a mark in their environment, and killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from tests.build import PROGRAM
from tests.sweeps.test_sweep import is_running

CLUSTERS = {"loky": [], "dask": [], "ray": [], "slurm": ["--address", "local"]}
PACKAGES = {"loky": "joblib", "dask": "distributed", "ray": "ray", "slurm": "submitit"}
WORKERS = {"loky": "popen_loky", "dask": "spawn_main", "ray": "ray::carry_out", "slurm": "submitit"}
"""What the command line of a worker process contains."""
MARK = "SIMASGD_TEST_SWEEP"
NODE = "SIMASGD_TEST_NODE"


def start(
    engine: str, path: Path, folder: Path, axes: list[str], where: Collection[str] | None = None
) -> subprocess.Popen[str]:
    """Start a sweep by the command, with a mark in the environment of all its processes."""
    if find_spec(PACKAGES[engine]) is None:
        pytest.skip(f"{engine} is not installed")
    place = CLUSTERS[engine] if where is None else where
    words = ["sweep", str(path), *axes, "--engine", engine, *place, "--workers", "2", "--out", str(folder)]
    return subprocess.Popen(
        [*PROGRAM, *words],
        cwd=path.parent,
        env={**os.environ, MARK: str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> None:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert out.splitlines()[-1].startswith("report: ")


def processes_of(folder: Path, variable: str = MARK) -> list[psutil.Process]:
    """Return the processes that a sweep, or a node, has started, directly or not."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(variable) == str(folder) and is_running(process.pid):
                found.append(process)
        except psutil.Error:
            continue
    return found


def workers_of(engine: str, folder: Path) -> list[int]:
    """Return the processes that compute points."""
    found = []
    for process in processes_of(folder):
        try:
            if WORKERS[engine] in " ".join(process.cmdline()):
                found.append(process.pid)
        except psutil.Error:  # it has ended just now
            continue
    return found


@contextmanager
def ray_node(name: Path, *words: str) -> Iterator[None]:
    """Run a node of Ray with one processor, and kill whatever it has started."""
    program = [sys.executable, "-m", "ray.scripts.scripts", "start", "--num-cpus=1", "--block", *words]
    environment = {**os.environ, NODE: str(name), "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    node = subprocess.Popen(program, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        kill_node(name)
        node.wait()


def kill_node(name: Path) -> None:
    """Kill all processes of a node at once."""
    while found := processes_of(name, NODE):
        for process in found:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)


def find_free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def workers_at(node: Path) -> list[psutil.Process]:
    """Return the processes of a node of Ray that compute points just now."""
    return [process for process in processes_of(node, NODE) if "ray::carry_out" in " ".join(process.cmdline())]


def answers(port: int) -> bool:
    """Return whether something listens at a port of this machine."""
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def wait_until(is_so: Callable[[], object], driver: subprocess.Popen[str] | None = None) -> None:
    """Wait until something is so, up to a minute and a half, and while the driver runs."""
    until = time.monotonic() + 90.0
    while not is_so():
        assert driver is None or driver.poll() is None, driver.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)
