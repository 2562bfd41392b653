"""The scalar results of a run: the content of run.json, typed and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, final

from pydantic import Field, model_validator

from simasgd.results.distributions import (
    AgeCounts,
    GradientRanges,
    GradientTotals,
    PathSeconds,
    StalenessCounts,
    TimeFractions,
)
from simasgd.results.json_files import Items, Stored
from simasgd.results.origin import MeasuredLog, RecordedSystem, RunOrigin, Seam
from simasgd.results.outcome import Outcome, explain_outcome, tells_time
from simasgd.results.quantities import Amount, Fraction, TimeFraction, WholeNumber
from simasgd.scenario.vocabulary.section import Seed

FORMAT: Literal[1] = 1
"""The number of run.json's format. Another number is refused."""


@final
class ServerLoad(Stored):
    """A server: the fraction of the time that it is busy, and the mean length of its queue.

    The queue is null where a log does not tell it.
    """

    name: str
    busy: TimeFraction
    mean_queue: Amount | None


@final
class LinkLoad(Stored):
    """A link: the fraction of the time that it is busy, its mean queue, and its bytes."""

    name: str
    busy: TimeFraction
    mean_queue: Amount
    bytes: Amount


@final
class HangPoint(Stored):
    """The simulated time (s) of the last update, after which nothing could happen before the stop, and the reason."""

    at: Amount
    reason: str


@final
class DivergencePoint(Stored):
    """The first update whose weights are not finite, and its epoch."""

    update: WholeNumber
    epoch: Amount


@final
class ByteTotals(Stored):
    """Bytes on the network; `sent` is the sum of the others, which are null where a log does not tell them."""

    sent: Amount
    received: Amount | None
    lost: Amount | None
    in_flight: Amount | None


@final
class FaultTotals(Stored):
    """Faults until the stop.

    `down` and `server_paused` are seconds, `down` summed over the learners.
    """

    crashes: WholeNumber
    rejoins: WholeNumber
    down: Amount
    barrier_timeouts: WholeNumber
    members_dropped: WholeNumber
    messages_lost: WholeNumber
    server_paused: Amount


@final
class ErrorTarget(Stored):
    """The test error at which the run was to be cut, and whether it was reached."""

    test_error: Fraction
    reached: bool


@final
class Speedup(Stored):
    """The first `gradients` of the run on a cluster of which one part is `factor` times as fast.

    `seconds` and `base_seconds` are the simulated times with and without the change; null: never
    reached, or not simulated (`gradients` 0). `standard_error` is that of `speedup` by chance alone;
    null: not known. `spread_speedup` is the speed-up where learners start at
    different times; null unless the start matters. `path_speedup` is the most that the critical path
    allows; null where the path is not known, or is no limit.
    """

    change: Literal["network", "server", "node"]
    factor: Annotated[int, Field(gt=0, le=1_000_000)]
    seconds: Amount | None
    base_seconds: Amount | None
    speedup: Amount | None
    standard_error: Amount | None = None
    spread_speedup: Amount | None
    path_speedup: Amount | None
    gradients: WholeNumber


@final
class StartComparison(Stored):
    """The simulated seconds of the first `gradients` for two ways to start.

    Learners start together (`seconds`), or at different times (`spread_seconds`).

    `decides` is whether the two differ by more than chance.
    """

    gradients: WholeNumber
    seconds: Amount
    spread_seconds: Amount
    decides: bool


@final
class EvaluationRow(Stored):
    """A row of evaluations.parquet."""

    epoch: Amount
    samples: WholeNumber
    updates: WholeNumber
    simulated_seconds: Amount
    test_loss: float | None
    test_error: Fraction | None
    consensus_distance: Amount | None
    bytes: Amount | None


@final
class WallSeconds(Stored):
    """Real seconds that the run took, in total and by phase."""

    simulate: Amount
    compile: Amount
    replay: Amount
    total: Amount


@final
class Summary(Stored):
    """All results of a run but its tables.

    A measured run has either the `log` that it was imported from or the system that `recorded` it;
    the other one is null, and both are for a simulated run. What was not measured is null.
    `simulated_seconds` of a measured run are the seconds that passed.
    `mini_batch` is null where it differs between learners, and `mixing` where these have no models
    of their own. `evaluations` holds at most a thousand rows, evenly spaced. `test_error` and
    `test_loss` are the last evaluation's; null where nothing was learned or the run diverged.
    `samples_per_simulated_second` are applied samples; null for a run without a time (`has_time`).
    `lone_samples_per_simulated_second` are those of one learner of speed 1 that computes alone: µ ÷
    the mean compute time, of the fastest where learners have laws or mini-batches of their own. Null
    where compute times are not known (a log, a free pace). `speedup` is the quotient of the two.
    `learner_hours` are summed over the learners that were present; of a log, over all.
    `clock_events` are the events of the simulated cluster; null where none was simulated.
    `what_if`, `lock_step` and `warnings` are filled in by a study. A continued run has `seams`.
    """

    format: Literal[1]
    origin: RunOrigin
    log: MeasuredLog | None
    recorded: RecordedSystem | None
    outcome: Annotated[Outcome, Field(strict=False)]
    name: str
    seed: Seed
    version: str
    python: str
    packages: Mapping[str, str]
    scenario_hash: str
    learners: WholeNumber
    mini_batch: WholeNumber | None
    protocol: str
    architecture: str
    diverged: DivergencePoint | None
    simulated_seconds: Amount
    gradients: GradientTotals
    learner_gradients: GradientRanges
    updates: WholeNumber
    stopped_by: str
    target: ErrorTarget | None
    hang: HangPoint | None
    samples: WholeNumber
    epochs: Amount | None
    gradients_per_simulated_second: Amount
    samples_per_simulated_second: Amount | None
    lone_samples_per_simulated_second: Amount | None
    speedup: Amount | None
    learner_hours: Amount
    learner_time: TimeFractions
    threads: Mapping[str, TimeFractions]
    overlap: TimeFraction | None
    critical_path: PathSeconds | None
    servers: Items[ServerLoad]
    links: Items[LinkLoad]
    bytes: ByteTotals | None
    faults: FaultTotals | None
    clock_events: WholeNumber | None
    what_if: Items[Speedup] | None
    lock_step: StartComparison | None
    warnings: Items[str]
    seams: Items[Seam]
    staleness: StalenessCounts
    mixing: AgeCounts | None
    evaluations: Items[EvaluationRow]
    test_error: Fraction | None
    test_loss: float | None
    note: str
    wall: WallSeconds

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if (self.log is not None) + (self.recorded is not None) != (self.origin == "measured"):
            raise ValueError("a measured run has either `log` or `recorded`, and a simulated run has neither")
        return self

    @property
    def is_measured(self) -> bool:
        """Whether the run's times come from a real system."""
        return self.origin == "measured"

    @property
    def has_scenario(self) -> bool:
        """Whether the run's scenario describes its system: the protocol and the cluster are known."""
        return self.log is None or self.log.has_scenario

    @property
    def has_time(self) -> bool:
        """Whether the simulated time can be compared with that of other runs.

        It can if the run ended because its work was done or its time was over, applied a gradient,
        and took any time.
        """
        return tells_time(hung=self.hang is not None, applied=self.gradients.applied, seconds=self.simulated_seconds)

    @property
    def reason(self) -> str:
        """Where and why the run did not finish, or reach its test error; "" where the outcome says everything."""
        return explain_outcome(self.outcome, self.gradients.applied, self.hang, self.diverged, self.target)

    def as_json(self) -> dict[str, Any]:
        """Return the content of run.json."""
        return self.model_dump(mode="json")
