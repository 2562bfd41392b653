"""The quadratic function: the loss of a sample ξ is ½·Σ hᵢ·wᵢ² − ξ·w, and its gradient h·w − ξ."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from simasgd.learning.models.network import Parameters
from simasgd.learning.models.objective import Objective
from simasgd.scenario.learning.models import Quadratic


def quadratic(spec: Quadratic) -> Objective:
    """Build the quadratic objective.

    Without noise, wᵢ after k steps of plain SGD is start·(1 − αhᵢ)^k. It diverges at a constant
    staleness of k updates if α·max h > 2·sin(π/(2(2k + 1))) (docs/papers.md D28).
    """

    def init(key: jax.Array) -> Parameters:
        del key  # nothing is random about it
        return jnp.full(len(spec.spectrum), spec.start, jnp.result_type(float))

    def losses(parameters: Parameters, inputs: jax.Array, labels: jax.Array) -> jax.Array:
        del labels
        curvatures = jnp.asarray(spec.spectrum, parameters.dtype)
        result: jax.Array = 0.5 * jnp.sum(curvatures * parameters**2) - inputs @ parameters
        return result

    return Objective(init, losses)
