"""Runs all benchmarks, or those named."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable

import jax

from benchmarks import clock, cluster, collectives, peers, protocols, replay

BENCHMARKS: dict[str, Callable[[], None]] = {
    "clock": clock.main,
    "cluster": cluster.main,
    "replay": replay.main,
    "protocols": protocols.main,
    "collectives": collectives.main,
    "peers": peers.main,
}


def main() -> None:
    names = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"there is no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    print(f"Python {platform.python_version()}, JAX {jax.__version__} on {jax.devices()[0].platform}")
    for name in names:
        print(f"--- {name}")
        BENCHMARKS[name]()


main()
