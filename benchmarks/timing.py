"""Timing of two functions in turn, so that a machine with drifting speed gives a fair ratio."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from simasgd import Scenario
from simasgd.cluster.clock.recording import Limit
from simasgd.cluster.job import Job
from simasgd.cluster.simulation import run
from simasgd.tape.recorder import AbstractRecorder, SummaryRecorder

ROUNDS = 5


class Ratio(NamedTuple):
    """Median, lowest and highest of the pairwise ratios, and the median seconds of each side."""

    median: float
    least: float
    greatest: float
    left_seconds: float
    right_seconds: float


def simulate_clock(scenario: Scenario, gradients: int, recorder: type[AbstractRecorder] = SummaryRecorder) -> None:
    """Simulate a number of gradients of a scenario's cluster."""
    run(replace(Job.of(scenario), seed=0, limit=Limit(gradients=gradients)), recorder())


def time_call(function: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def measure_ratio(left: Callable[[], object], right: Callable[[], object], rounds: int = ROUNDS) -> Ratio:
    """Measure left ÷ right over `rounds` pairs, after one warm-up of each."""
    left(), right()
    pairs = [(time_call(left), time_call(right)) for _ in range(rounds)]
    ratios = [a / b for a, b in pairs]
    lefts, rights = zip(*pairs, strict=True)
    return Ratio(statistics.median(ratios), min(ratios), max(ratios), statistics.median(lefts), statistics.median(rights))


def measure_rate(count: int, function: Callable[[], object], rounds: int = ROUNDS) -> tuple[float, float, float]:
    """Return median, lowest and highest of count ÷ seconds over `rounds` runs, after a warm-up."""
    function()
    rates = sorted(count / time_call(function) for _ in range(rounds))
    return statistics.median(rates), rates[0], rates[-1]
