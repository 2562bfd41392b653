"""Worker processes on a machine with GPUs: one for each, which no other process has. No GPU is needed to see that."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from simasgd.learning.devices import count_accelerators
from simasgd.sweeps.pools.accelerators import share_accelerators


@pytest.mark.parametrize(
    ("environment", "processes", "count", "shared"),
    [
        ({}, 16, 0, (16, ())),
        ({}, 16, 1, (1, ("0",))),
        ({}, 16, 4, (4, ("0", "1", "2", "3"))),
        ({}, 2, 4, (2, ("0", "1", "2", "3"))),
        ({"CUDA_VISIBLE_DEVICES": "5,7"}, 16, 2, (2, ("5", "7"))),
        ({"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}, 16, 4, (16, ())),
        ({"XLA_PYTHON_CLIENT_PREALLOCATE": "true"}, 16, 1, (1, ("0",))),
        ({"XLA_PYTHON_CLIENT_ALLOCATOR": "platform"}, 16, 4, (16, ())),
        ({"XLA_PYTHON_CLIENT_MEM_FRACTION": ".2"}, 16, 1, (16, ())),
    ],
)
def test_each_accelerator_has_one_process_unless_the_user_shares_its_memory(
    environment: dict[str, str],
    processes: int,
    count: int,
    shared: tuple[int, tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (
        "CUDA_VISIBLE_DEVICES",
        "XLA_PYTHON_CLIENT_PREALLOCATE",
        "XLA_PYTHON_CLIENT_MEM_FRACTION",
        "XLA_PYTHON_CLIENT_ALLOCATOR",
    ):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert share_accelerators(processes, count) == shared


def test_without_plug_ins_of_jax_there_are_no_accelerators() -> None:
    """The environment of the tests has JAX for CPUs only."""
    assert count_accelerators() == 0


_CLAIM = """
import os, sys
from simasgd.sweeps.pools.accelerators import claim
claim(tuple(sys.argv[2].split(",")), int(sys.argv[1]))
print(os.environ.get("CUDA_VISIBLE_DEVICES"), "jax" in sys.modules, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="CUDA's JAX is for Linux")
def test_processes_take_different_accelerators_and_the_next_one_that_of_a_killed_one() -> None:
    def begin(names: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", _CLAIM, str(os.getpid()), names]
        environment = {key: value for key, value in os.environ.items() if key != "CUDA_VISIBLE_DEVICES"}
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def read(process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        return process.stdout.readline().strip()

    alone, *pair = [begin("0"), begin("3,5"), begin("3,5")]
    try:
        assert read(alone) == "None False"
        found = [read(process) for process in pair]
        assert sorted(found) == ["3 False", "5 False"]
        pair[0].kill()
        pair[0].wait()
        pair.append(begin("3,5"))
        assert read(pair[2]) == found[0]
    finally:
        for process in (alone, *pair):
            process.kill()
            process.communicate()
