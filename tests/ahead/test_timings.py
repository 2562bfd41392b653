"""Clocks that other processes simulate: the same tapes, whoever simulates them, and no process is left."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import replace
from typing import Literal

import numpy as np
import psutil
import pytest

from simasgd.ahead.helper import Helper
from simasgd.ahead.latest import LatestTiming
from simasgd.ahead.timings import Timings
from simasgd.ahead.worth import Pace, count_cores, count_gradients, count_helpers
from simasgd.protocols import AbstractServerProtocol
from simasgd.scenario.schema import Scenario
from simasgd.stages.progress import silent
from simasgd.timing import Timing, simulate_timing
from tests.build import LINEAR, TIMING, same_tape, scenario

ENDLESS = {"stop": {"gradients": 10**9}}


def one_process(scenarios: Sequence[Scenario], pace: Pace) -> int:
    return 1


def children() -> list[psutil.Process]:
    """Return the processes that simulate clocks for this one; other tests may have left processes of a pool."""
    return [child for child in psutil.Process().children() if any("simasgd.ahead" in word for word in child.cmdline())]


def assert_equal(one: Timing, other: Timing) -> None:
    assert (one.tape is None) == (other.tape is None)
    if one.tape is not None and other.tape is not None:
        assert same_tape(one.tape, other.tape)
        assert not other.tape.learner.flags.writeable
    assert np.array_equal(one.first, other.first)
    assert one.staleness == other.staleness
    assert one.ages == other.ages
    assert {**vars(one.clock), "spans": None} == {**vars(other.clock), "spans": None}
    if one.clock.spans is not None:
        assert other.clock.spans is not None
        assert [column.tolist() for column in one.clock.spans[1:]] == [column.tolist() for column in other.clock.spans[1:]]


CHANGES = ({}, {"record": "timeline"}, {"protocol": {"kind": "gossip-push"}}, {"protocol": "hardsync", "record": "summary"})
CHOSEN = [scenario(LINEAR, {"record": "updates", "stop": {"gradients": 300}}, change) for change in CHANGES]


def test_another_process_simulates_the_same() -> None:
    """Tapes of two kinds, a time line, and what a run without a tape notes."""
    with closing(Helper()) as helper:
        for one in [*CHOSEN, scenario(TIMING, {"record": "summary"})]:
            helper.begin(one)
            found = helper.take(lambda fraction: None)
            assert found is not None
            assert_equal(simulate_timing(one, silent), found)
    assert children() == []


def test_each_is_simulated_once_whoever_does_it() -> None:
    chosen = [*CHOSEN, *CHOSEN[:1]]
    processes = {os.getpid()}
    with Timings(chosen, one_process) as timings:
        found = []
        for one in chosen:
            found.append(timings.get(one, silent))
            processes |= {child.pid for child in children()}
            timings.release(one)
    assert found[0] is found[4]  # kept until its last use
    assert len(processes) == 2
    assert children() == []
    for one, timing in zip(chosen, found, strict=True):
        assert_equal(simulate_timing(one, silent), timing)


def test_a_process_that_is_killed_or_cannot_start_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = scenario(TIMING, {"record": "updates"}), scenario(TIMING, {"record": "updates", "seed": 1})
    wanted = simulate_timing(second, silent)
    with Timings([first, second], one_process) as timings:
        timings.get(first, silent)
        for child in children():
            child.kill()
        assert_equal(wanted, timings.get(second, silent))
    monkeypatch.setattr(sys, "executable", "/no/such/interpreter")
    with Timings([first, second], one_process) as timings:
        timings.get(first, silent)
        assert children() == []
        assert_equal(wanted, timings.get(second, silent))


def test_an_error_ends_the_other_process() -> None:
    chosen = [scenario(TIMING), scenario(TIMING, {"seed": 1}, ENDLESS)]
    with suppress(KeyboardInterrupt), Timings(chosen, one_process) as timings:
        timings.get(scenario(TIMING), silent)
        assert len(children()) == 1
        raise KeyboardInterrupt
    assert children() == []


_DRIVER = """
from pathlib import Path
from simasgd.ahead.helper import Helper
from simasgd.scenario.schema import Scenario
import os, signal, sys, time
helper = Helper()
helper.begin(Scenario.load("quickstart", "variants=null", "stop.epochs=100000"))
while not helper._fraction:
    time.sleep(0.05)
print(helper._process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills processes by signal")
@pytest.mark.kills
def test_the_other_process_ends_with_its_driver() -> None:
    done = subprocess.run([sys.executable, "-c", _DRIVER], capture_output=True, text=True, check=False)
    other = int(done.stdout)
    deadline = time.monotonic() + 20.0
    while psutil.pid_exists(other) and psutil.Process(other).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def long(gradients: int | None, **changes: object) -> Scenario:
    return scenario(TIMING, {"stop": {"gradients": gradients}}, changes)


@pytest.mark.parametrize(
    ("gradients", "scenarios", "cores", "free", "expected"),
    [
        (200_000, 1, 2, 1e10, 1),  # 15 µs each are 3 s
        (199_000, 1, 2, 1e10, 0),
        (100_000, 2, 2, 1e10, 1),
        (1_000_000, 2, 1, 1e10, 0),  # one core
        (1_000_000, 9, 3, 1e10, 2),
        (1_000_000, 9, 64, 1e10, 4),
        (1_000_000, 1, 64, 1e10, 1),
        (1_000_000, 9, 64, 2.2e9, 2),  # half of it, for 540 MB each
        (1_000_000, 9, 64, 5e8, 0),
    ],
)
def test_processes_are_started_for_long_clocks_cores_and_memory(
    gradients: int, scenarios: int, cores: int, free: float, expected: int
) -> None:
    assert count_helpers([long(gradients)] * scenarios, Pace(), cores, free) == expected


def test_the_pace_of_clocks_that_were_simulated_counts() -> None:
    short = simulate_timing(long(400), silent)
    pace = Pace()
    pace.note(replace(short, seconds=0.4))  # a millisecond a gradient
    assert pace.estimate(long(7_000)) == pytest.approx(7.0)
    assert pace.estimate(long(None, stop={"simulated_time": "1 h"})) == pytest.approx(0.4)  # as long as a mean one
    assert count_helpers([long(7_000)] * 2, pace, 8, 1e10) == 2


def test_gradients_are_counted_by_the_first_limit() -> None:
    assert count_gradients(long(None, stop={"epochs": 2})) == 500
    assert count_gradients(long(400, stop={"epochs": 2, "updates": 30})) == 30
    assert count_gradients(long(None, stop={"epochs": 2}, workload={"mini_batch": [1, 3, 5, 7]})) == 500
    assert count_cores() >= 1


def test_the_next_timing_of_a_sweep_is_simulated_meanwhile() -> None:
    """As it is told: the first of another clock, unless it comes otherwise. Nothing is left at the end."""
    first, second, third = (
        scenario(LINEAR, {"record": "updates", "seed": seed, "stop": {"gradients": 90}}) for seed in range(3)
    )
    rate = scenario(LINEAR, {"record": "updates", "stop": {"gradients": 90}, "learning": {"optimizer": {"learning_rate": 0.1}}})
    latest = LatestTiming(one_process)
    order = [(first, [rate, second]), (rate, [second, third]), (second, [third]), (first, [third]), (third, [])]
    with closing(latest):
        helped = []
        for number, (one, following) in enumerate(order):
            found = latest.get(one, silent, following)
            assert (found.seconds == 0.0) == (number == 1)  # the last one again
            assert_equal(simulate_timing(one, silent), found)
            helped.append(len(children()))
    assert helped == [1, 1, 1, 1, 0]
    assert children() == []


class Faulty(AbstractServerProtocol):
    """A protocol that no entry point leads to, and whose server fails."""

    kind: Literal["faulty"] = "faulty"

    def serve(self, server):
        yield from server.collect(1)
        raise ArithmeticError("this server fails")

    def learn(self, learner):
        yield from learner.push((yield from learner.compute((yield from learner.pull()))))

    def nominal_staleness(self, learners):
        return None


def test_a_clock_fails_at_its_own_turn() -> None:
    """It may have been simulated before, in place of waiting for another process."""
    healthy = [scenario(TIMING, {"stop": {"gradients": gradients}}) for gradients in (100, 20_000)]
    faulty = healthy[0].model_copy(update={"protocol": Faulty()})
    with Timings([*healthy, faulty], one_process) as timings:
        for one in healthy:
            timings.get(one, silent)
        with pytest.raises(Exception, match="this server fails"):
            timings.get(faulty, silent)


def test_a_class_that_a_script_defines_stays_in_its_process() -> None:
    """Another process would have to run the script to read it."""
    with closing(Helper()) as helper:
        helper.begin(scenario(TIMING).model_copy(update={"protocol": Faulty()}))
        assert helper.take(lambda fraction: None) is None
