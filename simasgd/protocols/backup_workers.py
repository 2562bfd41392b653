from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.protocols.base import AbstractRoundProtocol, Role
from simasgd.protocols.verbs import ServerVerbs
from simasgd.scenario.learning.models import AbstractModel
from simasgd.scenario.vocabulary.section import Inconsistency


@final
class BackupWorkers(AbstractRoundProtocol):
    """Hardsync that does not wait for the last b learners.

    θ_{i+1} = θ_i − α · (1/N) · Σ_{N first} Δθ(θ_i). The server takes the first N = λ − b gradients
    on the newest weights and drops the others on arrival (Chen et al., arXiv:1604.00981). The best
    b for λ = 100 was 4 there. b = 0 is hardsync.

    Against the paper: the rule is the paper's (verified); no difference is known.
    """

    kind: Literal["backup-workers"] = "backup-workers"
    backups: Annotated[int, Field(strict=True, ge=0, le=2**53, examples=[1])]
    """b, the number of learners that the server does not wait for."""

    def serve(self, server: ServerVerbs) -> Role:
        while True:
            gradients = yield from server.first(server.num_learners - self.backups, distinct=True)
            server.update(gradients)

    @property
    def has_rounds(self) -> bool:
        return True

    def nominal_staleness(self, learners: int) -> float | None:
        return 1.0

    def lawful_staleness(self, learners: int) -> float | None:
        return 0.0

    def inconsistencies(self, learners: int, model: AbstractModel | None) -> list[Inconsistency]:
        if self.backups >= learners:
            return [Inconsistency(("backups",), f"{self.backups} is not less than the {learners} learners")]
        return []
