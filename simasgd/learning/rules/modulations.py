"""The transformation of each modulation that a scenario can name."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import optax
from jaxtyping import PyTree

from simasgd.learning.models.network import Parameters
from simasgd.learning.rules import adaptive, compensation, momentum, staleness
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

    per_gradient: optax.GradientTransformation
    look: Look | None = None


def modulated(
    modulation: Modulation, learning_rate: float, setting: Setting, rates: Callable[[Parameters], PyTree] | None = None
) -> Modulated:
    """Build the transformation of a modulation at the learning rate α₀ = `learning_rate`.

    `rates` are those of `simasgd.learning.models.network`. Of `setting` only the numbers that
    `modulation.needs` count.
    """
    match modulation:
        case kinds.DanaZero(decay=decay):
            look = momentum.look_ahead(learning_rate, decay, rates)
            return Modulated(momentum.trace_ahead(decay, setting.learners), look)
        case kinds.DanaDC(decay=decay, lambda0=strength):
            look = momentum.look_ahead(learning_rate, decay, rates)
            ahead = momentum.trace_ahead(decay, setting.learners)
            # The state of a chain is a tuple; that of `ahead` is its last entry.
            return Modulated(
                optax.chain(compensation.compensate_delay(strength), ahead),
                lambda weights, state, factor: look(weights, state[-1], factor),
            )
        case _:
            return Modulated(_transformation(modulation, learning_rate, setting))


def _transformation(modulation: Modulation, learning_rate: float, setting: Setting) -> optax.GradientTransformation:
    match modulation:
        case kinds.NoModulation():
            return optax.identity()
        case kinds.InverseStaleness():
            return staleness.scale_by_inverse_staleness()
        case kinds.InverseMeanStaleness():
            return staleness.scale_by_inverse_mean_staleness(setting.mean_staleness)
        case kinds.SqrtBatch(reference=reference):
            return staleness.scale_by_sqrt_batch(setting.samples_per_round, reference)
        case kinds.PolynomialStaleness(power=power):
            return staleness.scale_by_polynomial_staleness(power)
        case kinds.ExponentialStaleness(rate=rate):
            return staleness.scale_by_exponential_staleness(rate)
        case kinds.StalenessTable(factors=factors):
            return staleness.scale_by_staleness_table(factors)
        case kinds.DelayCompensation(lambda0=strength):
            return compensation.compensate_delay(strength)
        case kinds.AdaptiveDelayCompensation(lambda0=strength, decay=decay):
            return compensation.compensate_delay_adaptively(strength, decay)
        case kinds.GapAware(decay=decay):
            return compensation.scale_by_gap(decay)
        case kinds.WuAdaptive1(fraction=fraction):
            return adaptive.scale_within_budget_1(fraction, setting.window)
        case kinds.WuAdaptive2():
            return adaptive.scale_within_budget_2(setting.window)
        case kinds.Mishchenko(smoothness=smoothness):
            # Without L, α₀ is taken for the largest step that the theorem allows, 1/(2λL).
            known = smoothness or 1.0 / (2.0 * setting.learners * learning_rate)
            return adaptive.scale_by_mishchenko(learning_rate, known, setting.learners)
        case kinds.Koloskova(smoothness=smoothness, threshold=given):
            threshold = setting.learners if given is None else given
            known = smoothness or 1.0 / (4.0 * threshold * learning_rate)  # α₀ is taken for 1/(4Lτ_C)
            return adaptive.scale_by_koloskova(learning_rate, known, threshold)
        case kinds.DanaSlim(decay=decay):
            return momentum.trace_by_learner(decay, setting.learners)
        case kinds.LearnerMomentum(decay=decay):
            return momentum.momentum_by_learner(decay, setting.learners)
        case _:
            raise NotImplementedError(modulation.kind)
