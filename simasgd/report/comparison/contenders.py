"""The variants in a comparison, with the numbers of their seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from simasgd.report.facts.formats import format_epochs
from simasgd.report.facts.reach import Reach
from simasgd.report.facts.spread import Spread
from simasgd.results.outcome import Outcome

SCORE, SECONDS, BYTES, TIME_TO_TARGET, EPOCHS_TO_TARGET, BYTES_TO_TARGET = (
    "score", "simulated_seconds", "bytes", "seconds_to_target", "epochs_to_target", "bytes_to_target",
)  # fmt: skip


@final
@dataclass(frozen=True)
class SeedResult:
    """The numbers of one seed.

    `score` is the final test error or loss (None: diverged, or infinite). `seconds` is None if the run
    has no time, and `reached` is None if it never reached the target. `bytes` are None where a log
    does not tell them.
    """

    seed: int
    score: float | None
    seconds: float | None
    bytes: float | None
    reached: Reach | None


@final
@dataclass(frozen=True, kw_only=True)
class Contender:
    """A variant with a learning section, and the numbers of its seeds.

    A variant with a `failure`, its gravest outcome, does not compete. `level` is the best score that
    all its seeds reach (None: some reach none).
    """

    series: int
    """The variant's number in the study."""
    name: str
    outcomes: tuple[SeedResult, ...]
    level: float | None = None
    failure: str = ""
    ended: str = ""
    """Its failure in words."""
    samples: float = 1.0
    test_samples: int | None = None
    """The size of its test set."""
    measured: bool = False
    epochs: float | None = None
    """The epochs after which its runs end, in the mean; None if not known."""

    @property
    def end(self) -> str:
        """The limit of a run that does not reach the target, in words: `within its 20 epochs`."""
        return "by its end" if self.epochs is None else f"within its {format_epochs(self.epochs)}"

    @property
    def reached(self) -> int:
        """The number of seeds that reached the target."""
        return sum(outcome.reached is not None for outcome in self.outcomes)

    def values(self, key: str) -> dict[int, float]:
        """Return the values of a quantity by seed, for the seeds that have one."""
        found = {outcome.seed: _get_value(outcome, key) for outcome in self.outcomes}
        return {seed: value for seed, value in found.items() if value is not None}

    def spread(self, key: str) -> Spread | None:
        """Return the spread of a quantity over the seeds that have one."""
        return Spread.of(list(self.values(key).values()))


def find_point(contender: Contender) -> tuple[float, float] | None:
    """Return the mean simulated seconds and the mean score; None if a seed lacks one."""
    score, seconds = contender.spread(SCORE), contender.spread(SECONDS)
    whole = all(len(contender.values(key)) == len(contender.outcomes) for key in (SCORE, SECONDS))
    if score is None or seconds is None or not whole or contender.failure in (Outcome.HUNG, Outcome.DIVERGED):
        return None
    return seconds.mean, score.mean


def _get_value(outcome: SeedResult, key: str) -> float | None:
    reached = outcome.reached
    match key:
        case "score":
            return outcome.score
        case "simulated_seconds":
            return outcome.seconds
        case "bytes":
            return outcome.bytes
        case "seconds_to_target":
            return None if reached is None else reached.seconds
        case "epochs_to_target":
            return None if reached is None else reached.epoch
        case "bytes_to_target":
            return None if reached is None else reached.bytes
        case _:
            raise AssertionError(key)
