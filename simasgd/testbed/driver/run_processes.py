"""The processes of one run: the server, the learners, and spares for learners that come back."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import NamedTuple, final

from simasgd.errors import RunFailed
from simasgd.scenario.schema import Scenario
from simasgd.testbed.driver.clock_offsets import Clocks
from simasgd.testbed.driver.faults import ProcessRestart, count_spares, find_absent, list_returns
from simasgd.testbed.driver.patience import Patience, PatientProcess
from simasgd.testbed.engine.abstract import AbstractEngine, Process, ProcessInfo, ProcessLost, Reply
from simasgd.testbed.learner.process import LearnerProcess
from simasgd.testbed.server.process import ServerProcess
from simasgd.testbed.system.clock import Offset
from simasgd.testbed.system.messages import NOTHING, LearnerPast
from simasgd.testbed.system.pacing import AbstractPacing

_POLL = 0.25  # seconds


class Running(NamedTuple):
    """A learner's process, and the answer that comes when its role ends."""

    process: Process
    answer: Reply
    machine: str


class SpareProcess(NamedTuple):
    """A process that has become a learner, or is about to, whose role has not begun."""

    learner: int
    process: Process
    ready: Reply


@final
class RunProcesses:
    """The processes of one run.

    `server` is that of the parameter server, and `running` has those whose learners' roles have begun. Spares are
    started ahead: each is a learner that comes back, with everything compiled. When one is used the next one is started.
    `clocks` are those of the machines, as soon as the processes are there. Calls of a process have `patience`.
    """

    clocks: Clocks

    def __init__(self, engine: AbstractEngine, scenario: Scenario, pacing: type[AbstractPacing], patience: Patience) -> None:
        self._engine, self._scenario, self._pacing, self._patience = engine, scenario, pacing, patience
        self.running: dict[int, Running] = {}
        self._first: dict[int, SpareProcess] = {}
        self._returns: Iterator[ProcessRestart] = list_returns(scenario)
        self._spares: deque[SpareProcess] = deque()
        self._lock = threading.Lock()
        self._all: list[Process] = []
        self._server = self._start()
        self.server = PatientProcess(self._server, "the parameter server", patience)
        self._server_ready = engine.place(self._server, ServerProcess, scenario)
        absent = find_absent(scenario)
        for learner in range(scenario.cluster.learners):
            if learner not in absent:
                self._first[learner] = self._place(learner)
        for _ in range(count_spares(scenario)):
            self._add_spare()

    def wait(self, look: Callable[[], None]) -> list[ProcessInfo]:
        """Wait until all processes are ready, and tell where they are. `look` is called now and then, and may raise."""
        answers = [self._server_ready, *(spare.ready for spare in (*self._first.values(), *self._spares))]
        look()
        for answer in answers:
            while not answer.wait(_POLL):
                look()
        try:
            about = [answer.get() for answer in answers]
        except ProcessLost as error:
            raise RunFailed(f"a process has ended before the run began: {error}") from None
        self.clocks = Clocks(about[0].machine.boot)
        return about

    def begin(self, learner: int, begin: float, start: float) -> None:
        """Begin the role of a learner that starts `start` seconds after the server's clock shows `begin`."""
        self._run(self._first[learner], 0.0, begin, start, lambda: NOTHING)

    def kill(self, learner: int) -> None:
        """Kill a learner's process."""
        process = self.running.pop(learner).process
        try:
            self._engine.kill(process)
        except ProcessLost as error:
            raise RunFailed(tell_loss(name_learner(learner), error)) from None
        with self._lock:
            self._all.remove(process)

    def revive(self, learner: int, at: float, begin: float, welcome: Callable[[], LearnerPast]) -> None:
        """Begin the role of a learner that comes back `at` a time (s), on a spare, and start the next spare.

        `welcome` tells the server and returns the learner's past. The learner waits if the spare is not ready.
        """
        spare = self._spares.popleft()
        assert spare.learner == learner
        try:
            self._run(spare, at, begin, 0.0, welcome)
        except ProcessLost as error:
            raise RunFailed(tell_loss(name_learner(learner), error)) from None
        self._add_spare()

    def free(self) -> None:
        """Give back the processes that are ready for another run, and end the others."""
        with self._lock:
            unready = [spare.process for spare in self._spares if not spare.ready.wait(0.0)]
            self._engine.discard(unready)
            self._engine.free([process for process in self._all if process not in unready])
            self._all = []

    def discard(self) -> None:
        """End all processes."""
        with self._lock:
            self._engine.discard(self._all)
            self._all = []

    def _start(self) -> Process:
        (process,) = self._engine.start(1)
        with self._lock:
            self._all.append(process)
        return process

    def _place(self, learner: int) -> SpareProcess:
        process = self._start()
        ready = self._engine.place(process, LearnerProcess, self._scenario, learner, self._server, self._pacing)
        return SpareProcess(learner, process, ready)

    def _add_spare(self) -> None:
        coming = next(self._returns, None)
        if coming is not None:
            self._spares.append(self._place(coming.learner))

    def measure_clocks(self) -> None:
        """Measure the clocks of the machines whose learners run, at the end of the run."""
        for learner, running in self.running.items():
            with suppress(ProcessLost):
                self.clocks.measure_end(running.machine, self._measure_of(learner, running.process))

    def _measure_of(self, learner: int, process: Process) -> Callable[[], Offset]:
        return partial(PatientProcess(process, name_learner(learner), self._patience).call, "measure_offset")

    def _run(self, spare: SpareProcess, since: float, begin: float, start: float, welcome: Callable[[], LearnerPast]) -> None:
        machine, process = spare.ready.get().machine.boot, spare.process
        own = self.clocks.begin_at(machine, begin, self._measure_of(spare.learner, process))
        past = welcome()
        self.clocks.move(spare.learner, machine, since)
        self.running[spare.learner] = Running(process, process.ask("run", own, start, past), machine)


def name_learner(learner: int) -> str:
    """Return the role of a process of a learner, in words."""
    return f"learner {learner}"


def tell_loss(role: str, error: ProcessLost) -> str:
    """Return the sentence about a process that has ended by itself."""
    return f"the process of {role} has ended, but no crash was planned: {error}"
