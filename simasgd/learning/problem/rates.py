"""The factor of each learner's learning rate."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from simasgd import exact
from simasgd.laws import member_factors
from simasgd.scenario.learning.rates import Rates
from simasgd.scenario.schema import Scenario
from simasgd.tape.arrays import Floats


def rates_of_learners(scenario: Scenario) -> Float[Floats, " learners"] | None:
    """Return the factor of each learner's learning rate; None if all are 1.

    One that is drawn from a law is a function of the learning's seed and the learner's number only.
    """
    assert scenario.learning is not None
    chosen, learners = scenario.learning.learner_rates, scenario.cluster.learners
    if chosen is None:
        return None
    if isinstance(chosen, Rates):
        law = chosen.distribution, chosen.cv
        return np.array(member_factors(*law, scenario.learning_seed, exact.Purpose.RATE, learners))
    return None if set(chosen) == {1.0} else np.array(chosen)
