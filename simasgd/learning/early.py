"""Learning that begins while its tape is still being written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar, final

import jax
import numpy as np

from simasgd.errors import RunFailed
from simasgd.learning.data.image_folder import LazyImages
from simasgd.learning.evaluations import evaluate_moments, find_ended
from simasgd.learning.layout.costs import DeviceCosts
from simasgd.learning.layout.moment import Moment
from simasgd.learning.players.checkpoint import AbstractCheckpoint, MemoryCheckpoint
from simasgd.learning.players.compiled import build_machine
from simasgd.learning.players.machine import Beginning, Machine, walk
from simasgd.learning.problem.memory import device_errors_translated
from simasgd.learning.problem.points import evaluation_points
from simasgd.learning.problem.problem import build_problems
from simasgd.learning.problem.task import AbstractTask
from simasgd.scenario.schema import Scenario
from simasgd.tape.growing import Part, settled_steps

Result = TypeVar("Result")
_MOST_ATTEMPTS = 2  # a rule that needs the whole tape, say its mean staleness, begins anew with each part
_LOOKS = 20  # in a part, besides those at evaluations


@final
class _Attempt:
    """A walk from the first step on: its state, and what decided its carry."""

    def __init__(self) -> None:
        self.checkpoint = MemoryCheckpoint()
        self.beginning: Beginning | None = None
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
        self._attempts = 1
        self._is_over = False

    @property
    def is_over(self) -> bool:
        """Whether all runs have ended, or there were as many attempts as may be."""
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
                self.forget()
                self._attempts += 1
                if self._attempts > _MOST_ATTEMPTS:
                    self._is_over = True
                    return
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

            evaluate_moments(due(), problems, first, 0, None, attempt.checkpoint)
            attempt.evaluated = frozenset(wanted)
            attempt.beginning = machine.beginning(self.steps)
            ended = find_ended(attempt.checkpoint.results, len(problems), 0, first.stop.test_error)
            self._is_over = len(ended) == len(problems)

    def hand_over(self, machine: Machine, stops: Sequence[int], checkpoint: AbstractCheckpoint) -> None:
        """Let the replay of the whole tape, with evaluations at `stops`, begin where this one has come, if it may.

        This one keeps nothing afterwards.
        """
        attempt, done = self._attempt, self.steps
        are_evaluated = {stop for stop in stops if stop < done} == {stop for stop in attempt.evaluated if stop < done}
        if attempt.checkpoint.latest is not None and are_evaluated and self._is_continued_by(machine):
            checkpoint.begin_with(attempt.checkpoint.latest)
        self.forget()

    def make_room(self, work: Callable[[], Result]) -> Result:
        """Return the result of some work. What was replayed is given up if the memory does not suffice beside it."""
        try:
            return work()
        except RunFailed:
            if not self.steps:
                raise
            self.forget()
        return work()

    def forget(self) -> None:
        """Free the memory of what was replayed."""
        self._attempt = _Attempt()

    def _is_continued_by(self, machine: Machine) -> bool:
        """Return whether a machine for a longer part of the tape has the same carry where this walk has come."""
        return not self.steps or self._attempt.beginning == machine.beginning(self.steps)
