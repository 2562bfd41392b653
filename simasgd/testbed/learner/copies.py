"""The weights that a learner has: those it pulled, and its own copies of them."""

from __future__ import annotations

from typing import final

from simasgd.tape.tape import Gradient, Weights
from simasgd.testbed.system.gradients import AbstractGradients
from simasgd.testbed.system.messages import PulledWeights
from simasgd.testbed.system.parcels import Parcel


@final
class Copies:
    """The newest weights that the learner pulled, those of up to `window` updates before, and gradients not yet sent."""

    def __init__(self, gradients: AbstractGradients) -> None:
        self.window: int | None = 0  # None: all are kept
        self._gradients = gradients
        self._pulled: dict[int, PulledWeights] = {}
        self._stepped: tuple[Weights, Parcel] | None = None
        self._unsent: dict[int, tuple[Gradient, Parcel]] = {}  # by mini-batch
        self._last: Parcel | None = None

    @property
    def oldest(self) -> int:
        """The number of the oldest weights that the learner may still send a gradient of."""
        return min([*self._pulled, *(gradient.timestamp for gradient, _ in self._unsent.values())], default=0)

    def keep(self, pulled: PulledWeights) -> None:
        """Keep weights that were pulled, and forget those that are not needed any more."""
        self._pulled[pulled.timestamp] = pulled
        if self.window is not None:
            for timestamp in [known for known in self._pulled if known < pulled.timestamp - self.window]:
                del self._pulled[timestamp]

    def compute(self, batch: int, weights: Weights) -> Parcel:
        """Compute the gradient of a mini-batch."""
        self._last = self._gradients.compute(batch, self._parcel_of(weights))
        return self._last

    def hold(self, gradient: Gradient, parcel: Parcel) -> None:
        """Hold a gradient until it is sent."""
        self._unsent[gradient.batch] = (gradient, parcel)

    def give(self, gradients: tuple[Gradient, ...]) -> Parcel:
        """Return the sum of gradients that are sent now."""
        parcels = [self._unsent.pop(gradient.batch)[1] for gradient in gradients]
        return parcels[0] if len(parcels) == 1 else self._gradients.total(parcels)

    def step(self, weights: Weights) -> Weights:
        """Step a copy of the weights with the last gradient."""
        assert self._last is not None
        before = self._pulled[weights.timestamp].samples
        stepped = weights._replace(ahead=weights.ahead + 1)
        self._stepped = stepped, self._gradients.step(self._last, self._parcel_of(weights), before)
        return stepped

    def _parcel_of(self, weights: Weights) -> Parcel:
        if weights.ahead:
            assert self._stepped is not None
            assert self._stepped[0] == weights
            return self._stepped[1]
        if weights.layers:
            return self._gradients.layered([self._pulled[timestamp].parcel for timestamp in weights.layers])
        return self._pulled[weights.timestamp].parcel
