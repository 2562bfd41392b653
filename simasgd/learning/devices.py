"""The devices that JAX computes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.metadata import entry_points

from simasgd.errors import UsageError
from simasgd.scenario.alike import CPU_CAPACITY, Capacity
from simasgd.scenario.schema import Scenario

VARIABLES = ("JAX_PLATFORMS", "JAX_DISABLE_JIT")


def require_devices(*, compiled: bool = True) -> None:
    """Raise UsageError if JAX has no device of the kind that the environment's variables name.

    With `compiled`, also raise it if they forbid JAX to compile. JAX does not survive a fork, so a
    process that was forked from one that learned raises it, too, where it would wait for ever.
    """
    if _process_of_jax() != os.getpid():
        raise UsageError(
            "this process is a fork of one in which JAX runs, and JAX does not work in a fork: "
            'start processes with multiprocessing.get_context("spawn"), or before the first simulation'
        )
    try:
        import jax

        jax.devices()
    except (RuntimeError, ValueError) as error:
        given = ", ".join(f"{name}={os.environ[name]}" for name in sorted(os.environ) if name.startswith("JAX_"))
        raise UsageError(f"JAX cannot be used{f' with {given}' if given else ''}: {str(error).splitlines()[0]}") from None
    if compiled and jax.config.jax_disable_jit:  # type: ignore[attr-defined]
        raise UsageError("JAX_DISABLE_JIT is set, but simasgd learns in a compiled loop: unset it")


@cache
def _process_of_jax() -> int:
    """Return the process in which JAX was first asked for. A fork has the answer of the process that it comes from."""
    return os.getpid()


def require_devices_for(scenarios: Iterable[Scenario]) -> None:
    """Raise UsageError if scenarios learn and a variable of the environment keeps JAX from it.

    JAX is imported only where such a variable is set.
    """
    if any(os.environ.get(name) for name in VARIABLES) and any(
        one.learning is not None for scenario in scenarios for one in scenario.by_variant.values()
    ):
        require_devices()


def capacity_for(scenarios: Sequence[Scenario]) -> Capacity:
    """Return the capacity of the device that these scenarios are learned on.

    It does not depend on what else uses the device. This process takes none of the device's memory:
    where JAX has plug-ins for accelerators, another process asks JAX.
    """
    if len(scenarios) < 2 or all(scenario.learning is None for scenario in scenarios):
        return CPU_CAPACITY  # whatever it is, nothing goes through one loop
    return _capacity() if entry_points(group="jax_plugins") else CPU_CAPACITY


def count_accelerators() -> int:
    """Return the number of accelerators that JAX computes on in this environment; 0 if that is the CPU."""
    if not entry_points(group="jax_plugins"):
        return 0
    platform, _, count = _ask()
    return 0 if platform == "cpu" else count


_QUESTION = """
import json, jax
devices = jax.devices()
statistics = {} if devices[0].platform == "cpu" else devices[0].memory_stats() or {}
print(json.dumps([devices[0].platform, statistics.get("bytes_limit"), len(devices)]))
"""


@cache
def _ask() -> tuple[str, int | None, int]:
    """Return the platform of JAX's devices, the memory of the first one in bytes (None: not known), and their number."""
    environment = {**os.environ, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    asked = subprocess.run([sys.executable, "-c", _QUESTION], env=environment, capture_output=True, text=True, check=False)
    if asked.returncode:
        return "cpu", None, 1  # `require_devices` says why JAX cannot be used
    platform, memory, count = json.loads(asked.stdout.splitlines()[-1])
    return platform, memory, count


def _capacity() -> Capacity:
    platform, memory, _ = _ask()
    return CPU_CAPACITY if platform == "cpu" else Capacity.of_accelerator(memory)
