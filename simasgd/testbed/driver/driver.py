"""One recorded run: its processes start, play their roles, and hand in what they recorded."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, final

from simasgd.cluster.cast.start import start_times
from simasgd.cluster.job import Job
from simasgd.errors import RunFailed
from simasgd.scenario.schema import Scenario
from simasgd.tape.tape import staleness_counts
from simasgd.testbed.driver.faults import Comeback, CrashBook, Event, Schedule, list_outages
from simasgd.testbed.driver.recording import build_clock
from simasgd.testbed.engine.abstract import About, AbstractEngine, Answer, Process, ProcessLost
from simasgd.testbed.learner.process import LearnerProcess
from simasgd.testbed.server.process import ServerProcess, ServerRecord
from simasgd.testbed.system.messages import Report, Stopped
from simasgd.testbed.system.pacing import Lateness
from simasgd.testbed.system.parcels import Parcel
from simasgd.timing import Timing

_DELAY = 0.2  # seconds until the begin, in which all processes hear of it
_POLL = 0.25  # seconds
_PATIENCE = 120.0  # seconds for a learner to hand in its report
Progress = Callable[[int, float], None]


class Recorded(NamedTuple):
    """A recorded run: its timing, with the tape, and the weights that the server ended with."""

    timing: Timing
    final: Parcel
    late: Lateness
    processes: Sequence[About]


@final
class Driver:
    """Runs one scenario with a parameter server on the processes of an engine."""

    def __init__(self, engine: AbstractEngine, scenario: Scenario, *, paced: bool) -> None:
        self._engine, self._scenario, self._paced = engine, scenario, paced
        self._learners = scenario.cluster.learners
        self._crashes = CrashBook()
        self._running: dict[int, tuple[Process, Answer]] = {}
        self._lost: list[Process] = []

    def record(self, progress: Progress = lambda gradients, seconds: None) -> Recorded:
        """Run the scenario and return its record. Raises RunFailed if a process fails."""
        scenario, began = self._scenario, time.perf_counter()
        limit = scenario.stop.simulated_time
        outages = list_outages(scenario, float("inf") if limit is None else limit)
        comebacks = [outage for outage in outages if outage.back != float("inf")]
        processes = self._engine.start(1 + self._learners + len(comebacks))
        server, *others = processes
        placed = [self._engine.place(server, ServerProcess, scenario)]
        numbers = [*range(self._learners), *(outage.learner for outage in comebacks)]
        placed += [
            self._engine.place(process, LearnerProcess, scenario, number, server, self._paced)
            for process, number in zip(others, numbers, strict=True)
        ]
        about = [answer.get() for answer in placed]
        job = Job.of(scenario)
        begin: float = server.call("begin", _DELAY, len(comebacks))
        starts = start_times(scenario.cluster, job.mean_cycles, scenario.cluster_seed)
        for number, start in enumerate(starts):
            self._run(number, others[number], begin, start)
        spares = dict(zip(comebacks, others[self._learners :], strict=True))
        schedule = Schedule(self._plan(server, outages, spares, begin), begin)
        try:
            record = self._wait(server, schedule, progress)
        finally:
            schedule.cancel()
            reports = self._collect()
        self._engine.free([process for process in processes if process not in self._lost])
        clock = build_clock(scenario, record, reports, self._crashes.record, record.left)
        tape = record.recorder.tape(job.mini_batch)
        counts = staleness_counts(tape.staleness), record.recorder.age_counts()
        late = [*record.late, *(report.late for report in reports.values())]
        return Recorded(
            Timing(clock, tape, *counts, time.perf_counter() - began),
            record.final,
            _worst(late, self._learners, reports),
            about,
        )

    def _run(self, number: int, process: Process, begin: float, start: float, *state: int) -> None:
        self._running[number] = process, process.ask("run", begin, start, *state)

    def _plan(self, server: Process, outages: Sequence[Comeback], spares: dict[Comeback, Process], begin: float) -> list[Event]:
        events = []
        for outage in outages:
            events.append(Event(outage.crash, partial(self._crash, server, outage)))
            if outage in spares:
                events.append(Event(outage.back, partial(self._rejoin, server, outage, spares[outage], begin)))
        for pause in self._scenario.cluster.faults.server_pauses:
            events.append(Event(pause.at, partial(server.call, "pause", True)))
            events.append(Event(pause.at + pause.lasting, partial(server.call, "pause", False)))
        return events

    def _crash(self, server: Process, outage: Comeback) -> None:
        process, _ = self._running.pop(outage.learner)
        self._engine.kill(process)
        self._lost.append(process)
        server.call("lose", outage.learner)
        self._crashes.crash(outage.learner, outage.crash, for_good=outage.back == float("inf"))

    def _rejoin(self, server: Process, outage: Comeback, spare: Process, begin: float) -> None:
        state = server.call("welcome", outage.learner)
        self._run(outage.learner, spare, begin, 0.0, *state)
        self._crashes.rejoin(outage.learner, outage.back)

    def _wait(self, server: Process, schedule: Schedule, progress: Progress) -> ServerRecord:
        ended = server.ask("wait")
        while not ended.wait(_POLL):
            progress(*server.call("progress"))
            if schedule.error is not None:
                raise RunFailed(f"a fault could not be made: {schedule.error}")
            for number, (_, answer) in list(self._running.items()):
                if answer.wait(0.0):
                    self._look_at(number, answer)
        record: ServerRecord = ended.get()
        return record

    def _look_at(self, number: int, answer: Answer) -> None:
        """Raise RunFailed if a learner's role has failed."""
        try:
            answer.get()
        except Stopped:
            return
        except ProcessLost as error:
            raise RunFailed(f"the process of learner {number} has ended: {error}") from None

    def _collect(self) -> dict[int, Report]:
        """Stop the learners, and return their last reports."""
        for process, _ in self._running.values():
            process.ask("stop")
        reports = {}
        for number, (_, answer) in self._running.items():
            if not answer.wait(_PATIENCE):
                raise RunFailed(f"learner {number} does not stop")
            try:
                report = answer.get()
            except (Stopped, ProcessLost):
                continue
            if report is not None:
                reports[number] = report
        return reports


def _worst(late: Sequence[Lateness], learners: int, reports: dict[int, Report]) -> Lateness:
    """Return the number of late mini-batches and the largest excess; a learner's last report replaces its earlier ones."""
    own = [reports[number].late if number in reports else late[number] for number in range(learners)]
    return Lateness(sum(one.number for one in own), max((one.excess for one in own), default=0.0))
