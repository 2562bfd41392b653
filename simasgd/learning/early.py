"""Learning that begins while its tape is still being written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import final

import jax
import numpy as np

from simasgd.learning.data.image_folder import LazyImages
from simasgd.learning.evaluations import evaluate_moments, have_ended
from simasgd.learning.layout.costs import DeviceCosts
from simasgd.learning.layout.moment import Moment
from simasgd.learning.players.checkpoint import AbstractCheckpoint, MemoryCheckpoint
from simasgd.learning.players.compiled import build_machine
from simasgd.learning.players.machine import Beginning, Machine, walk
from simasgd.learning.problem.memory import device_errors_translated
from simasgd.learning.problem.points import evaluation_points
from simasgd.learning.problem.problem import build_problems
from simasgd.learning.problem.task import AbstractTask
from simasgd.results.kept.weights import KeptWeights
from simasgd.scenario.schema import Scenario
from simasgd.tape.growing import Part, settled_steps

_MOST_FAILURES = 2  # parts that began anew; the next ones would, too
_LOOKS = 20  # at least, in each part


@final
class _Attempt:
    """A walk from the first step on: its state, and what goes with it."""

    def __init__(self) -> None:
        self.checkpoint = MemoryCheckpoint()
        self.beginning: Beginning | None = None
        self.weights: dict[int, KeptWeights] = {}
        self.evaluated: frozenset[int] = frozenset()


@final
class EarlyLearning:
    """Learning that begins while its tape is still being written.

    Each longer part of the tape is planned as if it were the whole, and its settled steps are
    replayed. A part, and at last the whole, goes on where the part before has come, if it has the
    same program and the same rows up to there. If not, it begins anew. So no number depends on what
    was replayed early.
    """

    def __init__(
        self, scenarios: Sequence[Scenario], task: AbstractTask | None = None, costs: DeviceCosts | None = None
    ) -> None:
        self._scenarios = scenarios
        self._task = task
        self._costs = costs
        self._attempt = _Attempt()
        self._failures = 0
        self._is_over = False

    @property
    def is_over(self) -> bool:
        """Whether all runs have ended, or parts began anew so often that the next ones would, too."""
        return self._is_over

    @property
    def steps(self) -> int:
        """The number of steps that were replayed."""
        return 0 if self._attempt.checkpoint.latest is None else self._attempt.checkpoint.latest.steps

    def go_on(self, part: Part, is_enough: Callable[[], bool] = lambda: False) -> None:
        """Replay what is settled of a longer part of the tape, until `is_enough`, which is asked now and then.

        Raises the errors of `learning.train.train`.
        """
        first = self._scenarios[0]
        learning, samples_per_epoch = first.learning, first.samples_per_epoch
        assert learning is not None
        assert samples_per_epoch is not None
        with jax.enable_x64(learning.precision == "float64"), device_errors_translated():
            problems = build_problems(self._scenarios, part.tape, self._task)
            if isinstance(problems[0].train.inputs, LazyImages):  # their number shapes the program, and is not known yet
                self._is_over = True
                return
            machine = build_machine(problems, self._costs, 1.0 / part.fraction)
            if not self._is_continued_by(machine):
                self._attempt, self._failures = _Attempt(), self._failures + 1
                self._is_over = self._failures > _MOST_FAILURES
            attempt, done = self._attempt, self.steps
            until = machine.entries.before(settled_steps(part.tape))
            if until <= done:
                return
            wanted = {step for step in evaluation_points(part.tape, samples_per_epoch, learning.evaluate)[1] if step < until}
            marks = {machine.entries.before(int(step)) for step in np.linspace(done, until, _LOOKS + 1)}
            stops = sorted(stop for stop in wanted | marks if stop >= done)

            def due() -> Iterator[Sequence[Moment | None]]:
                carry = attempt.checkpoint.restore(machine.start)[1]
                moments = walk(machine, carry, done, stops, lambda steps: None, attempt.checkpoint.keep)
                for stop, moment_of_each in zip(stops, moments, strict=False):
                    yield [moment if moment and (stop in wanted or moment.diverged) else None for moment in moment_of_each]
                    if is_enough():
                        return

            attempt.weights |= evaluate_moments(due(), problems, first, 0, -1, attempt.checkpoint)
            attempt.evaluated = frozenset(wanted)
            attempt.beginning = machine.beginning(self.steps)
            self._is_over |= have_ended(attempt.checkpoint.results, len(problems), first.stop.test_error)

    def hand_over(self, machine: Machine, stops: Sequence[int], checkpoint: AbstractCheckpoint) -> Mapping[int, KeptWeights]:
        """Let the replay of the whole tape, with evaluations at `stops`, begin where this one has come, if it may.

        Return the weights of the runs that have reached their test error, if they are kept.
        """
        attempt, done = self._attempt, self.steps
        are_evaluated = {stop for stop in stops if stop < done} == {stop for stop in attempt.evaluated if stop < done}
        if attempt.checkpoint.latest is None or not are_evaluated or not self._is_continued_by(machine):
            return {}
        checkpoint.begin_with(attempt.checkpoint.latest)
        return attempt.weights

    def _is_continued_by(self, machine: Machine) -> bool:
        """Return whether a machine for a longer part of the tape has the same carry where this walk has come."""
        return self._attempt.beginning is None or self._attempt.beginning == machine.beginning(self.steps)
