"""The precision of matrix products and convolutions, which accelerators may compute with fewer digits than float32 has."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from typing import Any

import jax

from simasgd.scenario.learning.learning import Precision

_TF32_SINCE = 8  # NVIDIA's compute capability of Ampere


def products_in(precision: Precision) -> AbstractContextManager[Any]:
    """Return a context in which products of matrices have this precision: float32 on a device without TF32.

    Without it JAX computes products of float32 with the precision that is fastest on the device.
    """
    context: AbstractContextManager[Any] = jax.default_matmul_precision(_name_of_products(precision, has_tf32()))
    return context


def _name_of_products(precision: Precision, has_tf32: bool) -> str:
    """Return JAX's name. JAX takes "tensorfloat32" for three products of bfloat16 on a TPU, which has no TF32."""
    return "tensorfloat32" if precision == "tf32" and has_tf32 else "highest"


def has_tf32() -> bool:
    """Return whether the device that JAX computes on has TF32: a GPU of NVIDIA from Ampere on."""
    device = jax.devices()[0]
    if device.platform != "gpu":
        return False
    capability = re.fullmatch(r"(\d+)\.\d+", str(device.compute_capability))
    return capability is not None and int(capability[1]) >= _TF32_SINCE


def describe_missing_tf32(precision: Precision) -> str:
    """Return a sentence where TF32 is asked for and the device has none, else an empty text."""
    if precision != "tf32" or has_tf32():
        return ""
    device = jax.default_backend().upper()
    return f"The precision is tf32, which this {device} does not have: matrix products were computed in float32."
