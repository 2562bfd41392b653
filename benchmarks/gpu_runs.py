"""Whole commands on an accelerator: Rudra's CIFAR-10 network with 30 learners, 140 epochs on the real images.

Needs CIFAR-10 under `SIMASGD_DATA`. Each command is a fresh process. The first two are the same command: it compiles
everything, and then finds its programs in JAX's cache.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.gpu import EPOCHS

VARIABLE = "SIMASGD_DATA"
N_30 = ("protocol.n=30",)


class Command(NamedTuple):
    """A command to be timed; `share` is the part of the epochs that suffices."""

    name: str
    overrides: Sequence[str]
    share: float = 1.0


COMMANDS = (
    Command("n = 30, nothing compiled", N_30),
    Command("n = 30, compiled before", N_30),
    Command("n = 1", ("protocol.n=1",)),
    Command("hardsync", ("protocol=hardsync",)),
    Command("n = 30, 8 seeds of learning at once", (*N_30, "cluster.seed=0", "repeats=8"), 1 / 7),
)


def main(chosen: Sequence[str]) -> None:
    """Print the time and the test error of all commands, or of those whose names begin as one of the arguments."""
    backend = subprocess.run(
        [sys.executable, "-c", "import jax; print(jax.default_backend(), jax.devices()[0].device_kind)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    if backend.startswith("cpu"):
        print("no accelerator: 140 epochs of this network take days on a CPU")
        return
    if VARIABLE not in os.environ:
        print(f"no data: set {VARIABLE} to a folder with CIFAR-10")
        return
    print(f"{backend}, {os.cpu_count()} cores of the host, load {os.getloadavg()[0]:.1f}")
    print_commands([command for command in COMMANDS if not chosen or command.name.startswith(tuple(chosen))])


def print_commands(commands: Sequence[Command], epochs: float = EPOCHS) -> None:
    """Print the time and the test errors of commands, which share a cache of compiled programs."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "JAX_COMPILATION_CACHE_DIR": f"{folder}/programs"}
        for number, command in enumerate(commands):
            _print_command(command, command.share * epochs, Path(folder) / str(number), environment)


def _print_command(command: Command, epochs: float, folder: Path, environment: Mapping[str, str]) -> None:
    words = ["rudra-cifar10", "variants=null", "learning.modulation=inverse-staleness", f"stop.epochs={epochs:g}"]
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "simasgd", "run", *words, *command.overrides, "--out", str(folder), "--quiet"],
        stdout=subprocess.DEVNULL,
        env=environment,
        check=True,
    )
    seconds = time.perf_counter() - began
    summaries = [json.loads(path.read_text()) for path in sorted(folder.rglob("run.json"))]
    errors = ", ".join(f"{100 * summary['test_error']:.2f} %" for summary in summaries)
    wall = summaries[0]["wall"]
    phases = ", ".join(f"{phase} {wall[phase]:.1f} s" for phase in ("simulate", "compile", "replay"))
    print(f"{command.name:40} {seconds:7.1f} s for {epochs:g} epochs ({phases}), test error {errors}", flush=True)
