"""The parts of run.json that lists of many runs show.

Checking a whole run.json of 31 evaluations takes nine times as long, and a folder may hold 10,000.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, final

from pydantic import Field

from simasgd.results.distributions import GradientTotals, StalenessCounts
from simasgd.results.json_files import Items, Stored
from simasgd.results.origin import RunOrigin
from simasgd.results.outcome import Outcome, explain_outcome, tells_time
from simasgd.results.quantities import Amount, Fraction, WholeNumber
from simasgd.results.summary import ByteTotals, DivergencePoint, ErrorTarget, HangPoint
from simasgd.scenario.vocabulary.section import Seed


class AbstractBrief(Stored):
    """The keys that every list shows; `simasgd.results.summary.Summary` explains them."""

    format: Literal[1]
    origin: RunOrigin
    outcome: Annotated[Outcome, Field(strict=False)]
    name: str
    seed: Seed
    version: str
    learners: WholeNumber
    mini_batch: WholeNumber | None
    protocol: str
    diverged: DivergencePoint | None
    simulated_seconds: Amount
    gradients: GradientTotals
    updates: WholeNumber
    target: ErrorTarget | None
    hang: HangPoint | None
    samples: WholeNumber
    epochs: Amount | None
    samples_per_simulated_second: Amount | None
    speedup: Amount | None
    learner_hours: Amount
    bytes: ByteTotals | None
    staleness: StalenessCounts
    test_error: Fraction | None
    test_loss: float | None

    @property
    def has_time(self) -> bool:
        """Whether the simulated time can be compared with that of other runs."""
        return tells_time(hung=self.hang is not None, applied=self.gradients.applied, seconds=self.simulated_seconds)

    @property
    def reason(self) -> str:
        """Where and why the run did not finish, or reach its test error; "" where the outcome says everything."""
        return explain_outcome(self.outcome, self.gradients.applied, self.hang, self.diverged, self.target)


@final
class Brief(AbstractBrief):
    """A run as a row of numbers."""


@final
class BriefWithCurve(AbstractBrief):
    """A run with its evaluations, unchecked: what a small picture shows."""

    evaluations: Items[Mapping[str, Any]]
