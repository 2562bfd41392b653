"""The gradients that each role holds, so that a role cannot use a gradient twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import final

from simasgd.tape.tape import Gradient

SERVER = -1
"""The server as a holder of gradients; a learner's number is not negative."""


@final
class GradientLedger:
    """The gradients that each holder computed or collected and did not give away.

    A gradient is recorded as (learner, mini-batch).
    """

    def __init__(self) -> None:
        self._held: defaultdict[int, set[tuple[int, int]]] = defaultdict(set)

    def clear(self, holder: int) -> None:
        """Forget the holder's gradients."""
        self._held[holder].clear()

    def add(self, holder: int, gradients: Iterable[Gradient]) -> None:
        """Record that the holder has these gradients."""
        self._held[holder].update((gradient.learner, gradient.batch) for gradient in gradients)

    def remove(self, holder: int, gradient: Gradient) -> bool:
        """Record that the holder gives a gradient away; return whether it had that gradient."""
        held, entry = self._held[holder], (gradient.learner, gradient.batch)
        had = entry in held
        held.discard(entry)
        return had
