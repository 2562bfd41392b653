"""Faults in the test-bed: what happens is what the simulator says, in words and in counts.

Most runs here are those of threads, which crash as processes do but cost nothing; the last ones are those of processes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from simasgd.cluster.result import ClockResult
from simasgd.errors import RunFailed
from simasgd.scenario.schema import Scenario
from simasgd.testbed.driver.driver import Driver, RecordedRun
from simasgd.testbed.engine.abstract import AbstractEngine, Process
from simasgd.testbed.support import list_obstacles
from simasgd.testbed.system.pacing import DrawnPacing
from tests.build import IS_AT_LENGTH, TIMING, clock, scenario
from tests.testbed.recorded import check_conservation
from tests.testbed.threads import ThreadEngine

MS = 10.0
"""Milliseconds of a mini-batch."""


def timed(protocol: dict[str, Any], *changes: dict[str, Any]) -> Scenario:
    """Return a scenario of three learners, whose 20 mini-batches each take 10 ms."""
    compute = {"per_batch": f"{MS} ms", "per_sample": "0 s", "distribution": "constant"}
    return scenario(
        TIMING, {"protocol": protocol, "cluster": {"learners": 3, "compute": compute}, "stop": {"gradients": 60}}, *changes
    )


def faults(**lists: Any) -> dict[str, Any]:
    return {"cluster": {"faults": lists}}


def crash(learner: int, at: float, down: float | None = None) -> dict[str, Any]:
    """Return a crash at a time (ms) that lasts `down` (ms)."""
    return {"learner": learner, "at": f"{at} ms", **({} if down is None else {"down": f"{down} ms"})}


def record(chosen: Scenario, engine: Any = None) -> RecordedRun:
    recorded = Driver(ThreadEngine(1e-4) if engine is None else engine, chosen, pacing=DrawnPacing).record()
    check_conservation(recorded)
    return recorded


def words(clocked: ClockResult) -> tuple[Any, ...]:
    """Return what happened, without times and without numbers of gradients."""
    counts = clocked.fault_counts
    hang = None if clocked.hang is None else clocked.hang.reason
    return counts.crashes, counts.rejoins, counts.barrier_timeouts, counts.members_dropped, hang


HARDSYNC = {"kind": "hardsync"}
# Longer than any learner of a busy machine takes for a mini-batch of 10 ms, or it would be dropped, too.
PATIENT = {"kind": "hardsync", "barrier_timeout": "500 ms"}
CASES = {
    "hardsync": (HARDSYNC, [crash(1, 55)]),
    "hardsync with a time-out": (PATIENT, [crash(1, 55)]),
    "async": ({"kind": "async"}, [crash(1, 55)]),
    "ssp": ({"kind": "ssp", "slack": 2}, [crash(1, 55)]),
    "hardsync, back": (HARDSYNC, [crash(1, 55, 40)]),
    "all for good": ({"kind": "async"}, [crash(0, 40), crash(1, 55), crash(2, 60)]),
}


@pytest.mark.parametrize("case", CASES)
def test_what_happens_is_what_the_simulator_says(case: str) -> None:
    protocol, crashes = CASES[case]
    chosen = timed(protocol, faults(crashes=crashes))
    real, simulated = record(chosen).timing.clock, clock(chosen)[0]
    assert words(real) == words(simulated)
    assert simulated.fault_counts.crashes == len(crashes)
    if simulated.hang is None:
        assert min(real.gradients_applied, simulated.gradients_applied) >= 60
    else:
        assert real.hang is not None
        assert real.hang.at < real.simulated_seconds


def test_the_members_that_are_left_go_on_under_a_time_out() -> None:
    tape = record(timed(PATIENT, faults(crashes=[crash(1, 55)]))).timing.tape
    assert tape is not None
    sizes = [end - start for start, end in zip(tape.offsets, tape.offsets[1:], strict=False)]
    alone = next(step for step, size in enumerate(sizes) if size == 2)
    assert sizes == [3] * alone + [2] * (len(sizes) - alone)
    assert not tape.staleness.any()


def test_a_learner_that_is_back_goes_on_with_its_next_mini_batch() -> None:
    """Its mini-batches 0 to n − 1 were computed before the crash, and no number is left out or used twice."""
    recorded = record(timed({"kind": "async"}, faults(crashes=[crash(1, 55, 200)]), {"stop": {"gradients": 120}}))
    tape, clocked = recorded.timing.tape, recorded.timing.clock
    assert tape is not None
    mine = tape.batch[tape.learner == 1].tolist()
    assert mine == sorted(mine)
    missing = set(range(clocked.learner_gradients.computed[1])) - set(mine)
    assert len(missing) == clocked.learner_gradients.lost[1] + clocked.learner_gradients.in_flight[1]
    read = tape.read_at[tape.learner == 1]
    assert ((read < 0.155) | (read >= 0.255)).all()
    assert clocked.fault_counts.down_seconds == pytest.approx(0.2)


def test_a_learner_that_is_back_goes_on_with_its_stream_of_times() -> None:
    """Mini-batch k takes the k-th time of the stream, and one that a crash broke off has used its time up."""
    compute = {"per_batch": "8 ms", "per_sample": "0 s", "distribution": "gamma", "cv": 0.5}
    varied = timed({"kind": "async"}, {"cluster": {"compute": compute}}, {"stop": {"gradients": 120}})
    _, simulated = clock(scenario(varied.model_dump(), {"stop": {"gradients": 360}}))
    law = (simulated.computed_at - simulated.read_at)[simulated.learner == 1]
    tape = record(scenario(varied.model_dump(), faults(crashes=[crash(1, 55, 200)]))).timing.tape
    assert tape is not None
    of_one = tape.learner == 1
    batch, began, seconds = tape.batch[of_one], tape.read_at[of_one], (tape.computed_at - tape.read_at)[of_one]
    before = began < 0.155
    assert (seconds[before] >= law[batch[before]] - 1e-9).all()
    fits = [bool((seconds[~before] >= law[batch[~before] + broken] - 1e-9).all()) for broken in (0, 1)]
    assert sum(fits) == 1


def test_who_comes_late_and_who_leaves() -> None:
    absences = [{"learner": 1, "since": "0 s", "until": "50 ms"}, {"learner": 2, "since": "40 ms"}]
    chosen = timed({"kind": "async"}, faults(absences=absences))
    recorded = record(chosen)
    tape, real, simulated = recorded.timing.tape, recorded.timing.clock, clock(chosen)[0]
    assert tape is not None
    assert words(real) == words(simulated) == (2, 1, 0, 0, None)
    assert tape.read_at[tape.learner == 1].min() >= 0.05
    assert real.learner_gradients.computed[2] < real.learner_gradients.computed[0]


def test_random_crashes_are_those_of_the_simulator() -> None:
    """Every outage begins and ends when the simulator's does, and the pool of spares is filled again.

    With this seed nobody crashes or returns in the last 80 ms: on a busy machine that would come after the end.
    """
    random = {"cluster": {"seed": 9, "faults": {"crashes": {"mtbf": "120 ms", "mttr": "30 ms"}}}}
    chosen = timed({"kind": "async"}, random, {"stop": {"gradients": None, "simulated_time": "600 ms"}})
    real, simulated = record(chosen).timing.clock, clock(chosen)[0]
    assert words(real) == words(simulated)
    assert real.fault_counts.rejoins > 8
    assert real.fault_counts.down_seconds == pytest.approx(simulated.fault_counts.down_seconds)
    assert real.simulated_seconds == 0.6


def test_a_hang_is_none_as_long_as_somebody_comes_back() -> None:
    """All learners wait from some 70 ms on; learner 1 is back at 300 ms."""
    recorded = record(timed(HARDSYNC, faults(crashes=[crash(1, 55, 245)])))
    assert recorded.timing.clock.hang is None
    assert recorded.timing.clock.simulated_seconds > 0.3


def test_a_hang_before_the_time_of_the_stop_lasts_until_then() -> None:
    chosen = timed(HARDSYNC, faults(crashes=[crash(1, 55)]), {"stop": {"simulated_time": "20 s"}})
    recorded = record(chosen)
    real, simulated = recorded.timing.clock, clock(chosen)[0]
    assert words(real) == words(simulated)
    assert real.simulated_seconds == simulated.simulated_seconds == 20.0
    assert recorded.timing.seconds < 10.0
    assert all(sum(seconds) == pytest.approx(20.0) for seconds in real.learner_seconds)


@pytest.mark.parametrize("protocol", [HARDSYNC, {"kind": "async"}])
def test_a_server_that_pauses_makes_no_update_and_sends_no_weights_and_then_goes_on(protocol: dict[str, Any]) -> None:
    chosen = timed(protocol, faults(server_pauses=[{"at": "42 ms", "lasting": "300 ms"}]))
    recorded = record(chosen)
    tape, clocked = recorded.timing.tape, recorded.timing.clock
    assert tape is not None
    for times in (tape.stepped_at, tape.read_at):
        assert not ((times > 0.2) & (times < 0.342)).any()
    assert clocked.gradients_applied == 60
    assert clocked.hang is None
    assert clocked.fault_counts.server_paused == pytest.approx(0.3)


def test_a_process_that_ends_by_itself_fails_the_run() -> None:
    engine = ThreadEngine()
    chosen = timed({"kind": "async"}, {"stop": {"gradients": 100_000}})

    def interfere(gradients: int, updates: int, seconds: float) -> None:
        if gradients > 20:
            engine.processes[2].kill()

    with pytest.raises(RunFailed, match=r"the process of learner 1 has ended, but no crash was planned"):
        Driver(engine, chosen, pacing=DrawnPacing).record(interfere)
    assert not any(process.is_alive for process in engine.processes)


def test_a_server_that_ends_by_itself_fails_the_run() -> None:
    engine = ThreadEngine()
    chosen = timed({"kind": "async"}, {"stop": {"gradients": 100_000}})

    def interfere(gradients: int, updates: int, seconds: float) -> None:
        if gradients > 20:
            engine.processes[0].kill()

    with pytest.raises(RunFailed, match=r"^the process of the parameter server has ended"):
        Driver(engine, chosen, pacing=DrawnPacing).record(interfere)


def test_the_named_learners_are_those_of_the_scenario() -> None:
    real = record(timed(HARDSYNC, faults(crashes=[crash(2, 31), crash(0, 47)]))).timing.clock
    assert real.hang is not None
    assert re.findall(r"(\d) \(at ([\d.]+) s\)", real.hang.reason) == [("0", "0.047"), ("2", "0.031")]


KILLED = ["hardsync", "hardsync with a time-out", "async", "ssp", "hardsync, back"]


@pytest.mark.kills
@pytest.mark.parametrize("case", KILLED if IS_AT_LENGTH else KILLED[-1:])
def test_processes_that_are_killed_do_what_the_simulator_says(engine: AbstractEngine, case: str) -> None:
    protocol, crashes = CASES[case]
    chosen = timed(protocol, faults(crashes=crashes))
    recorded = record(chosen, engine)
    real, simulated = recorded.timing.clock, clock(chosen)[0]
    assert words(real) == words(simulated)
    assert len({about.pid for about in recorded.processes}) == 4 + simulated.fault_counts.rejoins


@pytest.mark.kills
def test_a_process_that_is_killed_from_outside_fails_the_run(engine: AbstractEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Process] = []
    start = engine.start

    def watch(count: int) -> Sequence[Process]:
        fresh = start(count)
        started.extend(fresh)
        return fresh

    def interfere(gradients: int, updates: int, seconds: float) -> None:
        if gradients > 20 and len(started) == 4:
            engine.kill(started.pop())

    monkeypatch.setattr(engine, "start", watch)
    with pytest.raises(RunFailed, match=r"^the process of learner 2 has ended, but no crash was planned"):
        Driver(engine, timed({"kind": "async"}, {"stop": {"gradients": 100_000}}), pacing=DrawnPacing).record(interfere)


@pytest.mark.parametrize(
    ("broken", "key", "reason"),
    [
        ({"degraded_links": [{"link": "server", "at": "1 s", "lasting": "1 s", "factor": 0.5}]}, "degraded_links", "slowed"),
        ({"message_loss": {"probability": 0.1, "resend_after": "1 ms"}}, "message_loss", "sends them again"),
        ({"crashes": {"mtbf": "2 s", "mttr": "1 s"}}, "crashes", "every 1 s on average"),
    ],
)
def test_what_cannot_be_made_is_refused_with_its_reason(broken: dict[str, Any], key: str, reason: str) -> None:
    (found,) = list_obstacles(timed({"kind": "async"}, faults(**broken)))
    assert found.path == ("cluster", "faults", key)
    assert reason in found.message
