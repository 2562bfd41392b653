"""The search of `simasgd advise`: who learns, for how many epochs, at which seeds, and when that is enough.

Two aims are followed at once: to reach the target *soonest* (simulated seconds), and *cheapest* (learner-hours). The rules:

1. *Timing first.* A short simulation without learning gives the seconds per epoch of every candidate, with an interval
   (`pace.py`). Nothing has been learned by then.
2. *Probes.* Two candidates learn until they reach the target: the one with the fewest samples in flight, which wastes the
   least of an epoch, and the one with the shortest epochs for the square root of its samples in flight. Of several rates the
   middle one is taken. They bound the best cost from above, and the epochs that anyone needs from below: HOPE times the fewest
   epochs that anyone has needed so far.
3. *The bar* (`cost_table.py`). The best so far for each aim learns at further seeds, up to LEAST_SEEDS. If another one has the
   lowest mean then, that one does, too, and so on. The mean of the best is the bar. A single seed would set the bar too low:
   the best of many costs is also the luckiest.
4. *Bounds* (branch and bound). A candidate is out as soon as its least possible cost, the epochs that it surely needs times
   the lower end of its seconds per epoch, exceeds the bar, for both aims.
5. *Successive halving* (Jamieson and Talwalkar, arXiv:1502.07943; Hyperband, arXiv:1603.06560). Those left learn for a
   27th, a ninth, a third of the epochs and all. After each rung the better third goes on, in turn by both aims, by the cost
   that curves foretell (`candidate_runs.py`). At least LEAST go on, and the best of each variant. Nobody goes on whose
   foretold cost is over FAR times the bar for both aims, even if its curve fell with the power STEEP.
6. *A race over seeds* (Maron and Moore, NIPS 1993). Those whose mean is within CLOSE of the bar learn at the same seeds, at
   most FINALISTS for each aim. A finalist is out when the interval of its ratio to the leader, from paired differences,
   excludes 1; the 5 % of a race are divided by its pairs of finalists times its looks (`race.py`). It ends when each leader is
   alone, or the seeds are used up.
7. *A budget* ends the search (`allowance.py`). Runs that stop at the target leave their epochs to others. A seed of the race
   begins if the budget suffices for all finalists. Answers compare at the seeds that all have that are left.

Rule 4 rests on HOPE, and rule 5 on curves that keep their shape: a candidate that learns slowly first and wins later is lost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import final

from simasgd.advising.aims import Aim, SearchStage, price
from simasgd.advising.allowance import ETA, LearnsTrials, admit, list_rungs
from simasgd.advising.candidate_runs import CandidateRun, find_power, predict_epochs
from simasgd.advising.candidates import Candidate
from simasgd.advising.cost_table import CostTable
from simasgd.advising.race import LEAST_SEEDS, Ratio, SeedCost, compare_costs, count_comparisons
from simasgd.advising.trial_runner import Trial

HOPE = 0.25
LEAST = 4
FAR = 2.0
STEEP = 1.5
FINALISTS = 4
MOST_CONFIRMATIONS = 16
"""The most runs of the best so far at further seeds, before the race."""
CLOSE = 2.0
SEEDS = 5


@final
class Search:
    """A search among candidates, each of which may take `most` epochs at each of `seeds` seeds.

    `left` tells the epochs that the budget still allows, given those that were learned.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        bench: LearnsTrials,
        *,
        target: float,
        most: float,
        seed: int,
        seeds: int = SEEDS,
        left: Callable[[float], float] = lambda spent: math.inf,
        tell: Callable[[str], None] = lambda what: None,
    ) -> None:
        self.candidates = candidates
        self._bench, self.target, self.most, self._left, self._tell = bench, target, most, left, tell
        self.seeds = [(seed + number) % 2**32 for number in range(seeds)]
        self.courses: dict[int, dict[int, CandidateRun]] = {one.number: {} for one in candidates}
        self.paid = CostTable(candidates, self.courses, self.seeds)
        self.stages = {one.number: SearchStage.PROBLEM if one.pace.problem else SearchStage.OPEN for one in candidates}
        self.finalists: dict[Aim, list[Candidate]] = {}
        """The candidates that enter the race for each aim, the best first."""
        self.racing: dict[Aim, list[Candidate]] = {}
        """The finalists for each aim that no other finalist has beaten."""
        self.learned: list[CandidateRun] = []
        self.power = find_power(())
        """The usual power of the curves so far."""
        self._confirmations = 0
        self.is_cut = False
        """Whether the budget ended the search."""

    def run(self) -> None:
        """Carry out the search."""
        probes = self._choose_probes()
        for probe in probes:
            self._learn([probe], self.most, self.seeds[0], "probe")
        self._bound()
        for epochs in list_rungs(self.most):
            self._learn([one for one in self._open() if not self._is_done(one, epochs)], epochs, self.seeds[0], "rung")
            self._bound()
            if epochs < self.most:
                self._halve(epochs)
        for one in self._open():
            course = self.first(one)
            if course is not None and course.reached is not None:
                self.stages[one.number] = SearchStage.REACHED
            elif course is not None and (course.asked >= self.most or course.failure):
                self.stages[one.number] = SearchStage.MISSED
        self._race()

    @property
    def spent(self) -> float:
        """The epochs that were learned, those of repeated beginnings included."""
        return math.fsum(course.epochs for course in self.learned)

    def first(self, one: Candidate) -> CandidateRun | None:
        """Return the longest course of a candidate at the first seed."""
        return self.courses[one.number].get(self.seeds[0])

    def foretell(self, one: Candidate, aim: Aim, least_power: float = 0.0) -> float:
        """Return the cost of a candidate at the first seed: what it took, or what its curve foretells; infinite: unknown."""
        course = self.first(one)
        if course is None:
            return math.inf
        if course.reached is not None:
            cost = self.paid.cost(one, self.seeds[0], aim)
            assert cost is not None
            return cost
        return price(one, predict_epochs(course, self.target, self.power, least_power), aim)

    def _choose_probes(self) -> list[Candidate]:
        able = self._open()
        if not able:
            return []
        rates = sorted(one.rate for one in able)
        usual = math.log(rates[len(rates) // 2])

        def by_rate(one: Candidate) -> tuple[float, float, int]:
            return abs(math.log(one.rate) - usual), one.pace.seconds_per_epoch, one.number

        careful = min(able, key=lambda one: (one.samples_in_flight, *by_rate(one)))
        quick = min(able, key=lambda one: (one.pace.seconds_per_epoch * math.sqrt(one.samples_in_flight), *by_rate(one)))
        return [careful] if careful is quick else [careful, quick]

    def _open(self) -> list[Candidate]:
        return [one for one in self.candidates if self.stages[one.number] is SearchStage.OPEN]

    def _is_done(self, one: Candidate, epochs: float) -> bool:
        course = self.first(one)
        return course is not None and (course.reached is not None or bool(course.failure) or course.asked >= epochs)

    def _learn(self, chosen: Sequence[Candidate], epochs: float, seed: int, why: str) -> bool:
        """Let candidates learn, and return whether all of them did; those that the budget does not allow stay open."""
        waiting = list(chosen)
        while waiting:
            trials = admit(waiting, epochs, seed, self._left(self.spent), self._find_needed(waiting[0]))
            if trials:
                self._tell(f"{why}: {len(trials)} × {trials[0].epochs:g} epochs at seed {seed}")
            found = self._bench.learn(trials) if trials else [None]
            self.learned += [course for course in found if course is not None]
            done = [self._keep(trial, course, epochs) for trial, course in zip(trials, found, strict=False)]
            if not all(done) or not done:
                break
            waiting = waiting[len(done) :]
        self.is_cut |= bool(waiting)
        self.power = find_power(found[self.seeds[0]] for found in self.courses.values() if self.seeds[0] in found)
        return not waiting

    def _find_needed(self, one: Candidate) -> float:
        """Return the epochs that a candidate is likely to need: the most of its seeds, or what its curve foretells."""
        known = [predict_epochs(course, self.target, self.power) for course in self.courses[one.number].values()]
        return max(known, default=0.0)

    def _keep(self, trial: Trial, course: CandidateRun | None, epochs: float) -> bool:
        """Note a course, and return whether it is whole: it learned all the epochs, or reached the target before.

        Part of a course counts at the first seed only, where the curve may be foretold. Elsewhere it would read as a miss.
        """
        is_whole = course is not None and (trial.epochs >= epochs or course.reached is not None or bool(course.failure))
        if course is not None and (is_whole or trial.seed == self.seeds[0]):
            self.courses[trial.candidate.number][trial.seed] = course
        return is_whole

    def _confirm(self) -> None:
        """Let the best so far for each aim learn at further seeds, until the one with the lowest mean has enough of them."""
        for aim in Aim:
            while self._confirmations < MOST_CONFIRMATIONS and (found := self.paid.find_unconfirmed(aim)) is not None:
                one, seed = found
                if not self._learn([one], self.most, seed, "best so far"):
                    return
                self._confirmations += 1

    def _bound(self) -> None:
        """Take out who can no longer be best for any aim."""
        self._confirm()
        firsts = [course for one in self.candidates if (course := self.first(one)) is not None and course.reached is not None]
        if not firsts:
            return
        fewest = HOPE * min(course.reached for course in firsts if course.reached is not None)
        bars = {aim: self.paid.find_bar(aim) for aim in Aim}
        for one in self._open():
            course = self.first(one)
            if course is not None and course.reached is not None:
                continue
            if course is not None and (course.failure or course.asked >= self.most):
                self.stages[one.number] = SearchStage.MISSED
                continue
            epochs = fewest if course is None else max(fewest, course.epochs)
            if all(price(one, epochs, aim, one.pace.low) > bars[aim] for aim in Aim):
                self.stages[one.number] = SearchStage.BOUND

    def _halve(self, epochs: float) -> None:
        """Let the better third go on."""
        running = [one for one in self._open() if not self._is_done(one, self.most)]
        kept: dict[int, Candidate] = {}
        orders = [sorted(running, key=lambda one, aim=aim: (self.foretell(one, aim), one.number)) for aim in Aim]  # type: ignore[misc]
        room = max(LEAST, math.ceil(len(running) / ETA))
        best = {aim: self.paid.find_bar(aim) for aim in Aim}
        for aim in (aim for aim in Aim if best[aim] == math.inf):
            best[aim] = min((self.foretell(one, aim) for one in self.candidates), default=math.inf)
        for order in orders:  # the best of each variant goes on
            firsts = {one.variant: one for one in reversed(order)}
            kept |= {one.number: one for one in firsts.values()}
        for place in range(len(running)):
            for order in orders:
                if len(kept) < room:
                    kept.setdefault(order[place].number, order[place])
        for one in running:
            course = self.first(one)
            is_far = all(self.foretell(one, aim, STEEP) > FAR * best[aim] for aim in Aim)
            if (one.number not in kept or is_far) and course is not None and course.asked >= epochs:
                self.stages[one.number] = SearchStage.BEHIND

    def _race(self) -> None:
        """Let the finalists learn at further seeds until each aim has one leader, or the seeds are used up."""
        self.finalists = {aim: self._choose_finalists(aim) for aim in Aim}
        self.racing = {aim: list(finalists) for aim, finalists in self.finalists.items()}
        for finalists in self.racing.values():
            for one in finalists:
                self.stages[one.number] = SearchStage.FINALIST
        for number, seed in enumerate(self.seeds[1:], 2):
            chosen = list({one.number: one for aim in Aim for one in self.racing[aim]}.values())
            if all(len(finalists) <= 1 for finalists in self.racing.values()) and number > LEAST_SEEDS:
                break
            waiting = [one for one in chosen if seed not in self.courses[one.number]]
            likely = math.fsum(min(self.most, self._find_needed(one)) for one in waiting)
            if waiting and self._left(self.spent) < max(1.0, likely):
                self.is_cut = True
                break
            if not self._learn(waiting, self.most, seed, "seed"):
                break
            self.racing = {aim: self._without_beaten(left, self.seeds[:number], aim) for aim, left in self.racing.items()}
        left = {one.number for finalists in self.racing.values() for one in finalists}
        for one in self.candidates:
            if self.stages[one.number] is SearchStage.FINALIST and one.number not in left:
                self.stages[one.number] = SearchStage.BEATEN

    def _choose_finalists(self, aim: Aim) -> list[Candidate]:
        there = self.paid.list_reaching(aim)
        bar = self.paid.find_bar(aim)
        limit = CLOSE * (bar if bar < math.inf else min((self.paid.mean(one, aim) for one in there), default=math.inf))
        return [one for one in there if self.paid.mean(one, aim) <= limit][:FINALISTS]

    def _without_beaten(self, finalists: Sequence[Candidate], seeds: Sequence[int], aim: Aim) -> list[Candidate]:
        whole = [one for one in finalists if self.paid.costs(one, seeds, aim) is not None]
        if not whole:
            return list(finalists)
        leader = min(whole, key=lambda one: (self.paid.mean_log(one, seeds, aim), one.number))
        best = self.paid.costs(leader, seeds, aim)
        assert best is not None
        found = [(one, self.paid.costs(one, seeds, aim)) for one in whole]
        return [one for one, costs in found if costs is not None and not self.compare(costs, best, aim).is_more]

    def compare(self, other: Sequence[SeedCost], leader: Sequence[SeedCost], aim: Aim) -> Ratio:
        """Return the ratio of a finalist's costs to the leader's. Its interval counts all that the race could compare."""
        return compare_costs(other, leader, count_comparisons(len(self.finalists[aim]), len(self.seeds)))
