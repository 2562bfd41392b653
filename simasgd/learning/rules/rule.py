"""The update rule of a scenario: the two stages of a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import optax
from jaxtyping import PyTree

from simasgd.learning.models.network import Parameters
from simasgd.learning.rules import compression as encoders
from simasgd.learning.rules.linear import LinearUpdate, linear_update
from simasgd.learning.rules.modulations import Look, Modulated, Setting, modulated
from simasgd.learning.rules.optimizers import local_step, optimizer_of, regularized, scale_by_factor, scale_by_rates
from simasgd.learning.rules.trees import Updates
from simasgd.scenario.learning.compression import QSGD, Compression, Half, NoCompression, Sign, TopK
from simasgd.scenario.learning.modulation import Modulation
from simasgd.scenario.learning.optimizers import Optimizer


class Rule(NamedTuple):
    """The two stages of a step, and the weights that learners are sent after it.

    `per_gradient` is applied to each gradient, in the order of the tape, with the current weights
    as `params` and the extra arguments `learner`, `read` (the weights it was computed on),
    `staleness`, `step` (the number of updates so far), `share` (its coefficient in the mean) and
    `last` (whether its message ends with it; needed where `Setting.sums`). `update` is applied to
    the weighted mean, with the extra argument `factor` of the schedule.

    If `linear`, the first stage is one affine map for all gradients of a step that read one
    version, so that it may be applied to their mean. If it works `alone`, its result depends only
    on the gradient, the staleness and `read`, so that many gradients may be transformed at once.
    `sgd` has the numbers of the second stage if that is SGD, which is linear; else it is None.

    If there is a `look`, learners are sent look(weights, …) in place of the weights, and compute on
    that, from the first step on. The initial weights are sent unchanged.

    local(gradient, read, factor) returns a learner's own copy of the weights after a plain SGD step
    from `read`.
    """

    per_gradient: optax.GradientTransformationExtraArgs
    update: optax.GradientTransformationExtraArgs
    linear: bool
    local: Callable[[Updates, Parameters, jax.Array], Parameters]
    alone: bool
    sgd: LinearUpdate | None
    look: Look | None = None

    @property
    def is_product(self) -> bool:
        """Whether many steps are one linear map of their gradients, the weights and the velocity."""
        return self.alone and self.sgd is not None


_UNCOMPRESSED = NoCompression()


def rule(
    optimizer: Optimizer,
    modulation: Modulation,
    setting: Setting,
    rates: Callable[[Parameters], PyTree] | None = None,
    decays: Callable[[Parameters], PyTree] | None = None,
    local_learning_rate: float = 0.0,
    compression: Compression = _UNCOMPRESSED,
) -> Rule:
    """Build the rule of a scenario.

    `rates` and `decays` of the network's arrays are those of `simasgd.learning.models.network`;
    None where it has none.
    """
    before = [] if optimizer.clip is None else [optax.clip_by_global_norm(optimizer.clip)]
    after = [*([] if rates is None else [scale_by_rates(rates)]), scale_by_factor()]
    chosen = modulated(modulation, optimizer.learning_rate, setting, rates)
    stages = _stages(modulation, chosen, compression, setting)
    return Rule(
        per_gradient=optax.chain(*regularized(optimizer, decays), *stages),
        update=optax.chain(*before, optimizer_of(optimizer, setting.tape_staleness), *after),
        linear=modulation.linear and not compression.changes_values,
        local=local_step(local_learning_rate, regularized(optimizer, decays), rates),
        alone=modulation.alone and not _remembers(compression, setting),
        sgd=linear_update(optimizer, setting.tape_staleness),
        look=_look_of_chain(chosen),
    )


def _remembers(compression: Compression, setting: Setting) -> bool:
    """Return whether a compression depends on earlier gradients."""
    return compression.has_feedback or setting.sums or isinstance(compression, QSGD)


def _look_of_chain(chosen: Modulated) -> Look | None:
    """Adapt the `look` of a modulation to the state of the whole chain, whose last entry is the modulation's state."""
    look = chosen.look
    return None if look is None else lambda weights, state, factor: look(weights, state[-1], factor)


def _stages(
    modulation: Modulation, chosen: Modulated, compression: Compression, setting: Setting
) -> list[optax.GradientTransformation]:
    """Order the modulation and the compression: learners compress last, and the server transforms what arrives."""
    if not compression.changes_values:
        return [chosen.per_gradient]
    encoded = encoding(compression, setting)
    if modulation.at_learner:
        return [chosen.per_gradient, encoded]
    return [encoded, encoders.of_messages(chosen.per_gradient) if setting.sums else chosen.per_gradient]


def encoding(chosen: Compression, setting: Setting) -> optax.GradientTransformationExtraArgs:
    """Build the encoding of a learner's gradients, with its memory."""
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
