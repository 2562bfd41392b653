"""Processes that end by themselves, or that are there and do not answer: the run ends, and says which process it was.

A frozen process is as one that was stopped, or whose machine is cut off: its engine does not tell that it is lost. It is
thawed after a while, so that a run that waits for it ends, and its test fails.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from simasgd.errors import RunFailed
from simasgd.scenario.schema import Scenario
from simasgd.testbed.driver import patience
from simasgd.testbed.driver.driver import AbstractDriver, Interrupted
from simasgd.testbed.driver.selection import make_driver
from simasgd.testbed.engine.abstract import AbstractEngine, Process
from simasgd.testbed.system.pacing import DrawnPacing
from tests.build import IS_AT_LENGTH, TIMING, scenario
from tests.testbed.recorded import check_conservation
from tests.testbed.threads import ThreadEngine, ThreadProcess

_THAW = 20.0  # seconds
SERVER, CENTRE = 0, 3  # places among the processes; without a server learners come first
SILENT = [
    ("learner 2", "easgd-sync", 2),
    ("the centre", "easgd-sync", CENTRE),
    ("learner 2", "hardsync", 3),
    ("the parameter server", "async", SERVER),
    ("learner 2", "async", 3),
    ("learner 2", "easgd", 2),
    ("learner 2", "all-reduce", 2),
    ("learner 2", "gossip-pull", 2),
    ("the centre", "easgd", CENTRE),
]
TRIED = SILENT if IS_AT_LENGTH else SILENT[:4]
KILLED = [("learner 2", "easgd-sync", 2), ("learner 2", "easgd", 2), ("the centre", "easgd-sync", CENTRE)]


def paced(kind: str, gradients: int, *changes: dict[str, Any]) -> Scenario:
    """Return a scenario of three learners whose mini-batches take 2 ms on average."""
    cluster = {"learners": 3, "compute": {"per_batch": "2 ms", "per_sample": "0 s", "cv": 0.5}}
    return scenario(TIMING, {"cluster": cluster, "protocol": kind, "stop": {"gradients": gradients}}, *changes)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for answers for a second only, and for half a second if the user has ended the run."""
    monkeypatch.setattr(patience, "_PATIENCE", 1.0)
    monkeypatch.setattr(patience, "_ROLL_CALL", 0.5)
    monkeypatch.setattr(patience, "_HURRY", 0.5)


@pytest.fixture
def engine_of_threads() -> Iterator[ThreadEngine]:
    with ThreadEngine() as engine:
        yield engine


def freezing(process: Callable[[], ThreadProcess], then: Callable[[], None] = lambda: None) -> Callable[..., None]:
    """Return what freezes a process after 20 gradients, does something `then`, and thaws the process much later."""
    frozen: list[threading.Timer] = []

    def interfere(gradients: int, updates: int, seconds: float) -> None:
        if gradients > 20 and not frozen:
            process().freeze()
            frozen.append(threading.Timer(_THAW, process().thaw))
            frozen[0].daemon = True
            frozen[0].start()
            then()

    return interfere


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(("role", "kind", "place"), TRIED)
def test_a_process_that_does_not_answer_fails_the_run(
    engine_of_threads: ThreadEngine, role: str, kind: str, place: int
) -> None:
    """Without a server all others wait for learner 2 or for the centre; under async the two other learners go on."""
    gradients = 20_000 if kind == "async" else 3_000
    driver = make_driver(engine_of_threads, paced(kind, gradients), pacing=DrawnPacing)
    with pytest.raises(RunFailed, match=rf"^the process of {role} has not ended, but has not answered for \d"):
        driver.record(freezing(lambda: engine_of_threads.processes[place]))
    assert not any(process.is_alive for process in engine_of_threads.processes)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(("role", "kind", "place"), TRIED)
def test_the_user_can_end_a_run_of_which_a_process_does_not_answer(
    engine_of_threads: ThreadEngine, monkeypatch: pytest.MonkeyPatch, role: str, kind: str, place: int
) -> None:
    """Only a server that answers has all that was recorded. Otherwise a part is missing, and nothing is kept."""
    monkeypatch.setattr(patience, "_PATIENCE", 1e6)
    driver: AbstractDriver = make_driver(engine_of_threads, paced(kind, 3_000), pacing=DrawnPacing)
    later = threading.Timer(0.5, driver.interrupt)
    with pytest.raises(Interrupted) as raised:
        driver.record(freezing(lambda: engine_of_threads.processes[place], later.start))
    assert (raised.value.recorded is not None) == (role == "learner 2" and kind in ("hardsync", "async"))
    assert not any(process.is_alive for process in engine_of_threads.processes)


@pytest.mark.parametrize(("kind", "place"), [one[1:] for one in TRIED])
def test_a_process_that_answers_late_is_waited_for(engine_of_threads: ThreadEngine, kind: str, place: int) -> None:
    def thaw_soon() -> None:
        threading.Timer(1.0, lambda: engine_of_threads.processes[place].thaw()).start()

    driver = make_driver(engine_of_threads, paced(kind, 90), pacing=DrawnPacing)
    recorded = driver.record(freezing(lambda: engine_of_threads.processes[place], thaw_soon))
    check_conservation(recorded)
    assert recorded.timing.clock.hang is None
    assert recorded.timing.clock.gradients_applied >= 90


@pytest.mark.parametrize("count", [1, 2])
def test_a_centre_that_waits_for_ever_ends_the_run(engine_of_threads: ThreadEngine, count: int) -> None:
    """A learner computes for ever. So the centre lacks its difference, and the others wait for the centre's next move."""
    speeds = [1.0] * (3 - count) + [1e-13] * count
    chosen = paced("easgd-sync", 90, {"protocol": {"kind": "easgd-sync", "period": 2}, "cluster": {"speeds": speeds}})
    recorded = make_driver(engine_of_threads, chosen, pacing=DrawnPacing).record()
    check_conservation(recorded)
    hang = recorded.timing.clock.hang
    assert hang is not None
    assert "mini-batches that never end" in hang.reason
    assert all(f"{number}" in hang.reason for number in range(3 - count, 3))
    assert recorded.timing.clock.gradients_applied < 90


@pytest.mark.kills
@pytest.mark.parametrize(("role", "kind", "place"), KILLED if IS_AT_LENGTH else KILLED[:1])
def test_a_killed_process_without_a_server_is_named(
    engine: AbstractEngine, monkeypatch: pytest.MonkeyPatch, role: str, kind: str, place: int
) -> None:
    """Its end is heard of by whoever asks it first: the driver itself, or another role."""
    started: list[Process] = []
    start = engine.start

    def watch(count: int) -> Sequence[Process]:
        started.extend(fresh := start(count))
        return fresh

    def interfere(gradients: int, updates: int, seconds: float) -> None:
        if gradients > 20 and len(started) == 4:
            engine.kill(started[place])
            started.clear()

    monkeypatch.setattr(engine, "start", watch)
    driver = make_driver(engine, paced(kind, 10_000_000), pacing=DrawnPacing)
    with pytest.raises(RunFailed, match=rf"^the process of {role} has ended, but no crash was planned"):
        driver.record(interfere)
