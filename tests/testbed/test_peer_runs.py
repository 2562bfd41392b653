"""Runs without a parameter server, on threads in place of processes: how they go, and how they end."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simasgd.errors import ProtocolFault, RunFailed
from simasgd.scenario.schema import Scenario
from simasgd.testbed.driver.driver import Interrupted, RecordedRun
from simasgd.testbed.driver.selection import make_driver
from simasgd.testbed.system.pacing import DrawnPacing
from tests.build import TIMING, scenario
from tests.protocols.foreign.mistakes import MISTAKES, peer_protocol
from tests.testbed.peer_laws import LAWS, SECTIONS
from tests.testbed.recorded import check_conservation
from tests.testbed.test_ends import with_protocol
from tests.testbed.threads import ThreadEngine

COMPUTE = {"cluster": {"learners": 3, "compute": {"per_batch": "2 ms", "per_sample": "0 s", "cv": 0.5}}}


def peers(name: str, *changes: dict[str, Any]) -> Scenario:
    """Return a scenario without learning, whose messages are empty."""
    return scenario(TIMING, COMPUTE, {"protocol": SECTIONS[name], "stop": {"gradients": 90}}, *changes)


def run(chosen: Scenario) -> RecordedRun:
    """Record a scenario, and check that gradients are conserved."""
    engine = ThreadEngine(delay=1e-3)
    recorded = make_driver(engine, chosen, pacing=DrawnPacing).record()
    check_conservation(recorded)
    return recorded


@pytest.mark.parametrize("name", SECTIONS)
def test_a_protocol_keeps_its_law(name: str) -> None:
    recorded = run(peers(name))
    tape = recorded.timing.tape
    assert tape is not None
    assert tape.num_gradients == 90
    assert recorded.timing.clock.hang is None
    LAWS[name](tape)


@pytest.mark.parametrize("name", ["all-reduce", "local-sgd with states", "easgd-sync", "gossip-pull", "sgp"])
def test_a_lone_learner_meets_nobody(name: str) -> None:
    tape = run(peers(name, {"cluster": {"learners": 1}, "stop": {"gradients": 10}})).timing.tape
    assert tape is not None
    assert tape.num_gradients == 10
    assert not tape.staleness.any()
    assert tape.mixing is None or name == "easgd-sync" or tape.num_steps == 10


def test_a_run_stops_at_its_time() -> None:
    stop = {"stop": {"gradients": None, "simulated_time": "150 ms"}}
    recorded = run(peers("ad-psgd", stop))
    clock, tape = recorded.timing.clock, recorded.timing.tape
    assert tape is not None
    assert clock.simulated_seconds == 0.15
    assert tape.stepped_at[-1] <= 0.15
    assert [len(seconds) for seconds in (clock.learner_seconds, clock.thread_seconds["average"])] == [3, 3]
    for seconds in (*clock.learner_seconds, *clock.thread_seconds["average"]):
        assert sum(seconds) == pytest.approx(0.15)
    assert clock.spans is not None
    assert {track.name for track in clock.spans.tracks} >= {"learner 0", "learner 0 average"}


@pytest.mark.parametrize(("stop", "count"), [({"updates": 7}, 21), ({"gradients": 20}, 21), ({"epochs": 0.08}, 21)])
def test_all_reduce_stops_with_a_whole_step(stop: dict[str, Any], count: int) -> None:
    recorded = run(peers("all-reduce", {"stop": {"gradients": None, **stop}}))
    assert recorded.timing.clock.gradients_applied == count
    assert recorded.timing.clock.updates == count // 3


def test_learners_average_messages_of_full_size() -> None:
    """Each learner sends 2·(λ − 1)/λ payloads for a step of all-reduce, and each gossip fetches one payload."""
    chosen = peers("all-reduce")
    steps = 90 / 3
    assert run(chosen).timing.clock.bytes.sent == pytest.approx(steps * 3 * 4 / 3 * chosen.payload, rel=0.2)
    recorded = run(peers("gossip-pull"))
    mixing = recorded.timing.tape.mixing if recorded.timing.tape is not None else None
    assert mixing is not None
    fetched = np.count_nonzero(mixing.age >= 0)
    assert 0 <= recorded.timing.clock.bytes.sent / chosen.payload - fetched <= 3


def test_learners_that_wait_for_ever_end_the_run() -> None:
    """Every other learner waits at the next mean for a mini-batch that never ends."""
    recorded = run(peers("local-sgd", {"cluster": {"speeds": [1.0, 1.0, 1e-13]}}))
    hang = recorded.timing.clock.hang
    assert hang is not None
    assert "mini-batches that never end" in hang.reason
    assert recorded.timing.clock.gradients_applied == 6


def test_learners_of_which_one_computes_for_ever_go_on_without_it() -> None:
    recorded = run(peers("gossip-push", {"cluster": {"speeds": [1.0, 1.0, 1e-13]}}))
    assert recorded.timing.clock.hang is None
    assert recorded.timing.clock.learner_gradients.applied[2] == 0


@pytest.mark.parametrize("by", ["interrupt", "Ctrl-C"])
@pytest.mark.parametrize("name", ["all-reduce", "easgd", "overlap-sgp"])
def test_a_run_that_the_user_ends_keeps_what_was_recorded(name: str, by: str) -> None:
    engine = ThreadEngine()
    driver = make_driver(engine, peers(name, {"stop": {"gradients": 10_000_000}}), pacing=DrawnPacing)

    def interfere(gradients: int, updates: int, seconds: float) -> None:
        if gradients > 50 and by == "Ctrl-C":
            raise KeyboardInterrupt
        if gradients > 50:
            threading.Thread(target=driver.interrupt).start()

    with pytest.raises(Interrupted) as raised:
        driver.record(interfere)
    recorded = raised.value.recorded
    assert recorded is not None
    check_conservation(recorded)
    assert recorded.timing.clock.hang is None
    assert recorded.timing.tape is not None
    assert recorded.timing.tape.num_gradients > 50
    assert recorded.timing.tape.stepped_at[-1] <= recorded.timing.clock.simulated_seconds
    assert not any(process.is_alive for process in engine.processes)


def test_nothing_is_kept_of_a_run_that_had_not_begun() -> None:
    driver = make_driver(ThreadEngine(), peers("sgp"), pacing=DrawnPacing)
    driver.interrupt()
    with pytest.raises(Interrupted) as raised:
        driver.record()
    assert raised.value.recorded is None


def test_a_protocol_of_another_package_runs(tmp_path: Path) -> None:
    recorded = run(with_protocol(peer_protocol(), tmp_path))
    assert recorded.timing.clock.gradients_applied == 400


@pytest.mark.parametrize("label", [label for label in MISTAKES if "peer" in MISTAKES[label][0]])
def test_a_mistake_in_a_protocol_names_file_and_line_as_in_the_simulator(label: str, tmp_path: Path) -> None:
    source, role, message = MISTAKES[label]
    places = [number for number, line in enumerate(source.splitlines(), start=1) if line.endswith("HERE")]
    engine = ThreadEngine()
    with pytest.raises(ProtocolFault, match=message) as raised:
        make_driver(engine, with_protocol(source, tmp_path), pacing=DrawnPacing).record()
    found = re.fullmatch(r"(.*):(\d+): protocol 'mine', (.*)", str(raised.value))
    assert found is not None
    assert int(found.group(2)) in places
    assert found.group(3).startswith(f"{role}: ")
    assert not any(process.is_alive for process in engine.processes)


@pytest.mark.parametrize("name", ["gossip-pull", "easgd", "all-reduce", "local-sgd"])
def test_the_process_that_has_ended_is_blamed_and_none_that_called_it(name: str) -> None:
    """All roles end then, and learner 0 is looked at first."""
    engine = ThreadEngine()
    driver = make_driver(engine, peers(name, {"stop": {"gradients": 10_000_000}}), pacing=DrawnPacing)

    def interfere(gradients: int, updates: int, seconds: float) -> None:
        if gradients > 10:
            engine.processes[2].kill()

    with pytest.raises(RunFailed, match=r"^the process of learner 2 has ended, but no crash was planned"):
        driver.record(interfere)
