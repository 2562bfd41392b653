"""The two stages of a step, as a scenario has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import optax

from simasgd.learning.rules import adaptive, compensation, momentum, staleness
from simasgd.learning.rules import compression as encoders
from simasgd.learning.rules.optimizers import local_step, optimizer_of, regularized, scale_by_factor, scale_by_rates
from simasgd.scenario.learning import modulation as kinds
from simasgd.scenario.learning.compression import QSGD, Compression, Half, NoCompression, Sign, TopK
from simasgd.scenario.learning.modulation import Modulation
from simasgd.scenario.learning.optimizers import Optimizer


class Setting(NamedTuple):
    """What a modulation or an optimizer may ask about the run; what it does not ask stays at its default, so that runs share
    compilations."""

    mean_staleness: float = 1.0
    """⟨σ⟩; the nominal one of a protocol that has it."""
    tape_staleness: float = 0.0
    """⟨σ⟩ of the tape itself."""
    samples_per_round: int = 1
    """λµ."""
    learners: int = 1
    """λ."""
    window: int = 1
    """More than the greatest staleness."""
    sums: bool = False
    """Whether the messages that are compressed are sums of several gradients."""


Look = Callable[[Any, Any, jax.Array], Any]
"""look(weights, state, factor): what learners are sent of weights that were made at this factor of the schedule, with the state
of the first stage after that step."""


class Rule(NamedTuple):
    """The two stages of a step, and what learners see of the weights that it makes.

    `per_gradient` is applied to each gradient, in the order of the tape, with the current weights as `params` and the extra
    arguments `learner`, `read` (the weights it was computed on), `staleness`, `step` (the number of updates so far), `share`
    (its coefficient in the mean) and `last` (whether its message ends with it; needed where `Setting.sums`). `update` is
    applied to the weighted mean, with the extra argument `factor` of the schedule.
    If `linear`, the first stage is one affine map for all gradients of a step that read one version, whatever they are, so
    that it may as well be applied to their mean. If there is a `look`, learners are sent what it makes of the weights, and
    compute on that, from the first step on; the initial weights are sent as they are.

    local(gradient, read, factor) is a learner's own copy of the weights after a plain SGD step from `read`.
    """

    per_gradient: optax.GradientTransformationExtraArgs
    update: optax.GradientTransformationExtraArgs
    linear: bool
    local: Callable[[Any, Any, jax.Array], Any]
    look: Look | None = None


_NOT_LINEAR = (
    kinds.DelayCompensation
    | kinds.AdaptiveDelayCompensation
    | kinds.DanaSlim
    | kinds.LearnerMomentum
    | kinds.DanaZero
    | kinds.DanaDC
)
_AT_LEARNER = kinds.DanaSlim | kinds.LearnerMomentum
"""What learners do to their gradients themselves, before these are compressed; all else is done by the server."""
_UNCOMPRESSED = NoCompression()


def rule(
    optimizer: Optimizer,
    modulation: Modulation,
    setting: Setting,
    rates: Callable[[Any], Any] | None = None,
    decays: Callable[[Any], Any] | None = None,
    local_learning_rate: float = 0.0,
    compression: Compression = _UNCOMPRESSED,
) -> Rule:
    """The rule of a scenario, with `rates` and `decays` of its network's arrays if it has any.

    Both are those of `simasgd.learning.models.network`.
    """
    before = [] if optimizer.clip is None else [optax.clip_by_global_norm(optimizer.clip)]
    after = [*([] if rates is None else [scale_by_rates(rates)]), scale_by_factor()]
    modulated = _per_gradient(modulation, optimizer.learning_rate, setting)
    stages = [modulated] if not compression.changes_values else _compressed(modulation, modulated, compression, setting)
    return Rule(
        per_gradient=optax.chain(*regularized(optimizer, decays), *stages),
        update=optax.chain(*before, optimizer_of(optimizer, setting.tape_staleness), *after),
        linear=not isinstance(modulation, _NOT_LINEAR) and not compression.changes_values,
        local=local_step(local_learning_rate, regularized(optimizer, decays), rates),
        look=_look(modulation, optimizer.learning_rate, rates),
    )


def _compressed(
    modulation: Modulation, modulated: optax.GradientTransformation, compression: Compression, setting: Setting
) -> list[optax.GradientTransformation]:
    """What the learner does to a gradient before it is compressed, the compression, and what the server does to the message."""
    encoding = _encoding(compression, setting)
    if isinstance(modulation, _AT_LEARNER):
        return [modulated, encoding]
    return [encoding, encoders.of_messages(modulated) if setting.sums else modulated]


def _encoding(chosen: Compression, setting: Setting) -> optax.GradientTransformationExtraArgs:
    """What a learner sends in place of its gradients."""
    encoder = _encoder(chosen)
    if chosen.has_feedback:
        return encoders.with_error_feedback(encoder, setting.learners)
    return encoders.summed_up(encoder, setting.learners) if setting.sums else encoder


def _encoder(chosen: Compression) -> optax.GradientTransformationExtraArgs:
    match chosen:
        case NoCompression():
            return optax.with_extra_args_support(optax.identity())
        case Half():
            return encoders.round_to_half()
        case TopK(fraction=fraction):
            return encoders.keep_largest(fraction)
        case QSGD(levels=levels, bucket=bucket):
            return encoders.quantize(levels, bucket)
        case Sign(error_feedback=scaled):
            return encoders.take_scaled_signs() if scaled else encoders.take_signs()


def _per_gradient(modulation: Modulation, learning_rate: float, setting: Setting) -> optax.GradientTransformation:
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
            # Without L, α₀ is taken for the largest step that the theorem allows: 1/(2λL), or 1/(4Lτ_C).
            known = smoothness or 1.0 / (2.0 * setting.learners * learning_rate)
            return adaptive.scale_by_mishchenko(learning_rate, known, setting.learners)
        case kinds.Koloskova(smoothness=smoothness, threshold=given):
            threshold = setting.learners if given is None else given
            known = smoothness or 1.0 / (4.0 * threshold * learning_rate)
            return adaptive.scale_by_koloskova(learning_rate, known, threshold)
        case kinds.DanaSlim(decay=decay):
            return momentum.trace_by_learner(decay, setting.learners)
        case kinds.LearnerMomentum(decay=decay):
            return momentum.momentum_by_learner(decay, setting.learners)
        case kinds.DanaZero(decay=decay):
            return momentum.trace_ahead(decay, setting.learners)
        case kinds.DanaDC(decay=decay, lambda0=strength):
            return optax.chain(compensation.compensate_delay(strength), momentum.trace_ahead(decay, setting.learners))


def _look(modulation: Modulation, learning_rate: float, rates: Callable[[Any], Any] | None) -> Look | None:
    """Of a chain's state the last part is that of the modulation, and of DANA-DC's the last that of the momentum."""
    match modulation:
        case kinds.DanaZero(decay=decay):
            ahead = momentum.look_ahead(learning_rate, decay, rates)
            return lambda weights, state, factor: ahead(weights, state[-1], factor)
        case kinds.DanaDC(decay=decay):
            ahead = momentum.look_ahead(learning_rate, decay, rates)
            return lambda weights, state, factor: ahead(weights, state[-1][-1], factor)
        case _:
            return None
