"""The process of a learner."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import final

from simasgd.cluster.clock.traces import EndOfTrace
from simasgd.cluster.job import Job
from simasgd.cluster.supervision.supervise import supervise_in_real_time
from simasgd.protocols.base import AbstractServerProtocol
from simasgd.scenario.schema import Scenario
from simasgd.testbed.engine.abstract import Process
from simasgd.testbed.learner.copies import Copies
from simasgd.testbed.learner.learner import RealLearner
from simasgd.testbed.system.clock import Offset, RunClock, bounded, measure_offset, reading
from simasgd.testbed.system.gradients import make_gradients
from simasgd.testbed.system.messages import NOTHING, LearnerPast, Report, RoleStopped
from simasgd.testbed.system.pacing import AbstractPacing
from simasgd.testbed.system.role import play


@final
class LearnerProcess:
    """Learner number `number`, whose role runs in one thread. `pacing` says how long mini-batches last."""

    def __init__(self, scenario: Scenario, number: int, server: Process, pacing: type[AbstractPacing]) -> None:
        assert isinstance(scenario.protocol, AbstractServerProtocol)
        self._protocol = supervise_in_real_time(scenario.protocol)
        self._scenario, self._number, self._server, self._pacing = scenario, number, server, pacing
        self._gradients = make_gradients(scenario, number)
        self._stop = threading.Event()
        self.read: Callable[[], float] = reading  # the machine's clock

    def run(self, begin: float, start: float, past: LearnerPast = NOTHING) -> Report | None:
        """Run the role from `start` (s) on until it ends or is stopped; return the last report.

        `begin` is the reading of this machine's clock at time 0. The report is None if the learner left before the end.
        """
        scenario, clock = self._scenario, RunClock(begin, self.read)
        if self._stop.wait(bounded(start - clock.now)):
            raise RoleStopped
        learner = RealLearner(
            self._number,
            past,
            self._server,
            Copies(self._gradients),
            self._pacing.of(scenario, self._number, past.begun),
            clock,
            scenario.cluster_seed,
            Job.of(scenario).gradients_per_epoch,
            self._stop,
            may_crash=scenario.cluster.faults.makes_learners_leave,
        )
        try:
            play(self._protocol.learn(learner))
        except EndOfTrace:
            self._server.call("leave", learner.end())
        except RoleStopped:
            return learner.end()
        return None

    def answer(self) -> None:
        """Show that the process is there, whatever its role does."""

    def stop(self) -> None:
        """End all waiting of the role."""
        self._stop.set()

    def measure_offset(self) -> Offset:
        """Measure what the server's clock shows more than this machine's."""
        return measure_offset(lambda: self._server.call("read_clock"), self.read)
