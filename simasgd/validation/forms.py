"""The content of validate.json: measured and simulated numbers side by side, with their errors."""

from __future__ import annotations

from typing import Literal, final

from pydantic import ConfigDict

from simasgd.results.json_files import Items, Stored
from simasgd.results.origin import LogFile
from simasgd.results.quantities import Amount, Fraction, WholeNumber

FORMAT: Literal[1] = 1
"""The number of validate.json's format. Another number is refused."""


@final
class QuantityPair(Stored):
    """A quantity measured and simulated.

    `error` is simulated ÷ measured − 1, and `halves` the difference of the measured run's two halves ÷ its whole: what
    the quantity changes by itself. Null: not known.
    """

    measured: Amount | None
    simulated: Amount | None
    error: float | None
    halves: Amount | None

    @property
    def is_within_halves(self) -> bool:
        """Whether the simulation errs by no more than the measured halves differ."""
        return self.error is not None and self.halves is not None and abs(self.error) <= self.halves


@final
class PhaseTimes(Stored):
    """Seconds of one activity for each mini-batch of a learner, and its fraction of the learners' time."""

    mean: Amount
    p50: Amount
    p95: Amount
    share: Amount


@final
class Phase(Stored):
    """An activity of the learners, measured and simulated; `error` is that of the mean."""

    name: str
    measured: PhaseTimes | None
    simulated: PhaseTimes | None
    error: float | None


@final
class StalenessDistance(Stored):
    """The distributions of staleness, `histogram[σ]` gradients each, and how far they are apart.

    The total variation distance is the largest difference of the probabilities that they give to a set of values: 0 for
    equal ones, 1 for distributions without a common value. `halves` is that of the measured run's two halves.
    """

    measured: Items[WholeNumber]
    simulated: Items[WholeNumber]
    measured_mean: Amount
    simulated_mean: Amount
    total_variation: Fraction
    halves: Fraction

    @property
    def agrees(self) -> bool:
        """Whether the distributions are no farther apart than the measured halves."""
        return self.total_variation <= self.halves


@final
class SteadyState(Stored):
    """The seconds and gradients before the steady state, and those after."""

    warm_up_seconds: Amount
    warm_up_gradients: WholeNumber
    steady_seconds: Amount
    steady_gradients: WholeNumber


@final
class Curve(Stored):
    """Gradients that were done by a time (s), at most 400 points."""

    seconds: Items[Amount]
    gradients: Items[WholeNumber]


@final
class Validation(Stored):
    """The content of validate.json.

    `counted` says which gradients count: applied ones, or computed ones where there are no updates. All numbers are of
    the steady state but those of `whole_rate`.
    """

    model_config = ConfigDict(use_attribute_docstrings=True)

    format: Literal[1]
    """The number of the file's format."""
    name: str
    """The scenario's name."""
    version: str
    """The version of simasgd."""
    command: str
    """The command that repeats the validation."""
    measured_files: Items[LogFile]
    """The files of the log."""
    scenario_hash: str
    """64 hexadecimal digits that identify the scenario."""
    protocol: str
    """The scenario's protocol."""
    learners: WholeNumber
    """The number of learners, λ."""
    seeds: Items[WholeNumber]
    """The seeds of the simulations."""
    verdict: str
    """The sentences of the page's verdict."""
    counted: Literal["applied", "computed"]
    """Which gradients count."""
    measured_state: SteadyState
    """Warm-up and steady state of the measured run."""
    simulated_state: SteadyState
    """Warm-up and steady state of the simulation."""
    rate: QuantityPair
    """Gradients per second."""
    updates_rate: QuantityPair | None
    """Updates per second; null without updates."""
    whole_rate: QuantityPair
    """Gradients per second, the warm-up included."""
    learner_phases: Items[Phase]
    """The activities of the learners."""
    staleness: StalenessDistance | None
    """Staleness; null without updates."""
    barrier: QuantityPair | None
    """The cost of barriers: the longest ÷ the mean computing of the learners, as a mean over rounds; null without rounds."""
    measured_curve: Curve
    """Gradients done by a time, measured."""
    simulated_curve: Curve
    """Gradients done by a time, simulated."""
    lacks: Items[str]
    """The quantities that could not be compared, and of barriers why."""
    remarks: Items[str]
    """How the log was read."""
