"""A table of the cost of each candidate up to the target, at the seeds learned so far."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from simasgd.advising.aims import Aim
from simasgd.advising.candidate_runs import CandidateRun
from simasgd.advising.candidates import Candidate
from simasgd.advising.race import LEAST_SEEDS, SeedCost


@final
@dataclass(frozen=True, eq=False)
class CostTable:
    """The costs of candidates. `courses` are the runs of each by its number and their seed, to which a search adds more."""

    candidates: Sequence[Candidate]
    courses: Mapping[int, Mapping[int, CandidateRun]]
    seeds: Sequence[int]

    def cost(self, one: Candidate, seed: int, aim: Aim) -> float | None:
        """Return what a candidate took at a seed; None if it has not reached the target there."""
        course = self.courses[one.number].get(seed)
        return None if course is None else course.seconds if aim is Aim.SOONEST else course.hours

    def mean(self, one: Candidate, aim: Aim) -> float:
        """Return the geometric mean of a candidate's costs where it reached the target; infinite: nowhere."""
        logs = [math.log(cost) for seed in self.courses[one.number] if (cost := self.cost(one, seed, aim)) is not None]
        return math.exp(math.fsum(logs) / len(logs)) if logs else math.inf

    def list_reaching(self, aim: Aim) -> list[Candidate]:
        """Return those that reached the target at the first seed by their means; last those that missed it at another one."""
        there = [one for one in self.candidates if self.cost(one, self.seeds[0], aim) is not None]
        return sorted(there, key=lambda one: (self._has_missed(one), self.mean(one, aim), one.number))

    def find_bar(self, aim: Aim) -> float:
        """Return the lowest mean of those that have enough seeds; infinite: nobody has.

        Those that missed the target at a seed count only if all did.
        """
        sure = [one for one in self.list_reaching(aim) if not self._list_missing_seeds(one)]
        return self.mean(sure[0], aim) if sure else math.inf

    def find_unconfirmed(self, aim: Aim) -> tuple[Candidate, int] | None:
        """Return the best so far, and the next seed at which it has to learn; None if it has learned at enough of them."""
        best = next((one for one in self.list_reaching(aim) if not self._has_missed(one)), None)
        left = [] if best is None else self._list_missing_seeds(best)
        return (best, left[0]) if best is not None and left else None

    def _list_missing_seeds(self, one: Candidate) -> list[int]:
        """Return those of the first LEAST_SEEDS seeds at which a candidate has not learned."""
        return [seed for seed in self.seeds[:LEAST_SEEDS] if seed not in self.courses[one.number]]

    def _has_missed(self, one: Candidate) -> bool:
        return any(course.reached is None for course in self.courses[one.number].values())

    def costs(self, one: Candidate, seeds: Sequence[int], aim: Aim) -> list[SeedCost] | None:
        """Return the costs of a candidate at seeds; None if it missed the target at one of them."""
        found = []
        for seed in seeds:
            cost, course = self.cost(one, seed, aim), self.courses[one.number].get(seed)
            if cost is None or course is None or not course.reached:
                return None
            found.append(SeedCost(cost, course.spacing / course.reached))
        return found

    def mean_log(self, one: Candidate, seeds: Sequence[int], aim: Aim) -> float:
        """Return the mean logarithm of a candidate's costs; infinite if it missed the target."""
        costs = self.costs(one, seeds, aim)
        return math.inf if costs is None else math.fsum(math.log(cost.amount) for cost in costs) / len(costs)
