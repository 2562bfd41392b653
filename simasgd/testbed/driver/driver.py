"""One recorded run: its processes start, play their roles, and hand in what they recorded."""

from __future__ import annotations

import abc
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, final

from simasgd.cluster.cast.start import start_times
from simasgd.cluster.job import Job
from simasgd.errors import RunFailed
from simasgd.scenario.schema import Scenario
from simasgd.tape.tape import staleness_counts
from simasgd.testbed.driver.clock_offsets import Clocks
from simasgd.testbed.driver.faults import ProcessKill, ProcessRestart, count_events, find_absent, list_events
from simasgd.testbed.driver.patience import NoAnswer, Patience, RollCall
from simasgd.testbed.driver.recording import build_clock
from simasgd.testbed.driver.run_processes import Running, RunProcesses, name_learner, tell_loss
from simasgd.testbed.driver.schedule import ActionSchedule, TimedAction
from simasgd.testbed.engine.abstract import AbstractEngine, ProcessInfo, ProcessLost
from simasgd.testbed.engine.machine import this_machine
from simasgd.testbed.server.process import ServerRecord
from simasgd.testbed.system.clock import RunClock, measure_offset
from simasgd.testbed.system.messages import Report, RoleStopped
from simasgd.testbed.system.pacing import AbstractPacing, Lateness
from simasgd.testbed.system.parcels import Parcel
from simasgd.timing import Timing

_DELAY = 0.2  # seconds until the begin, in which all processes hear of it
_POLL = 0.25  # seconds
_PATIENCE = 120.0  # seconds for the learners to hand in their reports
_HURRY = 5.0  # seconds for the same, when the user has ended the run
ReportCounts = Callable[[int, int, float], None]
"""Called now and then with the numbers of applied gradients and of updates, and the seconds of the run."""


class RecordedRun(NamedTuple):
    """A recorded run: its timing, with the tape, and the weights that the run ended with.

    Without a parameter server, `final` is the centre's model or the mean of the learners', and `models` has the model that
    each holder had at the end: the learners, then the centre.
    """

    timing: Timing
    final: Parcel
    late: Lateness
    """Mini-batches that took longer than the times drawn for them."""
    late_faults: Lateness
    """Crashes and returns that were made over 0.1 s after their times."""
    processes: Sequence[ProcessInfo]
    models: Sequence[Parcel] = ()
    clock_bound: float = 0.0
    """The largest error (s) of times of one machine against those of another; 0 on one machine."""


class Interrupted(KeyboardInterrupt):
    """The user has ended a run before its stop. `recorded` is what was recorded.

    It is None if no update was made, or if a process does not answer, whose part of the record is missing.
    """

    def __init__(self, recorded: RecordedRun | None) -> None:
        super().__init__()
        self.recorded = recorded


class AbstractDriver(abc.ABC):
    """Runs one scenario on the processes of an engine. Its `pacing` says how long mini-batches last."""

    def __init__(self, engine: AbstractEngine, scenario: Scenario, pacing: type[AbstractPacing]) -> None:
        self._engine, self._scenario, self._pacing = engine, scenario, pacing
        self._learners = scenario.cluster.learners
        self._is_interrupted = threading.Event()
        self._is_cut_short = False
        self._patience = Patience(self._is_interrupted)

    def interrupt(self) -> None:
        """Let `record` end as soon as it can, with Interrupted. May be called in any thread."""
        self._is_interrupted.set()

    @abc.abstractmethod
    def record(self, progress: ReportCounts = lambda gradients, updates, seconds: None) -> RecordedRun:
        """Run the scenario and return its record.

        Raises RunFailed if a process fails or does not answer, and Interrupted after `interrupt` or Ctrl-C. No process is
        left busy.
        """

    def _refuse_to_begin(self) -> None:
        if self._is_interrupted.is_set():
            raise Interrupted(None)

    def _explain(self, silence: NoAnswer) -> Interrupted | RunFailed:
        """Return the error of a run of which a process does not answer: Interrupted if the user has ended the run."""
        return Interrupted(None) if self._is_interrupted.is_set() else RunFailed(str(silence))

    def _require_whole(self, recorded: RecordedRun) -> None:
        """Raise Interrupted if the user has ended the run."""
        if self._is_cut_short:
            raise Interrupted(recorded if recorded.timing.clock.updates else None)


@final
class Driver(AbstractDriver):
    """Runs one scenario with a parameter server on the processes of an engine."""

    def record(self, progress: ReportCounts = lambda gradients, updates, seconds: None) -> RecordedRun:
        began = time.perf_counter()
        crew = RunProcesses(self._engine, self._scenario, self._pacing, self._patience)
        try:
            about = self._until_ready(crew)
            recorded = self._run(crew, about, began, progress)
            self._require_whole(recorded)
            crew.free()
        except ProcessLost as error:  # a learner's is dealt with where it is noticed
            raise RunFailed(f"the process of the parameter server has ended: {error}") from None
        except NoAnswer as silence:
            raise self._explain(silence) from None
        finally:
            crew.discard()
        return recorded

    def _until_ready(self, crew: RunProcesses) -> list[ProcessInfo]:
        try:
            return crew.wait(self._refuse_to_begin)
        except KeyboardInterrupt:
            raise Interrupted(None) from None

    def _run(self, crew: RunProcesses, about: Sequence[ProcessInfo], began: float, progress: ReportCounts) -> RecordedRun:
        scenario, job = self._scenario, Job.of(self._scenario)
        absent = find_absent(scenario)
        begin: float = crew.server.call("begin", _DELAY, count_events(scenario), absent)
        starts = start_times(scenario.cluster, job.mean_cycles, scenario.cluster_seed)
        for learner, start in enumerate(starts):
            if learner not in absent:
                crew.begin(learner, begin, start)
        schedule = ActionSchedule(self._plan(crew, begin), RunClock(begin - self._measure_own_offset(crew, about[0])))
        try:
            record = self._wait(crew, schedule, progress)
        finally:
            schedule.cancel()
        reports = self._collect(crew)
        record = record._replace(spans=crew.server.call("hand_in"))
        crew.measure_clocks()
        record, reports = _on_one_clock(crew.clocks, record, reports)
        clock = build_clock(scenario, record, reports)
        tape = crew.clocks.correct_tape(record.recorder.tape(job.mini_batch), record.end)
        counts = staleness_counts(tape.staleness), record.recorder.age_counts()
        return RecordedRun(
            Timing(clock, tape, *counts, time.perf_counter() - began),
            record.final,
            _worst(record.late, reports),
            schedule.late,
            about,
            clock_bound=crew.clocks.bound(record.end),
        )

    def _measure_own_offset(self, crew: RunProcesses, server: ProcessInfo) -> float:
        """Return what the server's clock shows more than that of this process (s)."""
        if this_machine().boot == server.machine.boot:
            return 0.0
        return measure_offset(lambda: crew.server.call("read_clock")).seconds

    def _plan(self, crew: RunProcesses, begin: float) -> Iterator[TimedAction]:
        """Yield the faults until the end of the run."""
        limit = self._scenario.stop.simulated_time
        for event in list_events(self._scenario):
            if limit is not None and event.at >= limit:
                return
            match event:
                case ProcessKill():
                    yield TimedAction(event.at, partial(self._crash, crew, event))
                case ProcessRestart():
                    welcome = partial(crew.server.call, "welcome", event.learner, event.at)
                    yield TimedAction(event.at, partial(crew.revive, event.learner, event.at, begin, welcome))

    def _crash(self, crew: RunProcesses, crash: ProcessKill) -> None:
        crew.kill(crash.learner)
        crew.server.call("lose", crash.learner, crash.at, crash.for_good)

    def _wait(self, crew: RunProcesses, schedule: ActionSchedule, progress: ReportCounts) -> ServerRecord:
        ended, roll = crew.server.ask("wait"), RollCall()
        try:
            while not ended.wait(_POLL):
                progress(*crew.server.call("progress"))
                if schedule.error is not None:
                    raise schedule.error
                for learner, running in list(crew.running.items()):
                    if running.answer.wait(0.0):
                        self._look_at(crew, learner, running)
                roll.look({name_learner(learner): running.process for learner, running in list(crew.running.items())})
                if self._is_interrupted.is_set():
                    self._is_cut_short = crew.server.call("end")
        except KeyboardInterrupt:
            self.interrupt()
            self._is_cut_short = crew.server.call("end")
        record: ServerRecord = self._patience.get(ended, "the parameter server")
        return record

    def _look_at(self, crew: RunProcesses, learner: int, running: Running) -> None:
        """Raise RunFailed if a learner's process is lost; raise the error of its role."""
        try:
            running.answer.get()
        except RoleStopped:
            return
        except ProcessLost as error:
            crew.server.call("progress")  # the learner may have lost the server
            if crew.running.get(learner) is running:  # otherwise the loss was planned
                raise RunFailed(tell_loss(name_learner(learner), error)) from None

    def _collect(self, crew: RunProcesses) -> dict[int, Report]:
        """Stop the learners, and return their last reports."""
        running = dict(crew.running)
        for process, *_ in running.values():
            process.ask("stop")
        until = time.monotonic() + (_HURRY if self._is_cut_short else _PATIENCE)
        reports = {}
        for learner, (_, answer, _) in running.items():
            if not answer.wait(max(0.0, until - time.monotonic())):
                if self._is_cut_short:
                    continue
                raise RunFailed(f"{name_learner(learner)} does not stop")
            try:
                report = answer.get()
            except (RoleStopped, ProcessLost):
                continue
            if report is not None:
                reports[learner] = report
        return reports


def _on_one_clock(clocks: Clocks, record: ServerRecord, reports: dict[int, Report]) -> tuple[ServerRecord, dict[int, Report]]:
    """Return the spans of all learners on the server's clock."""
    spans = [clocks.correct_spans(learner, one, record.end) for learner, one in enumerate(record.spans)]
    last = {
        learner: report._replace(spans=tuple(clocks.correct_spans(learner, report.spans, record.end)))
        for learner, report in reports.items()
    }
    return record._replace(spans=spans), last


def _worst(late: Sequence[Lateness], reports: dict[int, Report]) -> Lateness:
    """Return the number of late mini-batches and the largest excess; a learner's last report replaces its earlier ones."""
    own = [reports[number].late if number in reports else one for number, one in enumerate(late)]
    return Lateness(sum(one.number for one in own), max((one.excess for one in own), default=0.0))
