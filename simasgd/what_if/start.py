"""The effect of the start: learners that start together, and learners that start apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from simasgd.results.summary import StartComparison

SAME = 0.03
"""Times that differ by less are the same, whatever the chance."""


@final
@dataclass(frozen=True)
class Start:
    """The simulated seconds of the first `gradients`, if learners start together and if they start apart.

    Learners that start apart each start at a time of their own within a `cycle` (s). By chance
    alone the two times differ by the fraction `chance`.
    """

    gradients: int
    seconds: float
    spread_seconds: float
    cycle: float
    chance: float

    @property
    def decides(self) -> bool:
        """Whether the two times differ by more than chance, and by more than the cycle in which learners start."""
        most = SAME + self.chance
        return not (self.spread_seconds - self.cycle) * (1.0 - most) <= self.seconds <= self.spread_seconds * (1.0 + most)

    def comparison(self) -> StartComparison:
        """Return the comparison as run.json holds it."""
        return StartComparison(
            gradients=self.gradients, seconds=self.seconds, spread_seconds=self.spread_seconds, decides=self.decides
        )

    def sentence(self, variation: float) -> str:
        """Return the warning for readers; compute times have the coefficient of variation `variation`."""
        if variation == 0.0:
            why = "Compute times are constant, so learners that start together may stay in step for ever"
        else:
            why = f"Compute times vary by {variation:.2g} only, so a short run depends on how it starts"
        return (
            f"How learners start changes this run's speed: the first {self.gradients:,} gradients take {self.seconds:.4g} "
            f"simulated seconds, and {self.spread_seconds:.4g} with cluster.start=spread. {why}."
        )
