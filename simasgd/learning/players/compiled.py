"""The compiled player: the whole tape in one loop on the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import final

from simasgd.learning.chain.plan import Device
from simasgd.learning.players.checkpoint import AbstractCheckpoint, NoCheckpoint
from simasgd.learning.players.machine import Machine, walk
from simasgd.learning.players.memory import refuse_too_large
from simasgd.learning.players.planner import planned
from simasgd.learning.players.player import AbstractPlayer, Moment
from simasgd.learning.problem.problem import Problem


@final
class Together:
    """Plays problems that pose one recipe on one tape at once, which differ in weights, mini-batches and learning rates.

    It plans for the device that is there unless told what pays. With a checkpoint it goes on from where that was left, and
    leaves it where it comes.
    """

    def __init__(self, device: Device | None = None, checkpoint: AbstractCheckpoint | None = None) -> None:
        self._device = device
        self._checkpoint = NoCheckpoint() if checkpoint is None else checkpoint
        self._prepared: tuple[Sequence[Problem], Sequence[int], Machine] | None = None

    def prepare(self, problems: Sequence[Problem], stops: Sequence[int]) -> float:
        """Plan and compile; returns the seconds that compiling took."""
        machine = _machine(problems, stops, self._device)
        self._prepared = (list(problems), list(stops), machine)
        return machine.compile_seconds

    def play(
        self, problems: Sequence[Problem], stops: Sequence[int], progress: Callable[[int], None]
    ) -> Iterator[tuple[Moment | None, ...]]:
        """The moment of each problem at each of the ascending `stops`; None once it has diverged."""
        if self._prepared is None or self._prepared[:2] != (list(problems), list(stops)):  # problems are equal if they are one
            self.prepare(problems, stops)
        assert self._prepared is not None
        machine = self._prepared[2]
        done, carry = self._checkpoint.restored(machine.start)
        left = [stop for stop in stops if stop >= done]
        yield from walk(machine, carry, done, left, progress, self._checkpoint.keep)


@final
class Compiled(AbstractPlayer):
    """Plans the tape and runs it in one XLA loop: `Together` of one."""

    def __init__(self, device: Device | None = None, checkpoint: AbstractCheckpoint | None = None) -> None:
        self._together = Together(device, checkpoint)

    def prepare(self, problem: Problem, stops: Sequence[int]) -> float:
        return self._together.prepare([problem], stops)

    def play(self, problem: Problem, stops: Sequence[int], progress: Callable[[int], None]) -> Iterator[Moment]:
        for (moment,) in self._together.play([problem], stops, progress):
            if moment is not None:
                yield moment


def _machine(problems: Sequence[Problem], stops: Sequence[int], device: Device | None) -> Machine:
    first = problems[0]
    layout = planned(first.recipe, first.tape, first.sample, stops, device)
    refuse_too_large(first, layout, len(problems))
    return Machine(problems, layout)
