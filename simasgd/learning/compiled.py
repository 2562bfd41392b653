"""The compiled player: the whole tape in one loop on the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import final

from simasgd.learning.checkpoint import AbstractCheckpoint, NoCheckpoint
from simasgd.learning.machine import Machine, walk
from simasgd.learning.memory import refuse_too_large
from simasgd.learning.plan import Device
from simasgd.learning.planner import planned
from simasgd.learning.player import AbstractPlayer, Moment
from simasgd.learning.problem import Problem


@final
class Compiled(AbstractPlayer):
    """Plans the tape and runs it in one XLA loop, for the device that is there unless told what pays.

    With a checkpoint it goes on from where that was left, and leaves it where it comes.
    """

    def __init__(self, device: Device | None = None, checkpoint: AbstractCheckpoint | None = None) -> None:
        self._device = device
        self._checkpoint = NoCheckpoint() if checkpoint is None else checkpoint
        self._prepared: tuple[Problem, Sequence[int], Machine] | None = None

    def prepare(self, problem: Problem, stops: Sequence[int]) -> float:
        machine = _machine([problem], stops, self._device)
        self._prepared = (problem, list(stops), machine)
        return machine.compile_seconds

    def play(self, problem: Problem, stops: Sequence[int], progress: Callable[[int], None]) -> Iterator[Moment]:
        if self._prepared is None or self._prepared[0] is not problem or self._prepared[1] != list(stops):
            self.prepare(problem, stops)
        assert self._prepared is not None
        machine = self._prepared[2]
        for (moment,) in _walk(machine, stops, progress, self._checkpoint):
            if moment is not None:
                yield moment


@final
class Together:
    """Plays problems that pose one recipe on one tape at once, which differ in weights, mini-batches and learning rates."""

    def __init__(self, device: Device | None = None, checkpoint: AbstractCheckpoint | None = None) -> None:
        self._device = device
        self._checkpoint = NoCheckpoint() if checkpoint is None else checkpoint
        self._prepared: tuple[Sequence[Problem], Sequence[int], Machine] | None = None

    def prepare(self, problems: Sequence[Problem], stops: Sequence[int]) -> float:
        """Plan and compile; returns the seconds that compiling took."""
        machine = _machine(problems, stops, self._device)
        self._prepared = (problems, list(stops), machine)
        return machine.compile_seconds

    def play(
        self, problems: Sequence[Problem], stops: Sequence[int], progress: Callable[[int], None]
    ) -> Iterator[tuple[Moment | None, ...]]:
        """The moment of each problem at each of the ascending `stops`; None once it has diverged."""
        if self._prepared is None or self._prepared[0] is not problems or self._prepared[1] != list(stops):
            self.prepare(problems, stops)
        assert self._prepared is not None
        yield from _walk(self._prepared[2], stops, progress, self._checkpoint)


def _walk(
    machine: Machine, stops: Sequence[int], progress: Callable[[int], None], checkpoint: AbstractCheckpoint
) -> Iterator[tuple[Moment | None, ...]]:
    done, carry = checkpoint.restored(machine.start)
    yield from walk(machine, carry, done, [stop for stop in stops if stop >= done], progress, checkpoint.keep)


def _machine(problems: Sequence[Problem], stops: Sequence[int], device: Device | None) -> Machine:
    first = problems[0]
    layout = planned(first.recipe, first.tape, first.sample, stops, device)
    refuse_too_large(first, layout, len(problems))
    return Machine(problems, layout)
