"""The compiled player, which runs the whole tape in one loop on the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import final

from simasgd.errors import RunFailed
from simasgd.learning.data.image_folder import LazyImages
from simasgd.learning.layout.abstract import AbstractLayout
from simasgd.learning.layout.costs import DeviceCosts
from simasgd.learning.layout.moment import Moment
from simasgd.learning.players.checkpoint import AbstractCheckpoint, NoCheckpoint
from simasgd.learning.players.machine import Machine, walk
from simasgd.learning.players.planner import lay_out
from simasgd.learning.players.player import AbstractPlayer
from simasgd.learning.problem.memory import require_bytes, tree_bytes
from simasgd.learning.problem.problem import Problem
from simasgd.memory import format_bytes


@final
class CompiledGroup:
    """A player of several problems in one loop.

    The problems have one recipe and one tape; their weights, mini-batches and learning rates may
    differ. The layout suits the device that is there unless `costs` are given. A replay continues
    from its checkpoint, and updates it.
    """

    def __init__(self, costs: DeviceCosts | None = None, checkpoint: AbstractCheckpoint | None = None) -> None:
        self._costs = costs
        self._checkpoint = NoCheckpoint() if checkpoint is None else checkpoint
        self._prepared: tuple[Sequence[Problem], Machine] | None = None

    def prepare(self, problems: Sequence[Problem]) -> float:
        """Plan and compile; return the seconds that compiling took."""
        return self.prepare_machine(problems).compile_seconds

    def prepare_machine(self, problems: Sequence[Problem]) -> Machine:
        """Plan and compile; return the machine that `play` uses."""
        machine = build_machine(problems, self._costs)
        self._prepared = (list(problems), machine)
        return machine

    def play(
        self, problems: Sequence[Problem], stops: Sequence[int], progress: Callable[[int], None]
    ) -> Iterator[tuple[Moment | None, ...]]:
        """Yield the moment of each problem at each of the ascending `stops`.

        A problem that has diverged has None.
        """
        # Problems compare by identity, so this asks whether they are the ones prepared.
        if self._prepared is None or self._prepared[0] != list(problems):
            self.prepare(problems)
        assert self._prepared is not None
        machine = self._prepared[1]
        done, carry = self._checkpoint.restore(machine.start)
        done = max(done, problems[0].tape.past.rows)  # the carry at the start is the one after these
        left = [stop for stop in stops if stop >= done]
        moments = walk(machine, carry, done, left, progress, self._checkpoint.keep)
        del carry  # the walk frees it when it has come farther
        yield from moments


@final
class Compiled(AbstractPlayer):
    """A player of one problem in one XLA loop: a `CompiledGroup` of one."""

    def __init__(self, costs: DeviceCosts | None = None, checkpoint: AbstractCheckpoint | None = None) -> None:
        self._group = CompiledGroup(costs, checkpoint)

    def prepare(self, problem: Problem) -> float:
        return self._group.prepare([problem])

    def play(self, problem: Problem, stops: Sequence[int], progress: Callable[[int], None]) -> Iterator[Moment]:
        for (moment,) in self._group.play([problem], stops, progress):
            if moment is not None:
                yield moment


def compile_ahead(problems: Sequence[Problem], factor: float, costs: DeviceCosts | None = None) -> None:
    """Compile the loop of a tape of which these problems have the first part, if it goes on alike.

    The tape is `factor` times as long. The program is kept, and the player finds it if the plan of the whole tape has the same
    shapes. Nothing is compiled where the memory may not suffice, or where samples are read bit by bit: their number is not
    known.
    """
    if isinstance(problems[0].train.inputs, LazyImages):
        return
    with suppress(RunFailed):  # the message for the whole tape has its own numbers
        build_machine(problems, costs, factor)


def build_machine(problems: Sequence[Problem], costs: DeviceCosts | None = None, factor: float = 1.0) -> Machine:
    """Plan and compile the loop of a tape, or of one that is `factor` times as long and goes on alike.

    Raises RunFailed if the memory does not suffice.
    """
    first = problems[0]
    layout = lay_out(first.recipe, first.tape, first.sample, first.cuts, costs, len(problems)).stretched(factor)
    _require_memory(first, layout, len(problems))
    return Machine(problems, layout)


def _require_memory(problem: Problem, layout: AbstractLayout, members: int) -> None:
    """Raise RunFailed if the device cannot hold what a replay needs."""
    needed = _bytes_needed(problem, layout, members)
    purpose, most = max(needed.items(), key=lambda item: item[1])
    model = format_bytes(tree_bytes(problem.start))
    alive = f"{layout.num_slots} {layout.slot_contents} of {model} are alive together"
    require_bytes(sum(needed.values()), f"{format_bytes(most)} for {purpose}: {alive}")


def _bytes_needed(problem: Problem, layout: AbstractLayout, members: int) -> Mapping[str, int]:
    return layout.bytes_needed(problem.recipe, problem.dtype, problem.tape.mini_batch, members)
