"""The update rule of a scenario: the two stages of a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

import jax
import optax
from jaxtyping import PyTree

from simasgd.learning.models.network import Parameters
from simasgd.learning.rules import compression as encoders
from simasgd.learning.rules.linear import LinearUpdate, linear_update
from simasgd.learning.rules.modulations import Look, Modulated, Setting, modulated
from simasgd.learning.rules.optimizers import (
    clipped,
    local_step,
    optimizer_of,
    regularized,
    scale_by_factor,
    scale_by_rates,
)
from simasgd.learning.rules.part import RulePart
from simasgd.learning.rules.trees import Updates
from simasgd.scenario.learning.compression import QSGD, Compression, Half, NoCompression, Sign, TopK
from simasgd.scenario.learning.modulation import Modulation
from simasgd.scenario.learning.optimizers import Optimizer


@final
@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Rule:
    """The two stages of a step, and the weights that learners are sent after it.

    `per_gradient` is applied to each gradient, in the order of the tape, with the current weights
    as `params` and the extra arguments `learner`, `read` (the weights it was computed on),
    `staleness`, `step` (the number of updates so far), `share` (its coefficient in the mean) and
    `last` (whether its message ends with it; needed where `Setting.sums`). `update` is applied to
    the weighted mean, with the extra argument `factor` of the schedule.

    A rule is a pytree, whose leaves are its numbers: the learning rate, the momentum, decays and the
    like. So a function that takes a rule as an argument is compiled once for all rules that differ
    in numbers only.
    """

    gradient_parts: tuple[RulePart, ...]
    """The parts of `per_gradient`, in order."""
    update_parts: tuple[RulePart, ...]
    """The parts of `update`, in order."""
    local_part: RulePart
    look_part: RulePart | None
    sgd: LinearUpdate | None
    """The numbers of the second stage if that is SGD, which is linear; else None."""
    linear: bool = field(metadata={"static": True})
    """Whether the first stage is one affine map for all gradients of a step that read one version.

    It may then be applied to their mean.
    """
    alone: bool = field(metadata={"static": True})
    """Whether the first stage depends only on the gradient, the staleness and `read`.

    Many gradients may then be transformed at once.
    """

    @property
    def per_gradient(self) -> optax.GradientTransformationExtraArgs:
        """The first stage."""
        return optax.chain(*(part.built for part in self.gradient_parts))

    @property
    def update(self) -> optax.GradientTransformationExtraArgs:
        """The second stage."""
        return optax.chain(*(part.built for part in self.update_parts))

    @property
    def local(self) -> Callable[[Updates, Parameters, jax.Array], Parameters]:
        """The function local(gradient, read, factor): a learner's own copy after a plain SGD step from the weights `read`."""
        step: Callable[[Updates, Parameters, jax.Array], Parameters] = self.local_part.built
        return step

    @property
    def look(self) -> Look | None:
        """The function look(weights, …): what learners are sent in place of the weights; None if they are sent these.

        They compute on it from the first step on. The initial weights are sent unchanged.
        """
        if self.look_part is None:
            return None
        look: Look = self.look_part.built
        # The state of the whole chain has that of the modulation as its last entry.
        return lambda weights, state, factor: look(weights, state[-1], factor)

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
    """Return the rule of a scenario.

    `rates` and `decays` of the network's arrays are those of `simasgd.learning.models.network`;
    None where it has none.
    """
    after = [*([] if rates is None else [RulePart.of(scale_by_rates, fixed={"rates": rates})]), RulePart.of(scale_by_factor)]
    chosen = modulated(modulation, optimizer.learning_rate, setting, rates)
    decayed = regularized(optimizer, decays)
    return Rule(
        gradient_parts=(*decayed, *_stages(modulation, chosen, compression, setting)),
        update_parts=(*clipped(optimizer), optimizer_of(optimizer, setting.tape_staleness), *after),
        local_part=RulePart.of(local_step, *decayed, learning_rate=local_learning_rate, fixed={"rates": rates}),
        look_part=chosen.look,
        sgd=linear_update(optimizer, setting.tape_staleness),
        linear=modulation.linear and not compression.changes_values,
        alone=modulation.alone and not _remembers(compression, setting),
    )


def _remembers(compression: Compression, setting: Setting) -> bool:
    """Return whether a compression depends on earlier gradients."""
    return compression.has_feedback or setting.sums or isinstance(compression, QSGD)


def _stages(modulation: Modulation, chosen: Modulated, compression: Compression, setting: Setting) -> list[RulePart]:
    """Order the modulation and the compression: learners compress last, and the server transforms what arrives."""
    if not compression.changes_values:
        return [chosen.per_gradient]
    encoded = _encoding(compression, setting)
    if modulation.at_learner:
        return [chosen.per_gradient, encoded]
    return [encoded, RulePart.of(encoders.of_messages, chosen.per_gradient) if setting.sums else chosen.per_gradient]


def encoding(chosen: Compression, setting: Setting) -> optax.GradientTransformationExtraArgs:
    """Build the encoding of a learner's gradients, with its memory."""
    built: optax.GradientTransformationExtraArgs = _encoding(chosen, setting).built
    return built


def _encoding(chosen: Compression, setting: Setting) -> RulePart:
    encoder, learners = _encoder(chosen), {"learners": setting.learners}
    if chosen.has_feedback:
        return RulePart.of(encoders.with_error_feedback, encoder, fixed=learners)
    return RulePart.of(encoders.summed_up, encoder, fixed=learners) if setting.sums else encoder


def _unchanged() -> optax.GradientTransformationExtraArgs:
    return optax.with_extra_args_support(optax.identity())


def _encoder(chosen: Compression) -> RulePart:
    match chosen:
        case NoCompression():
            return RulePart.of(_unchanged)
        case Half():
            return RulePart.of(encoders.round_to_half)
        case TopK(fraction=fraction):  # the number of values that it keeps is the length of an array
            return RulePart.of(encoders.keep_largest, fixed={"fraction": fraction})
        case QSGD(levels=levels, bucket=bucket):
            return RulePart.of(encoders.quantize, levels=float(levels), fixed={"bucket": bucket})
        case Sign(error_feedback=scaled):
            return RulePart.of(encoders.take_scaled_signs if scaled else encoders.take_signs)
