"""SGD as a linear map: what a product needs that makes many steps at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import jax
import numpy as np
import optax

from simasgd.learning.rules.optimizers import explicit_momentum
from simasgd.learning.rules.part import RuleNumber
from simasgd.learning.rules.trees import State, Updates
from simasgd.scenario.learning.optimizers import SGD, Optimizer
from simasgd.tape.arrays import Floats


@final
@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class LinearUpdate:
    """The numbers of SGD, leaves of a pytree: v ← momentum·v + g, then w ← w − learning_rate·factor·rate·d.

    The direction d is v, or g + momentum·v with Nesterov's momentum. g is the weighted mean of a
    step's gradients, and the rate belongs to the array of weights.
    """

    learning_rate: RuleNumber
    momentum: RuleNumber
    nesterov: bool = field(metadata={"static": True})


def linear_update(optimizer: Optimizer, staleness: float) -> LinearUpdate | None:
    """Return the numbers of an optimizer at a mean staleness of the tape; None for one that is not linear."""
    if not isinstance(optimizer, SGD) or optimizer.clip is not None:
        return None
    return LinearUpdate(optimizer.learning_rate, explicit_momentum(optimizer.momentum, staleness), optimizer.nesterov)


def momentum_columns(sgd: LinearUpdate, depth: int) -> tuple[Floats, Floats, Floats]:
    """Return what of a velocity is left after 0 to `depth` steps, and what of it moves the weights then.

    The three vectors are the fields of `simasgd.learning.layout.abstract.ProductColumns`. With
    Nesterov's momentum m a step moves by g + m·v in place of v.
    """
    powers = np.power(float(sgd.momentum), np.arange(depth + 1))
    direction, along = powers[:-1], powers[1:]
    if sgd.nesterov:
        direction, along = (np.arange(depth) == 0) + float(sgd.momentum) * direction, float(sgd.momentum) * along
    return powers, direction, along


def velocity_of(state: State) -> Updates | None:
    """Return the velocity v in the state of an optimizer; None if it has none."""
    found = [part.trace for part in jax.tree.leaves(state, is_leaf=_is_trace) if _is_trace(part)]
    return found[0] if found else None


def with_velocity(state: State, velocity: Updates) -> State:
    """Return the state of an optimizer with another velocity."""
    return jax.tree.map(lambda part: optax.TraceState(velocity) if _is_trace(part) else part, state, is_leaf=_is_trace)


def _is_trace(part: object) -> bool:
    return isinstance(part, optax.TraceState)
