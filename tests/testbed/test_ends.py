"""Runs that end before their stop: by a mistake in a protocol, by the user, or by the loss of a process."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import pytest

from simasgd.errors import ProtocolFault
from simasgd.recording import EndedEarly, is_whole, record
from simasgd.report.page import write_study
from simasgd.results.study import Study
from simasgd.scenario.schema import Scenario
from simasgd.testbed.driver.driver import Driver, Interrupted
from simasgd.testbed.ending import EndRequest
from simasgd.testbed.system.pacing import DrawnPacing
from tests.build import TIMING, scenario
from tests.protocols.foreign.mistakes import MISTAKES, server_protocol
from tests.testbed.recorded import check_conservation
from tests.testbed.threads import ThreadEngine

COMPUTE = {"cluster": {"compute": {"per_batch": "1 ms", "per_sample": "0 s", "distribution": "constant"}}}


def with_protocol(source: str, folder: Path) -> Scenario:
    """Return a scenario under a protocol in its own file."""
    path = folder / "mine.py"
    path.write_text(source, encoding="utf-8")
    names: dict[str, Any] = {"__name__": "mine"}
    exec(compile(source, str(path), "exec", dont_inherit=True), names)
    return scenario(TIMING, COMPUTE).model_copy(update={"protocol": names["Mine"]()})


@pytest.mark.parametrize(
    "label",
    [
        "push thrown away",
        "keep_up thrown away",
        "collect forgotten",
        "attempt not waited for",
        "yield for yield from",
        "yields a number",
        "learner returns",
        "server returns",
        "in two updates",
        "pushed twice",
        "no role",
        "an error of its own",
    ],
)
def test_a_mistake_in_a_protocol_names_file_and_line_as_in_the_simulator(label: str, tmp_path: Path) -> None:
    source, role, message = MISTAKES[label]
    places = [number for number, line in enumerate(source.splitlines(), start=1) if line.endswith("HERE")]
    engine = ThreadEngine()
    with pytest.raises(ProtocolFault, match=message) as raised:
        Driver(engine, with_protocol(source, tmp_path), pacing=DrawnPacing).record()
    found = re.fullmatch(r"(.*):(\d+): protocol 'mine', (.*)", str(raised.value))
    assert found is not None
    place, line, text = found.groups()
    assert place == str(tmp_path / "mine.py")
    assert int(line) in places
    assert text.startswith(f"{role}: ")
    assert not any(process.is_alive for process in engine.processes)


def test_a_protocol_of_another_package_runs(tmp_path: Path) -> None:
    """The mistakes above must not be reported for another reason; and nothing is counted that grows with the run."""
    recorded = Driver(ThreadEngine(), with_protocol(server_protocol(), tmp_path), pacing=DrawnPacing).record()
    check_conservation(recorded)
    assert recorded.timing.clock.gradients_applied == 400


def endless(protocol: str) -> Scenario:
    return scenario(TIMING, COMPUTE, {"protocol": protocol, "stop": {"gradients": 10_000_000}})


@pytest.mark.parametrize("protocol", ["hardsync", "async"])
def test_a_run_that_the_user_ends_keeps_what_was_recorded(protocol: str) -> None:
    engine = ThreadEngine()
    driver = Driver(engine, endless(protocol), pacing=DrawnPacing)

    def interfere(gradients: int, updates: int, seconds: float) -> None:
        if gradients > 50:
            threading.Thread(target=driver.interrupt).start()

    with pytest.raises(Interrupted) as raised:
        driver.record(interfere)
    recorded = raised.value.recorded
    assert recorded is not None
    check_conservation(recorded)
    clocked, tape = recorded.timing.clock, recorded.timing.tape
    assert tape is not None
    assert clocked.hang is None
    assert tape.num_gradients > 50
    assert tape.stepped_at[-1] <= clocked.simulated_seconds
    assert not any(process.is_alive for process in engine.processes)


def test_ctrl_c_does_the_same() -> None:
    def interfere(gradients: int, updates: int, seconds: float) -> None:
        if gradients > 50:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as raised:
        Driver(ThreadEngine(), endless("async"), pacing=DrawnPacing).record(interfere)
    assert raised.value.recorded is not None
    check_conservation(raised.value.recorded)


def test_nothing_is_kept_of_a_run_that_had_not_begun() -> None:
    driver = Driver(ThreadEngine(), endless("async"), pacing=DrawnPacing)
    driver.interrupt()
    with pytest.raises(Interrupted) as raised:
        driver.record()
    assert raised.value.recorded is None


def test_a_study_that_the_user_ends_keeps_the_runs_so_far_and_its_page_is_drawn(tmp_path: Path) -> None:
    """The first variant is whole, the second one says that it ended early, and the third one is not there."""
    engine, ending = ThreadEngine(), EndRequest()
    variants = {name: {"protocol": "async"} for name in ("whole", "ended", "missing")}
    variants["ended"] |= {"stop": {"gradients": 10_000_000}}
    chosen = scenario(TIMING, COMPUTE, {"variants": variants})

    def interfere(phase: str, fraction: float) -> None:
        if len(engine.processes) > 5 and fraction > 0.33334:
            threading.Thread(target=ending.ask, daemon=True).start()

    with pytest.raises(EndedEarly) as raised:
        record(chosen, engine, pacing=DrawnPacing, progress=interfere, ending=ending)
    study = raised.value.study
    assert study is not None
    assert list(study.runs) == ["whole", "ended"]
    assert study.runs["whole"][0].summary.warnings == ()
    assert "the user ended the run at " in study.runs["ended"][0].summary.warnings[0]
    assert study.runs["ended"][0].summary.stopped_by == "interrupt"
    assert not is_whole(study, chosen)
    study.save(tmp_path)
    assert not is_whole(Study.load(tmp_path), study.scenario)
    write_study(Study.load(tmp_path), tmp_path)
    assert "the user ended the run at " in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_an_end_before_the_first_run_waits_for_nothing() -> None:
    ending = EndRequest()
    ending.ask()
    with pytest.raises(EndedEarly) as raised:
        record(endless("async"), ThreadEngine(), pacing=DrawnPacing, ending=ending)
    assert raised.value.study is None


def test_a_run_that_fails_leaves_the_runs_before_it(tmp_path: Path) -> None:
    label = "an error of its own"
    broken = with_protocol(MISTAKES[label][0], tmp_path)
    chosen = scenario(TIMING, COMPUTE, {"repeats": 2, "protocol": "async"})
    variants = {"fine": chosen, "broken": broken}
    both = chosen.model_copy(update={"variants": variants, "repeats": 1})
    kept: list[Study] = []
    with pytest.raises(ProtocolFault):
        record(both, ThreadEngine(), pacing=DrawnPacing, keep=kept.append)
    assert [{name: [run.seed for run in runs] for name, runs in study.runs.items()} for study in kept] == [
        {"fine": [0]},
        {"fine": [0, 1]},
    ]
    assert is_whole(kept[1], chosen.model_copy(update={"variants": {"fine": chosen}}))
    assert not is_whole(kept[0], chosen.model_copy(update={"variants": {"fine": chosen}}))
    assert not is_whole(kept[1], both)
