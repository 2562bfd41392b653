"""`simasgd advise` on four cases whose answer is known, beside the exhaustive grid of the same candidates.

For each case it prints whom the search names, who is best by the grid, how much worse the search's is by the grid, and the
shares of learned gradients and of CPU seconds. Search and grid learn in fresh processes and folders of their own, so each pays
for what it must compile. Both stop a run where it reaches the target.
"""

from __future__ import annotations

import math
import resource
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from simasgd.advising.aims import Aim
from simasgd.advising.candidates import Candidate
from simasgd.advising.findings import CandidateRow, Findings
from simasgd.advising.inquiry import find_advice, list_advice_paths, plan_inquiry
from simasgd.advising.race import SeedCost, compare_costs
from simasgd.advising.trial_runner import Trial, TrialRunner
from simasgd.report.advice.sentences import say_candidate, state_verdict
from simasgd.scenario.vocabulary.merge import merge
from simasgd.storage.opening import open_folder
from simasgd.sweeps.pools.here import OwnProcess

BASE: Mapping[str, Any] = {
    "name": "adviser",
    "repeats": 5,
    "cluster": {"learners": 16, "profile": "ideal", "compute": {"per_sample": "1 ms", "distribution": "constant"}},
    "workload": {"mini_batch": 4, "payload": "350 kB"},
    "protocol": "hardsync",
    "learning": {
        "data": "digits",
        "model": "softmax",
        "optimizer": {"kind": "sgd", "learning_rate": 0.01},
        "evaluate": "0.5 epochs",
    },
    "stop": {"epochs": 20},
}


@dataclass(frozen=True)
class Case:
    """A case: what changes of BASE, what varies, the target, why the answer is known, and whether a leader is that answer."""

    name: str
    changes: Mapping[str, Any]
    vary: str
    target: str
    why: str
    is_known: Callable[[CandidateRow, Findings], bool]


def _ties_with_equals(row: CandidateRow, found: Findings) -> bool:
    answer = found.find_answer(Aim.SOONEST)
    assert answer is not None
    ties = {found.candidates[rival.number].variant for rival in answer.rivals if rival.verdict in ("tie", "unsure")}
    return answer.confidence in ("tie", "unsure") and bool(({row.variant} | ties) >= {"async", "n-softsync-nlearners"})


CASES = (
    Case(
        "stragglers",
        {"cluster": {"compute": {"distribution": "exponential"}}},
        "learners=1,4,16,mini_batch=4,8,protocol=hardsync,async,ssp:slack=3,learning_rate=0.005..0.04",
        "6%",
        "exponential times: a barrier of P learners waits H_P times the mean time, and staleness harms little at this rate",
        lambda row, _: row.protocol in ("async", "ssp"),
    ),
    Case(
        "staleness",
        {
            "learning": {
                "model": {"kind": "mlp", "hidden": [16]},
                "optimizer": {"learning_rate": 0.05, "momentum": 0.9},
            },
        },
        "learners=1,4,16,mini_batch=4,8,protocol=hardsync,async,ssp:slack=8,learning_rate=0.025..0.2",
        "4%",
        "constant times, free messages: all protocols take the same time, and at these rates only hardsync bears many learners",
        lambda row, _: row.protocol == "hardsync" and row.learners >= 8,
    ),
    Case(
        "starved server",
        {"cluster": {"network": {"bandwidth": "100 Mbit/s", "latency": "50 us"}, "server": {"bandwidth": "100 Mbit/s"}}},
        "learners=1,4,16,mini_batch=4,8,protocol=hardsync,async,local-sgd,learning_rate=0.01..0.08",
        "6%",
        "a message takes 28 ms on the server's link, in and out for each gradient; local-sgd sends an eighth without server",
        lambda row, _: row.protocol == "local-sgd",
    ),
    Case(
        "tie",
        {"cluster": {"compute": {"distribution": "exponential"}}},
        "learners=1,4,16,mini_batch=4,8,protocol=hardsync,async,n-softsync:n=learners,learning_rate=0.005..0.04",
        "6%",
        "n-softsync with n = λ is async",
        _ties_with_equals,
    ),
)


class Searched(NamedTuple):
    """The findings of a search and its CPU time (s)."""

    found: Findings
    able: list[Candidate]
    """The candidates that the grid learns."""
    seeds: list[int]
    cpu: float


class Learned(NamedTuple):
    """The results of the exhaustive grid and its CPU time (s)."""

    costs: dict[int, list[dict[Aim, SeedCost]]]
    """The costs of each candidate that reaches the target at every seed, by its number."""
    gradients: int
    """The number of gradients that all runs learned."""
    cpu: float


def main() -> None:
    """Run all cases."""
    for case in CASES:
        _run(case)


def _run(case: Case) -> None:
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
        found, able, seeds, cpu = fresh.submit(_search, case.changes, case.target, case.vary).result()
    soonest = found.find_answer(Aim.SOONEST)
    assert soonest is not None
    leader = found.candidates[soonest.leader]
    print(f"{case.name}: {case.why}", flush=True)
    print(f"  the search: {state_verdict(found)}", flush=True)
    print(f"  as known: {'yes' if case.is_known(leader, found) else 'NO'}", flush=True)

    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
        costs, gradients, grid_cpu = fresh.submit(_learn_grid, case.changes, case.target, case.vary, able, seeds).result()
    for answer in found.answers:
        truth = {number: [cost[answer.aim] for cost in of_seeds] for number, of_seeds in costs.items()}
        best = min(truth, key=lambda number, truth=truth: math.fsum(map(math.log, _amounts(truth[number]))))  # type: ignore[misc]
        mine = truth.get(answer.leader)
        ratio = "misses the target in the grid" if mine is None else _say_ratio(mine, truth[best])
        print(f"  {answer.aim} by the grid: {say_candidate(found.candidates[best], found)}; the search's: {ratio}", flush=True)
    effort = found.effort
    print(
        f"  learned gradients: {effort.learned_gradients:,} of {gradients:,} ({effort.learned_gradients / gradients:.1%}), "
        f"timed without learning: {effort.timed_gradients:,}; CPU: {cpu:.0f} s of {grid_cpu:.0f} s ({cpu / grid_cpu:.0%}); "
        f"runs: {effort.runs:,} of {effort.grid_runs:,}",
        flush=True,
    )


def _amounts(costs: Sequence[SeedCost]) -> list[float]:
    return [cost.amount for cost in costs]


def _say_ratio(mine: Sequence[SeedCost], best: Sequence[SeedCost]) -> str:
    ratio = compare_costs(mine, best, 1)
    return f"{ratio.mean:.2f}× as much ({ratio.low:.2f}× – {ratio.high:.2f}×)"


def _cpu_seconds() -> float:
    """Return the CPU time of this process and of those that it started and that ended (s)."""
    uses = [resource.getrusage(of) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def _search(changes: Mapping[str, Any], target: str, vary: str) -> Searched:
    began = _cpu_seconds()
    inquiry = plan_inquiry(merge(BASE, changes), (), target, (vary,))
    with TemporaryDirectory() as home, open_folder(Path(home), inquiry.contents, list_advice_paths(inquiry)) as place:
        found, search = find_advice(inquiry, place, OwnProcess())
    able = [one for one in search.candidates if not one.pace.problem]
    return Searched(found, able, search.seeds, _cpu_seconds() - began)


def _learn_grid(changes: Mapping[str, Any], target: str, vary: str, able: Sequence[Candidate], seeds: Sequence[int]) -> Learned:
    began = _cpu_seconds()
    inquiry = plan_inquiry(merge(BASE, changes), (), target, (vary,))
    with TemporaryDirectory() as home, open_folder(Path(home), inquiry.contents, list_advice_paths(inquiry)) as place:
        bench = TrialRunner(
            inquiry.base, inquiry.vary.axes, "", inquiry.target, place, OwnProcess(), lambda finished, total: None
        )
        trials = [Trial(one, inquiry.most_epochs, seed) for one in able for seed in seeds]
        courses = [course for course in bench.learn(trials) if course is not None]  # all of them: no budget
    costs: dict[int, list[dict[Aim, SeedCost]]] = {one.number: [] for one in able}
    for trial, course in zip(trials, courses, strict=True):
        if course.seconds is not None and course.hours is not None and course.reached:
            coarse = course.spacing / course.reached
            costs[trial.candidate.number].append(
                {Aim.SOONEST: SeedCost(course.seconds, coarse), Aim.CHEAPEST: SeedCost(course.hours, coarse)}
            )
    whole = {number: found for number, found in costs.items() if len(found) == len(seeds)}
    return Learned(whole, sum(course.gradients for course in courses), _cpu_seconds() - began)
