"""The server's verbs under threads that call at random times, crash and come back: what the simulator's laws say holds.

Here all processes are threads, whose calls are delayed by up to 0.2 ms in either direction.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from simasgd.testbed.driver.driver import Driver
from simasgd.testbed.system.pacing import DrawnPacing
from tests.build import IS_AT_LENGTH, TIMING, scenario
from tests.protocols.table import ROWS
from tests.testbed.recorded import check_conservation
from tests.testbed.threads import ThreadEngine

LEARNERS = 4
SECTIONS: list[dict[str, Any]] = [
    *(row.typical for kind, row in ROWS.items() if not row.serverless and kind != "injected-staleness"),
    {"kind": "hardsync", "barrier_timeout": "5 ms"},
    {"kind": "backup-workers", "backups": 1},
    {"kind": "k-sync", "k": 2},
    {"kind": "fedbuff", "buffer": 2, "local_steps": 3},
    {"kind": "async", "spread": 1},
]


def busy(protocol: dict[str, Any], milliseconds: float, gradients: int, *changes: dict[str, Any]) -> Any:
    compute = {"per_batch": f"{milliseconds} ms", "per_sample": "0 s", "distribution": "exponential"}
    base = {"protocol": protocol, "cluster": {"learners": LEARNERS, "compute": compute}, "stop": {"gradients": gradients}}
    return scenario(TIMING, base, *changes)


def test_two_hundred_rounds_of_hardsync() -> None:
    recorded = Driver(ThreadEngine(2e-4), busy({"kind": "hardsync"}, 0.05, 200 * LEARNERS), pacing=DrawnPacing).record()
    check_conservation(recorded)
    tape, clocked = recorded.timing.tape, recorded.timing.clock
    assert tape is not None
    assert clocked.hang is None
    assert (tape.num_steps, tape.num_gradients) == (200, 200 * LEARNERS)
    assert not tape.staleness.any()
    learners = tape.learner.reshape(200, LEARNERS)
    assert (np.sort(learners, axis=1) == np.arange(LEARNERS)).all()


@pytest.mark.parametrize(
    "section", SECTIONS if IS_AT_LENGTH else SECTIONS[::4], ids=lambda section: "-".join(map(str, section.values()))
)
def test_learners_that_crash_all_the_time(section: dict[str, Any]) -> None:
    """Each learner crashes every 15 ms or so and is back after about 5 ms, wherever it is then."""
    drawn = random.Random(str(section))
    crashes = []
    for learner in range(LEARNERS):
        at = 0.0
        for _ in range(6):
            at += drawn.uniform(3, 25)
            down = drawn.uniform(0.1, 10)
            crashes.append({"learner": learner, "at": f"{at} ms", "down": f"{down} ms"})
            at += down
    chosen = busy(section, 1.0, 200, {"cluster": {"faults": {"crashes": crashes}}})
    recorded = Driver(ThreadEngine(2e-4), chosen, pacing=DrawnPacing).record()
    check_conservation(recorded)
    tape, clocked = recorded.timing.tape, recorded.timing.clock
    assert tape is not None
    assert clocked.hang is None
    assert tape.num_gradients >= 200
    down = clocked.fault_counts.crashes - clocked.fault_counts.rejoins
    assert 0 <= down <= LEARNERS
    assert clocked.fault_counts.rejoins > 8
    assert 0.0 < clocked.fault_counts.down_seconds < clocked.simulated_seconds * LEARNERS
    protocol = chosen.protocol
    most = ROWS[protocol.kind].most_stale(protocol)
    if most is not None:
        assert tape.staleness.max() <= most
    assert (tape.read_at <= tape.computed_at).all()
    assert (tape.computed_at <= tape.stepped_at[tape.step]).all()
    for seconds in clocked.learner_seconds:
        assert sum(seconds) == pytest.approx(clocked.simulated_seconds)
        assert min(seconds) >= 0.0


@pytest.mark.parametrize("kind", ["hardsync", "async", "ssp", "ringmaster-stop"])
def test_when_all_have_crashed_for_good_it_is_noticed(kind: str) -> None:
    crashes = [{"learner": learner, "at": f"{10 * learner + 5} ms"} for learner in range(LEARNERS)]
    chosen = busy(ROWS[kind].typical, 1.0, 100_000, {"cluster": {"faults": {"crashes": crashes}}})
    recorded = Driver(ThreadEngine(2e-4), chosen, pacing=DrawnPacing).record()
    check_conservation(recorded)
    hang = recorded.timing.clock.hang
    assert hang is not None
    assert "; these learners crashed for good: 0 (at 0.005 s), 1 (at 0.015 s), 2 (at 0.025 s), 3 (at 0.035 s)" in hang.reason
    assert recorded.timing.clock.simulated_seconds < 30.0
