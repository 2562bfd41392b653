"""Update rules as optax transformations with extra arguments, also for use in other training loops.

A step has two stages: a transformation of each gradient, which may depend on that gradient's
staleness and on the weights it was computed on, and then one optimizer update with their weighted
mean:

    per_gradient = scale_by_inverse_staleness()
    update = optax.chain(optax.sgd(0.05, momentum=0.9), scale_by_factor())
"""

from __future__ import annotations

from simasgd.learning.rules.adaptive import (
    scale_by_koloskova,
    scale_by_mishchenko,
    scale_within_budget_1,
    scale_within_budget_2,
)
from simasgd.learning.rules.compensation import compensate_delay, compensate_delay_adaptively, scale_by_gap
from simasgd.learning.rules.compression import (
    keep_largest,
    quantize,
    round_to_half,
    summed_up,
    take_scaled_signs,
    take_signs,
    with_error_feedback,
)
from simasgd.learning.rules.modulations import Look, Setting
from simasgd.learning.rules.momentum import look_ahead, momentum_by_learner, trace_ahead, trace_by_learner
from simasgd.learning.rules.optimizers import add_decays, explicit_momentum, scale_by_factor, scale_by_rates
from simasgd.learning.rules.rule import Rule, rule
from simasgd.learning.rules.staleness import (
    scale_by_exponential_staleness,
    scale_by_inverse_mean_staleness,
    scale_by_inverse_staleness,
    scale_by_polynomial_staleness,
    scale_by_sqrt_batch,
    scale_by_staleness,
    scale_by_staleness_table,
)

__all__ = [
    "Look",
    "Rule",
    "Setting",
    "add_decays",
    "compensate_delay",
    "compensate_delay_adaptively",
    "explicit_momentum",
    "keep_largest",
    "look_ahead",
    "momentum_by_learner",
    "quantize",
    "round_to_half",
    "rule",
    "scale_by_exponential_staleness",
    "scale_by_factor",
    "scale_by_gap",
    "scale_by_inverse_mean_staleness",
    "scale_by_inverse_staleness",
    "scale_by_koloskova",
    "scale_by_mishchenko",
    "scale_by_polynomial_staleness",
    "scale_by_rates",
    "scale_by_sqrt_batch",
    "scale_by_staleness",
    "scale_by_staleness_table",
    "scale_within_budget_1",
    "scale_within_budget_2",
    "summed_up",
    "take_scaled_signs",
    "take_signs",
    "trace_ahead",
    "trace_by_learner",
    "with_error_feedback",
]
