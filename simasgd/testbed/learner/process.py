"""The process of a learner."""

from __future__ import annotations

import threading
from typing import final

from simasgd.cluster.clock.traces import EndOfTrace
from simasgd.cluster.job import Job
from simasgd.protocols.base import AbstractServerProtocol
from simasgd.scenario.schema import Scenario
from simasgd.testbed.engine.abstract import Process
from simasgd.testbed.learner.copies import Copies
from simasgd.testbed.learner.learner import RealLearner
from simasgd.testbed.system.clock import Clock, reading
from simasgd.testbed.system.gradients import make_gradients
from simasgd.testbed.system.messages import Report, Stopped
from simasgd.testbed.system.pacing import make_pacing
from simasgd.testbed.system.role import play


@final
class LearnerProcess:
    """Learner number `number`, whose role runs in one thread. `paced` says that mini-batches last as the law says."""

    def __init__(self, scenario: Scenario, number: int, server: Process, paced: bool) -> None:
        self._scenario, self._number, self._server, self._paced = scenario, number, server, paced
        self._gradients = make_gradients(scenario, number)
        self._stop = threading.Event()

    def run(self, begin: float, start: float, life: int = 0, computed: int = 0, pushed: int = 0) -> Report | None:
        """Run the role from `start` (s) on until it ends or is stopped; return the last report.

        `begin` is the reading of this machine's clock at time 0. The report is None if the learner left before the end.
        """
        scenario, clock = self._scenario, Clock(begin)
        protocol = scenario.protocol
        assert isinstance(protocol, AbstractServerProtocol)
        if self._stop.wait(max(0.0, start - clock.now)):
            raise Stopped
        learner = RealLearner(
            self._number,
            life,
            computed,
            pushed,
            self._server,
            Copies(self._gradients),
            make_pacing(scenario, self._number, computed + life, paced=self._paced),
            clock,
            scenario.cluster_seed,
            Job.of(scenario).gradients_per_epoch,
            self._stop,
        )
        try:
            play(protocol.learn(learner))
            self._server.call("leave", learner.end())
        except EndOfTrace:
            self._server.call("leave", learner.end())
        except Stopped:
            return learner.end()
        return None

    def stop(self) -> None:
        """End all waiting of the role."""
        self._stop.set()

    def read_clock(self) -> float:
        """Return the reading of this machine's clock (s)."""
        return reading()
