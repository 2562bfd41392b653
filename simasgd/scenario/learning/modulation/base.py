"""The facts that every modulation states about itself."""

from __future__ import annotations

import abc
from typing import Literal

from simasgd.scenario.vocabulary.section import Section

RunFact = Literal["mean_staleness", "samples_per_round", "learners", "window"]
"""A number of the run that a modulation may depend on: a field of `simasgd.learning.rules.Setting`."""


class AbstractModulation(Section):
    """A transformation of each gradient before the optimizer sees it.

    A subclass states only the facts that differ from the defaults here. A test compares each fact
    with the transformation.
    """

    kind: str

    @property
    @abc.abstractmethod
    def symbol(self) -> str:
        """The rule as reports print it, such as α₀/τ; empty where the learning rate stays α₀."""

    @property
    def needs(self) -> frozenset[RunFact]:
        """The numbers of the run that the rule depends on."""
        return frozenset()

    @property
    def linear(self) -> bool:
        """Whether all gradients of a step that read the same weights go through one affine map, whatever their values.

        The rule may then be applied to the mean of these gradients.
        """
        return True

    @property
    def alone(self) -> bool:
        """Whether the result depends only on the gradient, its staleness and the weights that it read.

        Then neither earlier gradients nor the weights of its step count, and many gradients may be
        transformed at once.
        """
        return True

    @property
    def at_learner(self) -> bool:
        """Whether learners apply the rule themselves, before a gradient is compressed, and not the server."""
        return False

    @property
    def compares_weights(self) -> bool:
        """Whether the rule compares the present weights with those that a gradient was computed on."""
        return False

    @property
    def of_one_server(self) -> bool:
        """Whether the rule remembers earlier gradients or counts all learners, so that one server must apply them all."""
        return False

    @property
    def scales_with_rate(self) -> bool:
        """Whether the learning rate enters the update as a factor only, so that learners may have rates of their own."""
        return True
