"""A plan made to run: its compiled loop, the columns and samples that it works on, and the walk through them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple, final

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from simasgd.learning.chain.loop import AXIS, Advance
from simasgd.learning.chain.plan import Plan
from simasgd.learning.data.examples import Feed
from simasgd.learning.mixing.plan import MixingPlan
from simasgd.learning.players.layout import form_of
from simasgd.learning.players.player import Moment
from simasgd.learning.problem.evaluation import all_finite
from simasgd.learning.problem.problem import Problem
from simasgd.learning.problem.recipe import Recipe
from simasgd.tape import Ints

# Steps until the loop is first left to report progress and look for divergence, and for how long they may be doubled.
# Even, see `loop._by_twos`.
_FIRST_CHUNK = 256
_CHUNK_SECONDS = 0.25
_OF_EACH = ("samples", "codes", "factor", "local")
"""What members of one tape have of their own."""

Carry = Any
"""What a loop takes from step to step, whatever its form."""
Keep = Callable[[int, Carry], None]
"""keep(steps, carry) is told where the walk is."""


class _Program(NamedTuple):
    """All that shapes a loop but its arguments. `width` is that of waves, None for one evaluation by one; `together` whether
    many runs of one tape go through it at once."""

    loop: Callable[[Recipe, int | None, Mesh | None], Advance]
    recipe: Recipe
    width: int | None
    together: bool
    mesh: Mesh | None


@final
class Machine:
    """One or many problems that pose one recipe on one tape, laid out by `plan`, which was made for the `stops` asked for.

    `start` is the carry before the first step. With several devices what is computed at once is spread over them.
    """

    def __init__(self, problems: Sequence[Problem], plan: Plan | MixingPlan) -> None:
        first = problems[0]
        devices = jax.devices()
        mesh = Mesh(np.array(devices), (AXIS,)) if len(devices) > 1 else None
        self._form = form_of(plan)
        self._recipe = first.recipe
        waves = self._form.waves
        columns = [self._form.rows(problem) for problem in problems]
        self.members = len(problems)
        self._boundaries = None if waves is None else waves.step
        cuts = _in_pairs(plan.num_steps) if self._boundaries is None else self._boundaries
        everywhere = None if mesh is None else NamedSharding(mesh, PartitionSpec())
        self._feed = Feed(first.train, columns[0].samples, plan.first, cuts, everywhere)
        rows = columns[0]._replace(samples=self._feed.samples)
        starts = [self._form.start(problem) for problem in problems]
        self.start = starts[0] if self.members == 1 else jax.tree.map(lambda *leaves: jnp.stack(leaves), *starts)
        if self.members > 1:
            shared = {name: np.stack([getattr(each, name) for each in columns]) for name in _of_each(rows)}
            rows = rows._replace(**shared)
        self._rows = jax.tree.map(jnp.asarray, rows)
        if mesh is not None:
            self._place(mesh)
        width = None if waves is None else waves.width
        if width is not None and mesh is not None:
            width = -(-width // mesh.size) * mesh.size
        began = time.perf_counter()
        arguments = (self.start, self._rows, *self._feed.at(0), 0, 0)
        self._program = _compiled(
            _Program(self._form.loop, first.recipe, width, self.members > 1, mesh), *_signature(arguments)
        )
        self.compile_seconds = time.perf_counter() - began

    def advance(self, carry: Carry, start: int, stop: int) -> Carry:
        """The carry after steps `start` to `stop`, which lie in one window of samples."""
        return self._program(carry, self._rows, *self._feed.at(start), start, stop)

    def end(self, done: int, chunk: int, stop: int) -> int:
        """Where to go from step `done`: about `chunk` steps on, at a step from which one can go on, and at `stop` at most."""
        until = min(done + chunk, stop, self._feed.end(done) or stop)
        if self._boundaries is not None:
            ahead = self._boundaries[(self._boundaries > done) & (self._boundaries <= max(until, self._next(done)))]
            until = int(ahead[-1])
        return until

    def moment(self, carry: Carry, steps: int, member: int, *, diverged: bool = False) -> Moment:
        """What a member has come to after so many steps."""
        own = carry if self.members == 1 else jax.tree.map(lambda leaf: leaf[member], carry)
        weights, distance = self._form.looked_at(self._recipe, own, steps)
        return Moment(steps, weights, diverged, None if distance is None else float(distance))

    def finite(self, carry: Carry) -> npt.NDArray[np.bool_]:
        """Whether no weight is infinite or NaN, for each member."""
        if self.members == 1:
            return np.array([all_finite(self._form.watched(carry))])
        return np.asarray(jax.vmap(all_finite)(self._form.watched(carry)))

    def first_divergence(self, carry: Carry, done: int, until: int, member: int) -> Moment:
        """The first step after `done` with weights of a member that are not finite: from there on they never are again."""
        while (middle := self._middle(done, until)) is not None:
            after = self.advance(carry, done, middle)
            if self.finite(after)[member]:
                carry, done = after, middle
            else:
                until = middle
        for stop in range(done + 1, until):  # one cannot go on from these, but a loop may end there
            after = self.advance(carry, done, stop)
            if not self.finite(after)[member]:
                return self.moment(after, stop, member, diverged=True)
        return self.moment(self.advance(carry, done, until), until, member, diverged=True)

    def _middle(self, done: int, until: int) -> int | None:
        """A step between the two from which one can go on; None if there is none."""
        if self._boundaries is None:
            middle = done + (until - done + 1) // 4 * 2  # whole pairs, see `loop._by_twos`
            return middle if done < middle < until else None
        between = self._boundaries[(self._boundaries > done) & (self._boundaries < until)]
        return int(between[len(between) // 2]) if len(between) else None

    def _next(self, done: int) -> int:
        assert self._boundaries is not None
        return int(self._boundaries[np.searchsorted(self._boundaries, done, side="right")])

    def _place(self, mesh: Mesh) -> None:
        """Members over the devices where they can be parted evenly; all else on every device."""
        everywhere = NamedSharding(mesh, PartitionSpec())
        parted = NamedSharding(mesh, PartitionSpec(AXIS)) if self.members > 1 and self.members % mesh.size == 0 else everywhere
        of_each = _of_each(self._rows) if self.members > 1 else ()
        self.start = jax.device_put(self.start, parted)
        places = (parted if name in of_each else everywhere for name in self._rows._fields)
        self._rows = type(self._rows)(*map(jax.device_put, self._rows, places))


def walk(
    machine: Machine, carry: Carry, done: int, stops: Sequence[int], progress: Callable[[int], None], keep: Keep
) -> Iterator[tuple[Moment | None, ...]]:
    """The moment of each member at each of the ascending `stops`, from step `done` on; None once a member has diverged."""
    alive = machine.finite(carry)
    chunk = _FIRST_CHUNK
    for stop in stops:
        fallen: dict[int, Moment] = {}
        while done < stop and alive.any():
            until = machine.end(done, chunk, stop)
            began = time.perf_counter()
            after = machine.advance(carry, done, until)
            finite = machine.finite(after)
            for member in np.flatnonzero(alive & ~finite).tolist():
                fallen[member] = machine.first_divergence(carry, done, until, member)
            alive = alive & finite
            if until - done >= chunk and time.perf_counter() - began < _CHUNK_SECONDS:
                chunk *= 2
            carry, done = after, until
            if alive.any() and not fallen:  # else a walk that goes on from here would not know of them
                keep(done, carry)
            progress(done)
        yield tuple(
            machine.moment(carry, done, member) if alive[member] else fallen.get(member) for member in range(machine.members)
        )
        if not alive.any():
            return


def _in_pairs(steps: int) -> Ints:
    """Every second step, and the last."""
    return np.unique(np.append(np.arange(0, steps + 1, 2), steps))


def _of_each(rows: Any) -> tuple[str, ...]:
    """The columns, of whichever form, that members have each of their own."""
    return tuple(name for name in _OF_EACH if getattr(rows, name, None) is not None)


def _signature(arguments: Any) -> tuple[Any, tuple[tuple[tuple[int, ...], Any, Any], ...]]:
    """The structure, shapes and types of the program's arguments, as something hashable."""
    leaves, structure = jax.tree.flatten(arguments)
    return structure, tuple((jnp.shape(leaf), jnp.result_type(leaf), getattr(leaf, "sharding", None)) for leaf in leaves)


@cache
def _compiled(program: _Program, structure: Any, leaves: tuple[tuple[tuple[int, ...], Any, Any], ...]) -> Advance:
    shapes = [jax.ShapeDtypeStruct(shape, dtype, sharding=sharding) for shape, dtype, sharding in leaves]
    recipe, mesh = program.recipe, program.mesh
    advance = program.loop(recipe, program.width, mesh)
    if program.together:
        rows = jax.tree.unflatten(structure, shapes)[1]
        axes = type(rows)(*(0 if name in _of_each(rows) else None for name in rows._fields))
        advance = jax.vmap(advance, in_axes=(0, axes, None, None, None, None))
    compiled: Advance = jax.jit(advance).lower(*jax.tree.unflatten(structure, shapes)).compile()
    return compiled
