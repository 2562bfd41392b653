"""Rules that keep a momentum for each learner, of its own gradients."""

from __future__ import annotations

import abc
from typing import Literal, final

from simasgd.scenario.learning.modulation.base import AbstractModulation, RunFact
from simasgd.scenario.vocabulary.section import DecayRate, NonNegative


class AbstractLearnerMomentum(AbstractModulation):
    """A momentum v for each learner: v ← γ·v + g at each of its gradients g."""

    decay: DecayRate = 0.9
    """γ, the decay of the momentum at each gradient."""

    @property
    def needs(self) -> frozenset[RunFact]:
        return frozenset({"learners"})

    @property
    def alone(self) -> bool:
        return False

    @property
    def linear(self) -> bool:
        return False

    @property
    @abc.abstractmethod
    def at_learner(self) -> bool:
        """Whether learners keep their momentum themselves."""

    @property
    def of_one_server(self) -> bool:
        return True


@final
class DanaSlim(AbstractLearnerMomentum):
    """γ·v + g in place of each gradient g, with a momentum v ← γ·v + g of each learner: DANA-Slim (arXiv:1907.11612; B1 row 7).

    Use it with an optimizer without momentum.

    Against the paper: the rule is secondary; no difference is known.
    """

    kind: Literal["dana-slim"] = "dana-slim"

    @property
    def symbol(self) -> str:
        return "DANA-Slim"

    @property
    def at_learner(self) -> bool:
        return True


@final
class LearnerMomentum(AbstractLearnerMomentum):
    """v in place of each gradient g, with a momentum v ← γ·v + g of each learner.

    This is heavy-ball momentum of each learner's own gradients. Use it with an optimizer without
    momentum.

    No paper: the part that DANA-Slim and DANA-Zero have in common.
    """

    kind: Literal["learner-momentum"] = "learner-momentum"

    @property
    def symbol(self) -> str:
        return "momentum by learner"

    @property
    def at_learner(self) -> bool:
        return True


@final
class DanaZero(AbstractLearnerMomentum):
    """v in place of each gradient g, and learners are sent w − α·γ·Σ v_j: DANA-Zero (arXiv:1907.11612; B1 row 7).

    v ← γ·v + g is a momentum of each learner. Learners are sent the point to which all momenta will
    take the weights w. The sum is over the learners j, and α is the learning rate at the update
    that made w. Evaluations use w. Use it with sgd without momentum.

    Against the paper: the rule is secondary. Where a step has several gradients, v_j counts with
    its learner's share in the step, which the paper does not need.
    """

    kind: Literal["dana-zero"] = "dana-zero"

    @property
    def symbol(self) -> str:
        return "DANA-Zero"

    @property
    def at_learner(self) -> bool:
        return False


@final
class DanaDC(AbstractLearnerMomentum):
    """DANA-Zero of g + λ₀·g⊙g⊙(w − ŵ) in place of g: DANA-DC (arXiv:1907.11612; B1 row 7; which weights, recalled).

    ŵ are the weights that the learner was sent. w are the server's weights, not those that it would
    send now.

    Against the paper: that it is DANA with DC-ASGD's term is secondary; which weights the term
    compares is recalled.
    """

    kind: Literal["dana-dc"] = "dana-dc"
    lambda0: NonNegative = 2.0
    """λ₀, the strength of the correction."""

    @property
    def symbol(self) -> str:
        return "DANA-DC"

    @property
    def compares_weights(self) -> bool:
        return True

    @property
    def at_learner(self) -> bool:
        return False
