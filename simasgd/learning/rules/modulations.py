"""The transformation of each modulation that a scenario can name."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import PyTree

from simasgd.learning.models.network import Parameters
from simasgd.learning.rules import adaptive, compensation, momentum, staleness
from simasgd.learning.rules.part import RulePart
from simasgd.learning.rules.trees import State
from simasgd.scenario.learning import modulation as kinds
from simasgd.scenario.learning.modulation import Modulation


class Setting(NamedTuple):
    """The numbers of a run that a modulation, an optimizer or a compression depends on.

    A number that the rule does not need keeps its default, so that more runs share a compilation.
    """

    mean_staleness: float = 1.0
    """⟨σ⟩; the nominal one of a protocol that has it."""
    tape_staleness: float = 0.0
    """⟨σ⟩ of the tape itself."""
    samples_per_round: int = 1
    """λµ."""
    learners: int = 1
    """λ."""
    window: int = 1
    """A number greater than any staleness of the run."""
    sums: bool = False
    """Whether the messages that are compressed are sums of several gradients."""


Look = Callable[[Parameters, State, jax.Array], Parameters]
"""look(weights, state, factor): the weights as learners are sent them.

`factor` is the schedule's factor of the step that made the weights, and `state` the state of the
transformation of each gradient after that step.
"""


class Modulated(NamedTuple):
    """A modulation as a transformation of each gradient, and its `look` (of this transformation's state) if it has one."""

    per_gradient: RulePart
    look: RulePart | None = None


def modulated(
    modulation: Modulation, learning_rate: float, setting: Setting, rates: Callable[[Parameters], PyTree] | None = None
) -> Modulated:
    """Return the transformation of a modulation at the learning rate α₀ = `learning_rate`.

    `rates` are those of `simasgd.learning.models.network`. Of `setting` only the numbers that
    `modulation.needs` count.
    """
    match modulation:
        case kinds.DanaZero(decay=decay):
            return Modulated(_ahead(decay, setting), _look(learning_rate, decay, rates))
        case kinds.DanaDC(decay=decay, lambda0=strength):
            compensated = RulePart.of(compensation.compensate_delay, strength=strength)
            look = RulePart.of(_of_last_state, _look(learning_rate, decay, rates))
            return Modulated(RulePart.of(optax.chain, compensated, _ahead(decay, setting)), look)
        case _:
            return Modulated(_transformation(modulation, learning_rate, setting))


def _ahead(decay: float, setting: Setting) -> RulePart:
    return RulePart.of(momentum.trace_ahead, decay=decay, fixed={"learners": setting.learners})


def _look(learning_rate: float, decay: float, rates: Callable[[Parameters], PyTree] | None) -> RulePart:
    return RulePart.of(momentum.look_by, step=learning_rate * decay, fixed={"rates": rates})


def _of_last_state(look: Look) -> Look:
    """Adapt a look to the state of a chain, a tuple whose last entry is the state that it needs."""
    return lambda weights, state, factor: look(weights, state[-1], factor)


def _transformation(modulation: Modulation, learning_rate: float, setting: Setting) -> RulePart:
    """Return the transformation, with numbers as they enter it: what depends on no gradient is computed here."""
    match modulation:
        case kinds.NoModulation():
            return RulePart.of(optax.identity)
        case kinds.InverseStaleness():
            return RulePart.of(staleness.scale_by_inverse_staleness)
        case kinds.InverseMeanStaleness():
            return RulePart.of(optax.scale, step_size=staleness.inverse_mean_staleness(setting.mean_staleness))
        case kinds.SqrtBatch(reference=reference):
            return RulePart.of(optax.scale, step_size=staleness.sqrt_batch(setting.samples_per_round, reference))
        case kinds.PolynomialStaleness(power=power):
            return RulePart.of(staleness.scale_by_polynomial_staleness, power=power)
        case kinds.ExponentialStaleness(rate=rate):
            return RulePart.of(staleness.scale_by_exponential_staleness, rate=rate)
        case kinds.StalenessTable(factors=factors):
            return RulePart.of(staleness.scale_by_staleness_table, factors=jnp.asarray(factors))
        case kinds.DelayCompensation(lambda0=strength):
            return RulePart.of(compensation.compensate_delay, strength=strength)
        case kinds.AdaptiveDelayCompensation(lambda0=strength, decay=decay):
            return RulePart.of(compensation.compensate_delay_adaptively, strength=strength, decay=decay)
        case kinds.GapAware(decay=decay):
            return RulePart.of(compensation.scale_by_gap, decay=decay)
        case kinds.WuAdaptive1(fraction=fraction):
            return RulePart.of(adaptive.scale_within_budget_1, fraction=fraction, fixed={"window": setting.window})
        case kinds.WuAdaptive2():
            return RulePart.of(adaptive.scale_within_budget_2, fixed={"window": setting.window})
        case kinds.Mishchenko(smoothness=smoothness):
            # Without L, α₀ is taken for the largest step that the theorem allows, 1/(2λL).
            known = smoothness or 1.0 / (2.0 * setting.learners * learning_rate)
            return RulePart.of(adaptive.scale_up_to, fixed=None, **adaptive.mishchenko(learning_rate, known, setting.learners))
        case kinds.Koloskova(smoothness=smoothness, threshold=given):
            threshold = float(setting.learners) if given is None else given
            known = smoothness or 1.0 / (4.0 * threshold * learning_rate)  # α₀ is taken for 1/(4Lτ_C)
            return RulePart.of(adaptive.scale_beyond, fixed=None, **adaptive.koloskova(learning_rate, known, threshold))
        case kinds.DanaSlim(decay=decay):
            return RulePart.of(momentum.trace_by_learner, decay=decay, fixed={"learners": setting.learners})
        case kinds.LearnerMomentum(decay=decay):
            return RulePart.of(momentum.momentum_by_learner, decay=decay, fixed={"learners": setting.learners})
        case _:
            raise NotImplementedError(modulation.kind)
