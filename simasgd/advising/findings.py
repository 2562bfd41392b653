"""The findings of a search, which are the content of advice.json."""

from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.advising.aims import Aim, SearchStage
from simasgd.results.json_files import Items, Stored
from simasgd.results.quantities import Amount, WholeNumber
from simasgd.results.stored import TargetJson
from simasgd.results.summary import Speedup

Verdict = Literal["more", "tie", "unsure", "missed"]
Confidence = Literal["clear", "tie", "unsure", "open", "fickle"]
StoredAim = Annotated[Aim, Field(strict=False)]


@final
class CandidateRow(Stored):
    """A candidate: what it is, how fast it is, and how far it came.

    `rule` says whether the learning rate is the scenario's or scaled by Rudra's rules. Times per epoch have the ends of a 95 %
    interval. `epochs` and `score` are of the longest run at the first seed. `epochs_to_target`, `seconds` and `learner_hours`
    are means over those of its `seeds` at which it reached the target; where `foretold`, the learning curve of the first seed
    foretells them. Null: nothing is known, or more than ten times the epochs that a candidate may take are foretold.
    """

    number: WholeNumber
    variant: str
    protocol: str
    architecture: str
    learners: WholeNumber
    mini_batch: WholeNumber | None
    learning_rate: Amount
    rule: Literal["as given", "scaled"]
    values: Items[str]
    seconds_per_epoch: Amount | None
    seconds_per_epoch_low: Amount | None
    seconds_per_epoch_high: Amount | None
    staleness: Amount
    samples_per_update: Amount
    stage: str
    problem: str
    epochs: Amount | None
    score: float | None
    epochs_to_target: Amount | None
    seconds: Amount | None
    learner_hours: Amount | None
    foretold: bool
    seeds: WholeNumber
    folder: str


@final
class RunnerUp(Stored):
    """A finalist beside the leader: how many times as much it costs, the mean over seeds and the ends of its interval.

    `verdict`: `more` beyond chance; a `tie` if the interval lies between 0.8 and 1.25; `unsure` if it holds 1 and is wider, so
    that the seeds cannot tell; or it `missed` the target at a seed. An end is null without enough seeds. `costs`
    are seconds, or learner-hours, at the seeds at which it reached the target.
    """

    number: WholeNumber
    verdict: Verdict
    ratio: Amount | None
    low: Amount | None
    high: Amount | None
    seeds: WholeNumber
    costs: Items[float]


@final
class AimAnswer(Stored):
    """The answer for an aim: the leader, what it cost at each seed, the epochs between its evaluations, and its rivals.

    `confidence`: `clear` if every rival costs more beyond chance, or none came close; `tie` if some cost as much;
    `unsure` if the seeds cannot tell for some; `open` if the
    budget ended the search before that was known, or too few seeds have run; `fickle` if nobody reached the target at every
    seed.
    """

    aim: StoredAim
    leader: WholeNumber
    confidence: Confidence
    seconds: Items[float]
    learner_hours: Items[float]
    epochs: Items[float]
    spacing: Amount
    rivals: Items[RunnerUp]


@final
class BestElsewhere(Stored):
    """The candidate that would be best on another cluster, if all candidates need as many epochs there as here.

    `leader` is the best of those whose epochs are known, `costs` what it would take, and `stays` what the answer of this
    cluster would take: seconds or learner-hours. Each is the mean of the epochs over the seeds, times the seconds per epoch
    there. The first rows are of this cluster. It `changes` if the two intervals of their timing do not overlap.
    """

    world: str
    aim: StoredAim
    leader: WholeNumber
    costs: Amount
    stays: Amount | None
    changes: bool


@final
class Effort(Stored):
    """What the search cost, and what a grid of the same candidates would cost at most.

    `grid_epochs` are all candidates at all seeds for all epochs. `real_seconds` are those of this command alone.
    """

    candidates: WholeNumber
    timed_gradients: WholeNumber
    runs: WholeNumber
    learned_epochs: Amount
    learned_gradients: WholeNumber
    grid_runs: WholeNumber
    grid_epochs: Amount
    real_seconds: Amount
    budget: str
    is_cut: bool


@final
class RefusedRow(Stored):
    """A combination that is not permitted, or is the same as another one with one learner, and the reason."""

    variant: str
    values: Items[str]
    reason: str


@final
class Findings(Stored):
    """advice.json: the answers, the candidates, what would change the answers, and what the search cost."""

    format: Literal[1]
    name: str
    version: str
    command: str
    target: TargetJson
    most_epochs: Amount
    seeds: Items[int]
    keys: Items[str]
    answers: Items[AimAnswer]
    candidates: Items[CandidateRow]
    refused: Items[RefusedRow]
    worlds: Items[BestElsewhere]
    bottleneck: Items[Speedup]
    effort: Effort
    verdict: str

    def find_answer(self, aim: Aim) -> AimAnswer | None:
        """Return the answer for an aim; None if nobody reached the target."""
        return next((answer for answer in self.answers if answer.aim == aim), None)

    def list_stage(self, stage: SearchStage) -> list[CandidateRow]:
        """Return the candidates that came so far."""
        return [row for row in self.candidates if row.stage == stage]
