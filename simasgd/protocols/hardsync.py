from __future__ import annotations

from typing import Literal, final

from simasgd.protocols.base import AbstractRoundProtocol, Role
from simasgd.protocols.verbs import ServerVerbs
from simasgd.scenario.vocabulary.units import Seconds


@final
class Hardsync(AbstractRoundProtocol):
    """The server waits for one gradient of every learner, updates with their mean, and broadcasts.

    θ_{i+1} = θ_i − α · (1/λ) · Σ_{l=1..λ} Δθ_l, which is SGD with a mini-batch of λµ
    (arXiv:1509.04210, section on protocols). The staleness is 0.

    Against the paper: the rule is the paper's (verified). `barrier_timeout` is not in it.
    """

    kind: Literal["hardsync"] = "hardsync"
    barrier_timeout: Seconds | None = None
    """How long the server waits for the last gradient, from the first one on. Then it continues
    without the missing learners, until they are back. Absent: forever."""

    def serve(self, server: ServerVerbs) -> Role:
        while True:
            gradients = yield from server.barrier(self.barrier_timeout)
            server.update(gradients)

    @property
    def has_rounds(self) -> bool:
        return True

    def nominal_staleness(self, learners: int) -> float | None:
        return 1.0

    def lawful_staleness(self, learners: int) -> float | None:
        return 0.0
