"""How the learners of a log differ in speed: the speed of each, and a law over learners."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import final

import numpy as np

from simasgd.calibration.laws.families import GammaFamily, LogNormalFamily
from simasgd.calibration.laws.standard_errors import Estimate
from simasgd.tape.arrays import Floats


@final
@dataclass(frozen=True)
class SpeedFit:
    """How the learners differ."""

    each: Floats
    """Speed of each learner, mean 1."""
    errors: Floats
    law: str
    """gamma or lognormal."""
    cv: Estimate


def fit_speeds(means: Floats, errors: Floats) -> SpeedFit:
    """Describe learners with these mean times (s): speeds of mean 1, and the likelier of two laws over them.

    Args:
        errors: standard errors of the means (s).
    """
    base = 1 / float(np.mean(1 / means))
    each, errors = base / means, base / means**2 * errors
    spread = float(np.var(each, ddof=1))
    noise = float(np.mean(errors[np.isfinite(errors)] ** 2)) if np.isfinite(errors).any() else 0.0
    cv = max(sqrt(max(spread - noise, 0.0)), 1e-6)
    best = max((GammaFamily(), LogNormalFamily()), key=lambda family: float(np.sum(family.log_density(each, 1.0, cv))))
    return SpeedFit(each, errors, best.name, Estimate(cv, cv / sqrt(2 * (len(each) - 1))))
