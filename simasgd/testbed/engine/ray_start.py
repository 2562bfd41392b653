"""The start of Ray: a local instance, or a cluster to join."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from simasgd.errors import RunFailed

# Ray gives its own processes 30 s to start, which a busy machine may exceed once.
_ATTEMPTS, _TOO_SLOW = (2, 1, 0), "timed out during startup"


def start_ray(address: str | None, processors: int | None = None) -> None:
    """Start Ray on this machine, with so many processors (all, by default), or join the cluster at an address.

    Raises RunFailed.
    """
    # Ray's hints (of tokens, say) are for those who start it; what fails is raised.
    logging.getLogger("ray").setLevel(logging.ERROR)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent that the user has not asked for
    for attempts_left in _ATTEMPTS if address is None else (0,):
        try:
            with _own_signals():
                # Without "local", Ray joins any cluster that it finds on the machine.
                ray.init(
                    address=address or "local",
                    num_cpus=processors if address is None else None,
                    include_dashboard=False if address is None else None,
                    log_to_driver=False,
                    configure_logging=False,
                )
            return
        except Exception as error:  # noqa: BLE001 - Ray raises any kind, Exception itself among them
            ray.shutdown()
            if attempts_left and _TOO_SLOW in str(error):
                continue
            where = "on this machine" if address is None else f"at {address}"
            raise RunFailed(f"Ray does not start {where}: {str(error).splitlines()[0]}") from None


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep this program's reaction to SIGTERM, which Ray replaces by its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
