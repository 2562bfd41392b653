"""Run all benchmarks, or the named ones."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable

import jax

from benchmarks import clock_speed, collectives, protocols, pytorch, replay, scaling

BENCHMARKS: dict[str, Callable[[], None]] = {
    "clock": clock_speed.main,
    "cluster": scaling.main,
    "replay": replay.main,
    "protocols": protocols.main,
    "collectives": collectives.main,
    "peers": pytorch.main,
}


def main() -> None:
    """Run the benchmarks that the command line names, or all."""
    names = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"unknown benchmark {unknown[0]!r}; choose from {', '.join(BENCHMARKS)}")
    print(f"Python {platform.python_version()}, JAX {jax.__version__} on {jax.devices()[0].platform}")
    for name in names:
        print(f"--- {name}")
        BENCHMARKS[name]()


main()
