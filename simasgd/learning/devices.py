"""The devices that JAX computes on."""

from __future__ import annotations

import os

from simasgd.errors import UsageError

VARIABLES = ("JAX_PLATFORMS", "JAX_DISABLE_JIT")


def require_devices(*, compiled: bool = True) -> None:
    """Raise UsageError if JAX has no device of the kind that the environment's variables name.

    With `compiled`, also raise it if they forbid JAX to compile.
    """
    try:
        import jax

        jax.devices()
    except (RuntimeError, ValueError) as error:
        given = ", ".join(f"{name}={os.environ[name]}" for name in sorted(os.environ) if name.startswith("JAX_"))
        raise UsageError(f"JAX cannot be used{f' with {given}' if given else ''}: {str(error).splitlines()[0]}") from None
    if compiled and jax.config.jax_disable_jit:  # type: ignore[attr-defined]
        raise UsageError("JAX_DISABLE_JIT is set, but simasgd learns in a compiled loop: unset it")
