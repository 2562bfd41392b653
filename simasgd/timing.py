"""The timing of a run: the simulated cluster, before anything is learned."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import final

import numpy as np

from simasgd.cluster.clock.log import SpanLog
from simasgd.cluster.job import Job
from simasgd.cluster.result import ClockResult
from simasgd.cluster.simulation import run as run_cluster
from simasgd.errors import RunFailed
from simasgd.scenario.alike import clock_of
from simasgd.scenario.schema import Scenario
from simasgd.tape.arrays import Floats
from simasgd.tape.growing import Part
from simasgd.tape.recorder import SummaryRecorder, TapeRecorder
from simasgd.tape.tape import Past, Tape

_NOTED, _NOTED_ROUNDS = 10_000, 3
"""The gradients whose times are kept without a tape: in all, or of each learner if that is more."""

ReportPart = Callable[[str, float], None]
"""Called now and then with the phase of a run and the fraction of it that is done."""


@final
@dataclass(frozen=True, eq=False)
class Timing:
    """The results of simulating the cluster.

    clock       the state of the clock at the stop
    tape        the tape; None if the run needs none
    staleness   the number of gradients of each staleness
    ages        the number of mixed-in models of each age
    seconds     the real time that the simulation took
    first       without a tape: the times (s) of the first gradients, three of each learner at least
    """

    clock: ClockResult
    tape: Tape | None
    staleness: Counter[int]
    ages: Counter[int]
    seconds: float
    first: Floats | None = None

    def times_of_first(self, gradients: int) -> Floats | None:
        """Return the simulated seconds after which each of the first gradients was applied; None if they are not kept."""
        times = self.first if self.tape is None else self.tape.times_of_first(gradients)
        return None if times is None or len(times) < gradients else times[:gradients]


@final
@dataclass(frozen=True)
class LaterPart:
    """A later part of a run.

    number     the number of the part; the first is 0
    samples    the samples that it applies, at least
    past       what was done before; its rows are those of the tape to come
    computed   the mini-batches of each learner that were computed before
    """

    number: int
    samples: int
    past: Past
    computed: tuple[int, ...]

    def renumber(self, tape: Tape) -> Tape:
        """Return the tape of this part, which was simulated as if it were the first: mini-batches are numbered through."""
        mixing = tape.mixing
        past = self.past._replace(rows=0 if mixing is None else mixing.num_holders)
        return replace(tape, past=past, batch=tape.batch + np.array(self.computed)[tape.learner])


@final
@dataclass(frozen=True)
class Sending:
    """When and where to send a tape that is being written.

    send     receives it each time
    first    the number of gradients at which it is sent first
    growth   the factor by which it has grown when it is sent again
    """

    send: Callable[[Part], None]
    first: int = 20_000
    growth: float = 1.5


def simulate_timing(
    scenario: Scenario,
    progress: ReportPart,
    updates: int | None = None,
    part: LaterPart | None = None,
    sending: Sending | None = None,
) -> Timing:
    """Simulate the cluster of a scenario at its seed, up to `updates` at most.

    Without a later `part`, the first is simulated. `sending` says who receives the tape, if there is one, while it is written.

    Raises RunFailed if the memory does not suffice.
    """
    began = time.perf_counter()
    keep_tape = scenario.learning is not None or scenario.record.kind != "summary"
    recorder = TapeRecorder() if keep_tape else SummaryRecorder(max(_NOTED, _NOTED_ROUNDS * scenario.cluster.learners))
    job = Job.of(scenario)
    if part is not None:
        job = job.continued(part.number, part.samples, part.computed)
    if updates is not None:
        job = replace(job, limit=replace(job.limit, updates=updates))
    due = sending.first if sending is not None and isinstance(recorder, TapeRecorder) else inf

    def report(gradients: int, updates: int, seconds: float) -> None:
        nonlocal due
        fraction = fraction_done(job, gradients, updates, seconds)
        progress("simulate", fraction)
        if gradients >= due and fraction > 0.0:
            assert sending is not None
            assert isinstance(recorder, TapeRecorder)
            sending.send(Part(recorder.tape(job.mini_batch), fraction))
            due = sending.growth * gradients

    try:
        clock = run_cluster(job, recorder, log=SpanLog() if scenario.record.kind == "timeline" else None, progress=report)
        tape = recorder.tape(job.mini_batch) if isinstance(recorder, TapeRecorder) else None
        if part is not None and tape is not None:
            tape = part.renumber(tape)
        counts = recorder.staleness_counts(), recorder.age_counts()
        first = recorder.first_times() if isinstance(recorder, SummaryRecorder) else None
        return Timing(clock, tape, *counts, time.perf_counter() - began, first)
    except MemoryError:
        raise RunFailed("the memory does not suffice for this run") from None


def simulate_first(scenario: Scenario, gradients: int) -> tuple[Tape, float]:
    """Return the tape of the first `gradients` of a scenario, and the fraction of its run that these are, about."""
    job = Job.of(scenario)
    most = gradients if job.limit.gradients is None else min(gradients, job.limit.gradients)
    recorder = TapeRecorder()
    clock = run_cluster(replace(job, limit=replace(job.limit, gradients=most)), recorder)
    fraction = fraction_done(job, clock.gradients_applied, clock.updates, clock.simulated_seconds)
    return recorder.tape(job.mini_batch), fraction


def cut_timing(scenario: Scenario, timing: Timing, step: int, part: LaterPart | None = None) -> Timing:
    """Return the timing of the run that ends with this step of its tape.

    The clock is simulated again up to the update, so that all that it counts is counted up to
    there. A step that only mixes models is the last of its tape, and the timing stays as it is.
    Raises RunFailed if the memory does not suffice.
    """
    tape = timing.tape
    assert tape is not None
    updates = int(tape.updates_before[step]) - tape.past.updates
    ends_here = timing.clock.updates == updates and timing.clock.simulated_seconds == tape.stepped_at[step - 1]
    if ends_here or tape.updates_before[step - 1] == tape.updates_before[step]:
        return timing
    again = simulate_timing(scenario, lambda phase, fraction: None, updates, part)
    return replace(again, seconds=timing.seconds + again.seconds)


def timing_name(scenario: Scenario) -> str:
    """Return a text that is equal for scenarios of equal timing."""
    return f"{scenario.learning is not None} {clock_of(scenario)}"


def fraction_done(job: Job, gradients: int, updates: int, seconds: float) -> float:
    """Return the fraction of a run that is done after so many applied gradients, updates and seconds."""
    limit, parts = job.limit, [0.0]
    if limit.samples is not None:
        parts.append(gradients * job.mean_mini_batch / limit.samples)
    if limit.gradients is not None:
        parts.append(gradients / limit.gradients)
    if limit.updates is not None:
        parts.append(updates / limit.updates)
    if limit.seconds is not None:
        parts.append(seconds / limit.seconds)
    return min(1.0, max(parts))
