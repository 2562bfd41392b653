"""Rules that correct a gradient by how far the weights have moved since it was computed."""

from __future__ import annotations

from typing import Literal, final

from simasgd.scenario.learning.modulation.base import AbstractModulation
from simasgd.scenario.vocabulary.section import DecayRate, NonNegative


class AbstractCorrection(AbstractModulation):
    """A correction of each gradient by w − w_read, the move of the weights since it was computed."""

    @property
    def compares_weights(self) -> bool:
        return True

    @property
    def alone(self) -> bool:
        return False


@final
class DelayCompensation(AbstractCorrection):
    """g + λ₀·g⊙g⊙(w − w_read) in place of each gradient g: DC-ASGD-c (arXiv:1609.08326; B1 row 5).

    Against the paper: the rule is the paper's (verified). w_read are the weights as they left the
    server.
    """

    kind: Literal["delay-compensation"] = "delay-compensation"
    lambda0: NonNegative = 0.04
    """λ₀, the strength of the correction."""

    @property
    def symbol(self) -> str:
        return "DC-ASGD-c"

    @property
    def linear(self) -> bool:
        return False


@final
class AdaptiveDelayCompensation(AbstractCorrection):
    """g + λ₀/√(m + 10⁻⁷)·g⊙g⊙(w − w_read) in place of each gradient g: DC-ASGD-a (arXiv:1609.08326; B1 row 5).

    m is a running mean of g⊙g, m ← decay·m + (1 − decay)·g⊙g.

    Against the paper: the rule is the paper's (verified); m is one mean for all learners'
    gradients, in the order of their application.
    """

    kind: Literal["adaptive-delay-compensation"] = "adaptive-delay-compensation"
    lambda0: NonNegative = 2.0
    """λ₀, the strength of the correction."""
    decay: DecayRate = 0.95
    """Decay of the running mean at each gradient. The default is the paper's for CIFAR-10. For
    ImageNet the paper uses 0."""

    @property
    def symbol(self) -> str:
        return "DC-ASGD-a"

    @property
    def linear(self) -> bool:
        return False

    @property
    def of_one_server(self) -> bool:
        return True


@final
class GapAware(AbstractCorrection):
    """Each element of a gradient ÷ (1 + |w − w_read|/C): Gap-Aware (arXiv:1909.10802; B1 row 6, recalled).

    C is a running mean of how far that weight moves in an update.

    Against the paper: that the penalty is linear in the gap is verified in the abstract. C is the
    mean size of that weight's moves here. A public implementation (FTPipe, which names changes of
    its own) has the greatest learning rate times the root of a running mean of squared velocities,
    with a decay of 0.999 and its start corrected, and divides weight decay as well (verified in its
    source). The paper's own C is recalled.
    """

    kind: Literal["gap-aware"] = "gap-aware"
    decay: DecayRate = 0.95
    """Decay of the running mean C at each update. The default is not the paper's."""

    @property
    def symbol(self) -> str:
        return "Gap-Aware"

    @property
    def of_one_server(self) -> bool:
        return True
