"""The clocks of several machines: offsets that are made up are found within the bound that is stated."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import numpy as np
import pytest

from simasgd.testbed.driver.clock_offsets import Clocks
from simasgd.testbed.driver.driver import Driver
from simasgd.testbed.engine.abstract import ProcessMachine
from simasgd.testbed.system.clock import Offset, measure_offset
from simasgd.testbed.system.pacing import DrawnPacing
from tests.build import TIMING, scenario
from tests.testbed.recorded import check_conservation
from tests.testbed.threads import ThreadEngine


@pytest.mark.parametrize("seed", range(20))
def test_an_offset_lies_within_its_bound_whatever_the_delays_of_a_round_trip_are(seed: int) -> None:
    """A clock that stands still but for the delays of messages, which may all be in one direction."""
    drawn = random.Random(seed)
    offset, now = drawn.uniform(-1e6, 1e6), [drawn.uniform(0.0, 1e3)]

    def ask() -> float:
        now[0] += drawn.choice([0.0, drawn.expovariate(1e3)])
        shown = now[0] + offset
        now[0] += drawn.choice([0.0, drawn.expovariate(1e3)])
        return shown

    found = measure_offset(ask, lambda: now[0])
    assert abs(found.seconds - offset) <= found.bound + 1e-9
    assert found.bound < 5e-3


def test_processes_of_one_machine_share_a_clock_and_nothing_is_measured() -> None:
    clocks = Clocks("one")
    assert clocks.begin_at("one", 7.0, _never) == 7.0
    assert clocks.bound(1e9) == 0.0


def test_a_drift_is_spread_over_the_run() -> None:
    """By 40 ms in 10 s: half of it is over after 5 s. A learner on the server's machine is not corrected."""
    clocks = Clocks("one")
    assert clocks.begin_at("two", 100.0, lambda: Offset(30.0, 1e-3)) == 70.0
    clocks.move(0, "one", 0.0)
    clocks.move(1, "two", 0.0)
    clocks.move(2, "one", 0.0)
    clocks.move(2, "two", 6.0)
    clocks.measure_end("one", _never)
    clocks.measure_end("two", lambda: Offset(30.04, 2e-3))
    spans = [(0, 0.0, 5.0), (2, 7.5, 10.0)]
    assert clocks.correct_spans(0, spans, 10.0) == spans
    assert clocks.correct_spans(1, spans, 10.0) == [
        (0, 0.0, pytest.approx(5.02)),
        (2, pytest.approx(7.53), pytest.approx(10.04)),
    ]
    assert clocks.correct_spans(2, spans, 10.0) == [(0, 0.0, 5.0), (2, pytest.approx(7.53), pytest.approx(10.04))]
    assert clocks.bound(10.0) == pytest.approx(0.042)


def test_without_a_measurement_at_the_end_the_bound_grows_with_the_run() -> None:
    clocks = Clocks("one")
    clocks.begin_at("two", 0.0, lambda: Offset(30.0, 1e-3))
    assert clocks.bound(10.0) == pytest.approx(0.011)
    clocks.move(0, "two", 0.0)
    assert clocks.correct_spans(0, [(0, 0.0, 5.0)], 10.0) == [(0, 0.0, 5.0)]


def test_a_run_on_machines_whose_clocks_differ() -> None:
    """Learner 1 is 1,000 s behind the server and loses 1 ms in a second; learner 2 is 50 s ahead of it."""
    start = time.monotonic()
    shifts: dict[int, Callable[[], float]] = {
        2: lambda: time.monotonic() - 1000.0 - 1e-3 * (time.monotonic() - start),
        3: lambda: time.monotonic() + 50.0,
    }

    def clocks(number: int) -> tuple[ProcessMachine, Callable[[], float]]:
        there = f"machine {number}" if number in shifts else "machine 0"
        return ProcessMachine(there, there, "any", 1), shifts.get(number, time.monotonic)

    compute = {"per_batch": "5 ms", "per_sample": "0 s", "distribution": "exponential"}
    chosen = scenario(TIMING, {"cluster": {"learners": 3, "compute": compute}, "stop": {"gradients": 150}})
    recorded = Driver(ThreadEngine(2e-4, clocks), chosen, pacing=DrawnPacing).record()
    check_conservation(recorded)
    tape, bound = recorded.timing.tape, recorded.clock_bound
    assert tape is not None
    assert 0.0 < bound < 0.2
    assert (tape.read_at <= tape.computed_at).all()
    assert (tape.computed_at <= tape.stepped_at[tape.step] + bound).all()
    made_at = np.where(tape.timestamp > 0, tape.stepped_at[tape.timestamp - 1], 0.0)
    assert (tape.read_at >= made_at - bound).all()
    assert set(tape.learner.tolist()) == {0, 1, 2}


def _never() -> Offset:
    raise AssertionError("nothing needs to be measured")
