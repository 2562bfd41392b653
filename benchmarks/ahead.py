"""Measure clocks that other processes simulate ahead, and the share of the simulations with faster parts."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

from simasgd import Scenario
from simasgd.ahead.timings import Timings
from simasgd.ahead.worth import Pace, count_cores, count_helpers
from simasgd.assembly import assemble
from simasgd.preparation import Preparation
from simasgd.scenario.schema import Scenario as Loaded
from simasgd.simulator import run_group
from simasgd.stages.progress import ShareOfWork, silent
from simasgd.timing import simulate_timing
from simasgd.what_if.answers import what_if
from simasgd.what_if.question import Question

SPELLS = ("stragglers.slowdown=8", "stragglers.mean_normal=5 s", "stragglers.mean_slow=500 ms")
ASKED: dict[str, tuple[int, int, tuple[str, ...]]] = {
    # learners, gradients, and more of the scenario
    "quickstart's": (30, 10_778, ()),
    "the same with slow spells": (30, 10_778, SPELLS),
    "the same with all-reduce": (30, 10_778, ("protocol=all-reduce",)),
    "λ = 30": (30, 200_000, ()),
    "λ = 10,000": (10_000, 1_000_000, ()),
}
SEEDS = 4


def main() -> None:
    """Print the share of what-if simulations, and the time of studies with and without processes that simulate ahead."""
    for name, (learners, gradients, more) in ASKED.items():
        _print_share(name, learners, gradients, more)
    learns = "stop.epochs=600"
    _print_study("learning", SEEDS, learns)
    _print_study("timing only", SEEDS, learns, "learning=null", "samples_per_epoch=1437")
    for hidden in (64, 512):
        _print_study(f"learning {hidden} hidden", 1, learns, f"model={{kind: mlp, hidden: [{hidden}]}}")


def _print_share(name: str, learners: int, gradients: int, more: Sequence[str]) -> None:
    words = (f"cluster.learners={learners}", f"stop.gradients={gradients}", "cluster.profile=p775", "variants=null", *more)
    scenario = Scenario.load("ten-thousand", *words)
    began = time.process_time()
    timing = simulate_timing(scenario, silent)
    own = time.process_time() - began
    question = Question.of_run(scenario, assemble(scenario, timing, None, 0.0).summary)
    began = time.process_time()
    what_if(scenario, question, timing.times_of_first(question.gradients))
    asked = time.process_time() - began
    parts = ", ".join(question.parts)
    print(
        f"what if, on p775, {name:26} {asked:6.3f} s of CPU beside {own:7.3f} s of the run's clock: {asked / own:.3f} "
        f"({question.gradients:,} gradients with another {parts})",
        flush=True,
    )


def _print_study(name: str, seeds: int, *overrides: str) -> None:
    words = ("variants=null", "protocol=async", f"repeats={seeds}", *overrides)
    scenarios = list(Scenario.load("quickstart", *words).repeated())
    _measure(scenarios[:1], lambda scenarios, pace: 0)  # compiles
    alone = _measure(scenarios, lambda scenarios, pace: 0)
    ahead = _measure(scenarios, count_helpers)
    print(
        f"{seeds} seeds, {name:12} {ahead:6.1f} s, {alone:6.1f} s one after another: {ahead / alone:.2f} "
        f"({count_cores()} cores, load {os.getloadavg()[0]:.1f})",
        flush=True,
    )


def _measure(scenarios: Sequence[Loaded], count: Callable[[Sequence[Loaded], Pace], int]) -> float:
    """Return the seconds of all runs."""
    began = time.perf_counter()
    with Timings(scenarios, count) as timings:
        for scenario in scenarios:
            preparation = Preparation([scenario], silent)
            timing = timings.get(scenario, silent, None if scenario.learning is None else preparation)
            run_group([scenario], timing, ShareOfWork.unseen(), early=preparation.early)
            timings.release(scenario)
    return time.perf_counter() - began
