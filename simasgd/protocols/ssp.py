from __future__ import annotations

from typing import Literal, final

from simasgd.protocols.base import AbstractServerProtocol, Bound, Role, as_float
from simasgd.protocols.verbs import LearnerVerbs, ServerVerbs


@final
class Ssp(AbstractServerProtocol):
    """A learner is at most s mini-batches ahead of the slowest learner: stale synchronous parallel.

    A learner at clock c begins its next mini-batch when min_j c_j ≥ c − s. Its weights then contain
    all gradients of clocks up to c − s − 1, and its own gradients if it waits for their arrival.
    The server applies every gradient on arrival (Ho et al. 2013, NIPS; docs/papers.md B1). With
    s = 0 all clocks are equal, in rounds of λ updates. s = ∞ is async.

    Against the paper: the bound is the paper's (verified in the abstract; the condition on clocks
    recalled). A learner pulls at every mini-batch here. Petuum's learner reads its cache while the
    cache has all gradients of clocks up to c − s − 1, so it sends less and is staler (recalled).
    """

    kind: Literal["ssp"] = "ssp"
    slack: Bound
    """s, mini-batches; or `infinite`."""

    def serve(self, server: ServerVerbs) -> Role:
        while True:
            gradients = yield from server.collect(1)
            server.update(gradients)

    def learn(self, learner: LearnerVerbs) -> Role:
        while True:
            too_old = yield from learner.keep_up(as_float(self.slack))
            weights = yield from learner.pull(newer_than=too_old)
            gradient = yield from learner.compute(weights)
            yield from learner.push(gradient)

    @property
    def has_rounds(self) -> bool:
        return self.slack == 0

    def nominal_staleness(self, learners: int) -> float | None:
        return None

    def lawful_staleness(self, learners: int) -> float | None:
        return learners - 1.0 if self.slack == "infinite" else None
