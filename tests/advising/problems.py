"""Problems whose answer is known: candidates with a timing and a learning curve of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from simasgd.advising.candidate_runs import CandidateRun
from simasgd.advising.candidates import Candidate
from simasgd.advising.pace import SamplePace
from simasgd.advising.trial_runner import Trial
from simasgd.scenario.schema import Scenario

TARGET = 0.05
BASE = Scenario.load("digits", "repeats=1", "learning.modulation=none")


def make_candidate(number: int, seconds_per_epoch: float, learners: int = 4, in_flight: float = 16.0) -> Candidate:
    """Return a candidate of exact timing."""
    cluster = BASE.cluster.model_copy(update={"learners": learners})
    pace = SamplePace(seconds_per_epoch, seconds_per_epoch, seconds_per_epoch, 0.0, in_flight, 100)
    return Candidate(number, "", (), BASE.model_copy(update={"cluster": cluster}), pace, "as given")


@dataclass
class KnownCurves:
    """Learns by formula: the score falls as a power of the epochs, and reaches the target after known epochs.

    `epochs` has those of each candidate at each seed. `learned` counts what was asked for. The time is over after
    `most_trials`.
    """

    epochs: Sequence[Sequence[float]]
    power: float = 0.7
    asked: list[Trial] = field(default_factory=list)
    learned: float = 0.0
    most_trials: float = math.inf

    def learn(self, trials: Sequence[Trial]) -> list[CandidateRun | None]:
        """Return the course of each trial; scores are evaluated at whole epochs."""
        found: list[CandidateRun | None] = []
        for trial in trials:
            has_time = len(self.asked) < self.most_trials
            self.asked += [trial] if has_time else []
            found.append(self._learn(trial) if has_time else None)
        return found

    def _learn(self, trial: Trial) -> CandidateRun:
        one = trial.candidate
        needed = self.epochs[one.number][trial.seed]
        reached = float(math.ceil(needed))
        last = min(reached, trial.epochs)
        self.learned += last
        scores = tuple((float(epoch), TARGET * (needed / epoch) ** self.power) for epoch in range(1, int(last) + 1))
        is_there = reached <= trial.epochs
        seconds = reached * one.pace.seconds_per_epoch if is_there else None
        return CandidateRun(
            asked=trial.epochs,
            epochs=last,
            scores=scores,
            seconds=seconds,
            hours=None if seconds is None else seconds * one.learners / 3600.0,
            reached=reached if is_there else None,
            gradients=int(last * 100),
            failure="",
            folder=f"points/{one.number}",
        )
