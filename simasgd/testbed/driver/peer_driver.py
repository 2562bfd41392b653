"""One recorded run without a parameter server: learners with models of their own, or with a common one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, final

import numpy as np

from simasgd.cluster.cast.start import start_times
from simasgd.cluster.clock.sizes import size_of_each
from simasgd.cluster.job import Job
from simasgd.errors import RunFailed
from simasgd.protocols.base import AbstractPeerProtocol
from simasgd.scenario.schema import Scenario
from simasgd.tape.tape import staleness_counts
from simasgd.testbed.driver.driver import AbstractDriver, Interrupted, RecordedRun, ReportCounts
from simasgd.testbed.driver.machine_check import require_one_clock
from simasgd.testbed.driver.merging import Merger
from simasgd.testbed.driver.patience import NoAnswer
from simasgd.testbed.driver.peer_recording import History
from simasgd.testbed.driver.run_processes import name_learner, tell_loss
from simasgd.testbed.engine.abstract import AbstractEngine, Process, ProcessInfo, ProcessLost, Reply
from simasgd.testbed.peers.operations import NewOperations
from simasgd.testbed.peers.process import CentreProcess, PeerProcess
from simasgd.testbed.system.pacing import AbstractPacing, Lateness
from simasgd.testbed.system.parcels import Parcel
from simasgd.timing import Timing

_DELAY = 0.2  # seconds until the begin, in which all processes hear of it
_LONGEST, _SHORTEST = 0.25, 0.01  # seconds between two looks at the processes
_PATIENCE = 120.0  # seconds for all roles to stop
_GRACE = 5.0  # seconds for a process to show that it is alive
_HURRY = 5.0  # seconds for the same, when the user has ended the run


@final
class PeerDriver(AbstractDriver):
    """Runs one scenario without a parameter server on the processes of an engine.

    Processes log their operations, and the driver merges the logs as the run goes on. So it knows when the limit is
    reached. What the learners did after that, until they heard of it, is cut off.
    """

    def __init__(self, engine: AbstractEngine, scenario: Scenario, pacing: type[AbstractPacing]) -> None:
        super().__init__(engine, scenario, pacing)
        protocol, job = scenario.protocol, Job.of(scenario)
        assert isinstance(protocol, AbstractPeerProtocol)
        self._has_centre, self._has_own_models = protocol.has_centre, protocol.has_own_models
        self._job = job
        sizes = tuple(size_of_each(job.mini_batch, self._learners))
        self._merger = Merger(
            self._learners, sizes, job.limit, has_centre=protocol.has_centre, has_own_models=protocol.has_own_models
        )
        self._history = History(scenario, protocol)
        self._roles: dict[str, Reply] = {}

    def record(self, progress: ReportCounts = lambda gradients, updates, seconds: None) -> RecordedRun:
        began = time.perf_counter()
        processes = self._engine.start(self._learners + self._has_centre)
        try:
            about = self._place(processes)
            self._run(processes, progress)
            recorded = self._hand_in(processes, about, began)
            self._require_whole(recorded)
            self._engine.free(processes)
            processes = []
        except NoAnswer as silence:
            raise self._explain(silence) from None
        finally:
            self._engine.discard(processes)
        return recorded

    def _place(self, processes: Sequence[Process]) -> list[ProcessInfo]:
        """Let the processes make what they need, and tell where they are; the centre first."""
        scenario, learners = self._scenario, self._learners
        placed = {
            number: self._engine.place(process, CentreProcess, scenario)
            for number, process in enumerate(processes[learners:], start=learners)
        }
        for number, process in enumerate(processes[:learners]):
            placed[number] = self._engine.place(process, PeerProcess, scenario, number, self._pacing)
        try:
            self._refuse_to_begin()
            for answer in placed.values():
                while not answer.wait(_LONGEST):
                    self._refuse_to_begin()
        except KeyboardInterrupt:
            raise Interrupted(None) from None
        about: list[ProcessInfo] = [self._get(holder, answer) for holder, answer in placed.items()]
        require_one_clock(about)
        return about

    def _run(self, processes: Sequence[Process], progress: ReportCounts) -> None:
        """Run all roles until the limit is reached, nothing can happen any more, or the user ends the run."""
        scenario = self._scenario
        begin = self._get(len(processes) - 1, processes[-1].ask("read_clock")) + _DELAY
        for holder, answer in enumerate([process.ask("join", begin, processes) for process in processes]):
            self._get(holder, answer)
        starts = start_times(scenario.cluster, self._job.mean_cycles, scenario.cluster_seed)
        for process in processes[self._learners :]:
            self._roles[self._name(self._learners)] = process.ask("run", 0.0)
        for number, (process, start) in enumerate(zip(processes, starts, strict=False)):
            self._roles[self._name(number)] = process.ask("run", start)
        try:
            self._follow(processes, progress)
        except KeyboardInterrupt:
            self.interrupt()
            self._is_cut_short = True
        self._stop(processes)
        self._collect(processes)

    def _follow(self, processes: Sequence[Process], progress: ReportCounts) -> None:
        merger, history = self._merger, self._history
        while not (merger.is_over or history.is_still or self._is_cut_short):
            for role, answer in self._roles.items():
                if answer.wait(0.0):
                    self._look_at(role, answer, processes)
            time.sleep(self._interval())
            self._collect(processes)
            merger.advance()
            history.look()
            progress(merger.gradients, merger.updates, max(0.0, merger.safe))
            self._is_cut_short = self._is_interrupted.is_set()

    def _look_at(self, role: str, answer: Reply, processes: Sequence[Process]) -> None:
        """Raise the error with which a role has ended; RunFailed if its process has, or one that it has called."""
        try:
            answer.get()
        except ProcessLost as error:
            lost = " and of ".join(self._find_lost(processes) or [role])
            raise RunFailed(tell_loss(lost, error)) from None

    def _find_lost(self, processes: Sequence[Process]) -> list[str]:
        """Return the roles whose processes have ended."""
        answers = [process.ask("read_clock") for process in processes]
        return [self._name(holder) for holder, answer in enumerate(answers) if _is_lost(answer)]

    def _get(self, holder: int, answer: Reply) -> Any:
        """Return an answer of a holder's process, which calls no other one for it.

        Raises RunFailed if the process has ended, and NoAnswer if it does not answer in time.
        """
        try:
            return self._patience.get(answer, self._name(holder))
        except ProcessLost as error:
            raise RunFailed(tell_loss(self._name(holder), error)) from None

    def _name(self, holder: int) -> str:
        return name_learner(holder) if holder < self._learners else "the centre"

    def _hand_in(self, processes: Sequence[Process], about: Sequence[ProcessInfo], began: float) -> RecordedRun:
        """Return what was recorded."""
        merger, history = self._merger, self._history
        models = self._models(processes)
        tape = merger.recorder.tape(self._job.mini_batch)
        counts = staleness_counts(tape.staleness), merger.recorder.age_counts()
        timing = Timing(history.build_clock(merger, self._end()), tape, *counts, time.perf_counter() - began)
        final = models[-1] if self._has_centre or not self._has_own_models else _mean(models, self._scenario)
        return RecordedRun(timing, final, history.late, Lateness(), about, models)

    def _interval(self) -> float:
        """Return the seconds until the next look: fewer when the limit is near."""
        merger, limit = self._merger, self._job.limit
        if limit.seconds is not None:
            return min(_LONGEST, max(_SHORTEST, limit.seconds - merger.safe))
        if not merger.gradients:
            return _SHORTEST * 5
        pairs = (
            (merger.gradients, limit.gradients),
            (merger.updates, limit.updates),
            (merger.samples, limit.samples),
        )
        left = [(most - count) / count for count, most in pairs if most is not None]
        return min(_LONGEST, max(_SHORTEST, 0.5 * merger.safe * min(left, default=1.0)))

    def _collect(self, processes: Sequence[Process]) -> None:
        answers = [process.ask("collect", merged) for process, merged in zip(processes, self._merger.merged, strict=True)]
        for holder, answer in enumerate(answers):
            collected: NewOperations = self._get(holder, answer)
            self._merger.add(holder, collected)
            self._history.add(holder, collected)

    def _stop(self, processes: Sequence[Process]) -> None:
        for process in processes:
            process.ask("stop")
        until = time.monotonic() + (_HURRY if self._is_cut_short else _PATIENCE)
        for role, answer in self._roles.items():
            if not answer.wait(max(0.0, until - time.monotonic())) and not self._is_cut_short:
                raise RunFailed(f"{role} does not stop")

    def _end(self) -> float:
        """Return when the run ended (s): with its last update, at its time limit, or when it was looked at last."""
        merger, seconds = self._merger, self._job.limit.seconds
        if not merger.is_over:
            if self._history.is_still and seconds is not None:
                return seconds  # until then nothing would happen
            return max(0.0, merger.safe)
        reached_time = seconds is not None and merger.safe >= seconds and not merger.has_reached_a_count
        return seconds if reached_time and seconds is not None else merger.last_at

    def _models(self, processes: Sequence[Process]) -> list[Parcel]:
        """Return the model that each holder had at the end."""
        held = self._merger.held
        if self._has_own_models:
            answers = [process.ask("held", number) for process, number in zip(processes, held, strict=True)]
            return [self._get(holder, answer) for holder, answer in enumerate(answers)]
        last = held.index(max(held))  # whoever made the last step first
        return [self._get(last, processes[last].ask("held", held[last]))]


def _is_lost(answer: Reply) -> bool:
    """Return whether the process that was asked has ended; one that does not answer in time may be alive."""
    try:
        if answer.wait(_GRACE):
            answer.get()
    except ProcessLost:
        return True
    return False


def _mean(models: Sequence[Parcel], scenario: Scenario) -> Parcel:
    """Return the mean of models, with the values in their places; without learning, there are none."""
    if scenario.learning is None:
        return models[0]
    mean = models[0].copy()
    content = scenario.learning.model_bytes
    values = [model[:content].view(scenario.learning.number_format) for model in models]
    mean[:content] = np.mean(values, axis=0, dtype=np.float64).astype(scenario.learning.number_format).view(np.uint8)
    return mean
