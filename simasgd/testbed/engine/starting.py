"""The engines by name, and the start of one: with messages that a user can act on, in bounded time."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from typing import Final

from simasgd.errors import RunFailed, UsageError, spell_install
from simasgd.scenario.vocabulary.values import nearest, shown
from simasgd.testbed.engine.abstract import AbstractEngine

ENGINES: Final = ("ray",)
_PATIENCE = 45.0  # seconds until a cluster must have answered; Ray itself tries for many minutes
# A process of its own, because Ray writes to standard error where the cluster does not answer, and cannot be stopped.
_PROBE = """
import logging, sys, ray
logging.getLogger("ray").setLevel(logging.CRITICAL)
try:
    ray.init(address=sys.argv[1], log_to_driver=False, configure_logging=False)
except Exception as error:
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    if any(type(cause).__name__ == "AuthenticationError" or "AuthenticationError" in str(cause) for cause in causes):
        print("it asks for an authentication token; set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN_PATH to its file")
    else:
        print(" ".join(str(error).split("\\n\\n")[0].split()) or type(error).__name__)
    sys.exit(1)
ray.shutdown()
"""


def require_engine(name: str) -> None:
    """Raise UsageError if there is no engine of this name, or it is not installed."""
    if name not in ENGINES:
        near = nearest(name, ENGINES, least=0.3)
        hint = f"did you mean {near!r}?" if near else f"expected {' or '.join(ENGINES)}"
        raise UsageError(f"--engine: there is no engine {shown(name)}; {hint}")
    if find_spec("ray") is None:
        raise UsageError(f"The engine ray is not installed; install it with: {spell_install('ray')}")


def start_engine(name: str, address: str | None) -> AbstractEngine:
    """Start the engine of this name, on this machine or on the cluster at an address.

    Raises UsageError as `require_engine` does, and RunFailed if the engine does not start.
    """
    require_engine(name)
    if address is not None:
        require_answer(address)
    from simasgd.testbed.engine.ray_engine import RayEngine

    return RayEngine(address)


def require_answer(address: str) -> None:
    """Raise RunFailed unless a Ray cluster at this address lets this machine join."""
    try:
        probe = subprocess.run(
            [sys.executable, "-c", _PROBE, address],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RunFailed(f"--address {address}: no Ray cluster answers within {_PATIENCE:.0f} s") from None
    if probe.returncode:
        lines = probe.stdout.strip().splitlines()
        reason = lines[-1] if lines else f"Ray ended with status {probe.returncode}"
        raise RunFailed(f"--address {address}: the Ray cluster cannot be joined: {reason}")
