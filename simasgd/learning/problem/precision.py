"""The precision of matrix products and convolutions, which accelerators may compute with fewer digits than float32 has."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from typing import Any

import jax

from simasgd.scenario.learning.learning import Precision

_OF_PRODUCTS = {"float32": "highest", "tf32": "tensorfloat32", "float64": "highest"}
_TF32_SINCE = 8  # NVIDIA's compute capability of Ampere


def products_in(precision: Precision) -> AbstractContextManager[Any]:
    """Return a context in which products of matrices have this precision.

    Without it JAX computes products of float32 with the precision that is fastest on the device.
    """
    context: AbstractContextManager[Any] = jax.default_matmul_precision(_OF_PRODUCTS[precision])
    return context


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
