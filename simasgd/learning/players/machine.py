"""The machine: a layout with its compiled loop, and the columns and samples that the loop reads."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from operator import itemgetter
from typing import NamedTuple, TypeAlias, final

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jax.tree_util import PyTreeDef
from jaxtyping import Bool, PyTree

from simasgd.learning.data.examples import Feed
from simasgd.learning.layout.abstract import AXIS, AbstractLayout, Advance, Carry, Rows, SharedColumns
from simasgd.learning.layout.moment import Moment
from simasgd.learning.layout.wave_loop import IN_A_BLOCK
from simasgd.learning.layout.waves import WaveShape
from simasgd.learning.players.entries import Entries
from simasgd.learning.problem.evaluation import all_finite
from simasgd.learning.problem.problem import Problem
from simasgd.learning.problem.task import MOST_PROGRAMS, Frame
from simasgd.tape.arrays import Ints

# The number of steps until the loop is first left to report progress and look for divergence, and
# the most seconds after which that number is doubled. It is even, see `chain.loop._two_by_two`.
_FIRST_CHUNK = 256
_CHUNK_SECONDS = 0.25

Keep: TypeAlias = Callable[[int, Carry], None]
"""keep(steps, carry) stores how far the walk has come."""
Leaf: TypeAlias = tuple[tuple[int, ...], np.dtype[np.generic], jax.sharding.Sharding | None]
"""The shape, type and placement of an array."""


class _Program(NamedTuple):
    """All that shapes a compiled loop, besides the structure and the shapes of its arguments, the rule among them."""

    loop: Callable[[Frame, WaveShape | None, Mesh | None], Advance]
    frame: Frame
    shape: WaveShape | None
    """The shape of the longest wave; None without waves."""
    is_group: bool
    """Whether several runs of one tape go through the loop at once."""
    mesh: Mesh | None


class Beginning(NamedTuple):
    """What decides the carry of a loop after some steps: of equal beginnings the carries are equal."""

    program: tuple[_Program, PyTreeDef, tuple[Leaf, ...]]
    digest: bytes
    """Of the rows up to there, and of the steps at which the loop may be left."""


@final
class Machine:
    """A group of problems with one recipe and one tape, ready to be played by a compiled loop.

    `start` is the carry before the first step, and the loop may be entered again at `entries`. If
    there are several devices, all that is computed at once is spread over them.
    """

    def __init__(self, problems: Sequence[Problem], layout: AbstractLayout) -> None:
        first = problems[0]
        devices = jax.devices()
        mesh = Mesh(np.array(devices), (AXIS,)) if len(devices) > 1 else None
        everywhere = None if mesh is None else NamedSharding(mesh, PartitionSpec())
        waves = layout.waves
        self._layout = layout
        self._recipes = [problem.recipe for problem in problems]
        self.members = len(problems)
        windows = _even_steps(layout.num_steps) if waves is None else waves.step
        samples = [layout.samples(problem) for problem in problems]
        self._feed = Feed(first.train, samples[0], layout.first, windows, everywhere)
        cuts = np.array([*first.cuts, *self._feed.ends], np.int64)
        self.entries = (
            Entries(np.arange(layout.num_steps + 1), cuts, 2) if waves is None else Entries(waves.step, cuts, IN_A_BLOCK)
        )
        samples[0] = self._feed.samples
        own = [layout.member_columns(problem, chosen) for problem, chosen in zip(problems, samples, strict=True)]
        starts = [layout.start(problem) for problem in problems]
        self.start: Carry = starts[0]
        self._rows: Rows[SharedColumns] = Rows(own[0], layout.shared_columns(first))
        if self.members > 1:
            self.start = jax.tree.map(lambda *leaves: jnp.stack(leaves), *starts)
            stacked = jax.tree.map(lambda *leaves: jnp.asarray(np.stack([np.asarray(leaf) for leaf in leaves])), *own)
            self._rows = self._rows._replace(own=stacked)
        if mesh is not None:
            self._place(mesh)
        shape = None if waves is None else waves.shape
        if shape is not None and mesh is not None:
            shape = shape._replace(width=-(-shape.width // mesh.size) * mesh.size)
        began = time.perf_counter()
        arguments = (self.start, self._rows, *self._feed.samples_for(0), 0, 0)
        program = _Program(layout.loop, first.recipe.frame, shape, self.members > 1, mesh)
        self._program = (program, *_signature(arguments))
        self._advance = _compiled(*self._program)
        self.compile_seconds = time.perf_counter() - began

    def advance(self, carry: Carry, start: int, stop: int) -> Carry:
        """Return the carry after steps `start` to `stop`, which lie in one window of samples."""
        return self._advance(carry, self._rows, *self._feed.samples_for(start), start, stop)

    def moment(self, carry: Carry, steps: int, member: int, *, diverged: bool = False) -> Moment:
        """Return the moment of a member after `steps` steps."""
        own = carry if self.members == 1 else jax.tree.map(lambda leaf: leaf[member], carry)
        recipe = self._recipes[member]
        weights, distance = self._layout.evaluated(recipe, own, steps)
        snapshot = partial(self._layout.snapshot, recipe, own, steps)
        return Moment(steps, weights, snapshot, diverged, None if distance is None else float(distance))

    def are_finite(self, carry: Carry) -> Bool[npt.NDArray[np.bool_], " members"]:
        """Return for each member whether no weight is infinite or NaN."""
        trained = self._layout.trained(carry)
        if self.members == 1:
            return np.array([all_finite(trained)])
        return np.asarray(jax.vmap(all_finite)(trained))

    def find_divergence(self, carry: Carry, done: int, until: int, member: int) -> Moment:
        """Return the moment of the first step that makes a weight of a member infinite or NaN.

        Once the weights of a member are not finite, they never are again, so bisection finds the
        step. At `until` they are not finite.
        """
        while (middle := self.entries.between(done, until)) is not None:
            after = self.advance(carry, done, middle)
            if self.are_finite(after)[member]:
                carry, done = after, middle
            else:
                until = middle
        finite = done
        while until - finite > 1:  # the loop may end between its entries, but not begin there
            middle = (finite + until) // 2
            if self.are_finite(self.advance(carry, done, middle))[member]:
                finite = middle
            else:
                until = middle
        return self.moment(self.advance(carry, done, until), until, member, diverged=True)

    def beginning(self, steps: int) -> Beginning:
        """Return what decides the carry after the first steps. Samples must be on the device as a whole."""
        own, shared = jax.device_get(self._rows)
        members = [own] if self.members == 1 else [jax.tree.map(itemgetter(member), own) for member in range(self.members)]
        digest = hashlib.blake2b(self.entries.until(steps).tobytes())
        used = [self._layout.own_until(own, steps) for own in members], self._layout.shared_until(shared, steps)
        for column in jax.tree.leaves(used):
            digest.update(np.ascontiguousarray(column).data)
        return Beginning(self._program, digest.digest())

    def _place(self, mesh: Mesh) -> None:
        """Spread the members over the devices if they can be divided evenly.

        Put all else on every device.
        """
        everywhere = NamedSharding(mesh, PartitionSpec())
        is_even = self.members > 1 and self.members % mesh.size == 0
        spread = NamedSharding(mesh, PartitionSpec(AXIS)) if is_even else everywhere
        self.start = jax.device_put(self.start, spread)
        self._rows = Rows(jax.device_put(self._rows.own, spread), jax.device_put(self._rows.shared, everywhere))


def walk(
    machine: Machine, carry: Carry, done: int, stops: Sequence[int], progress: Callable[[int], None], keep: Keep
) -> Iterator[tuple[Moment | None, ...]]:
    """Yield the moment of each member at each of the ascending `stops`.

    A member that has diverged has None.

    The walk begins after `done` steps, with the `carry` after them. Where it is cut does not depend
    on the stops. So the weights at a stop do not depend on the others.
    """
    alive = machine.are_finite(carry)
    chunk = _FIRST_CHUNK
    for stop in stops:
        diverged: dict[int, Moment] = {}
        entry = machine.entries.before(stop)
        while done < entry and alive.any():
            until = machine.entries.end_of_chunk(done, chunk, entry)
            began = time.perf_counter()
            after = machine.advance(carry, done, until)
            finite = machine.are_finite(after)
            diverged |= _find_divergences(machine, carry, done, until, alive & ~finite)
            alive = alive & finite
            if until - done >= chunk and time.perf_counter() - began < _CHUNK_SECONDS:
                chunk *= 2
            carry, done = after, until
            if alive.any() and not diverged:  # a walk continued from here would not report the divergence
                keep(done, carry)
            progress(done)
        there = carry
        if done < stop and alive.any():  # the walk goes on from `entry`
            there = machine.advance(carry, done, stop)
            finite = machine.are_finite(there)
            diverged |= _find_divergences(machine, carry, done, stop, alive & ~finite)
            alive = alive & finite
        yield tuple(
            machine.moment(there, stop, member) if alive[member] else diverged.get(member) for member in range(machine.members)
        )
        if not alive.any():
            return


def _find_divergences(
    machine: Machine, carry: Carry, done: int, until: int, members: Bool[npt.NDArray[np.bool_], " members"]
) -> dict[int, Moment]:
    """Return the moments at which these members diverge, between steps `done` and `until`."""
    return {member: machine.find_divergence(carry, done, until, member) for member in np.flatnonzero(members).tolist()}


def _even_steps(steps: int) -> Ints:
    """Return every second step, and the last."""
    return np.unique(np.append(np.arange(0, steps + 1, 2), steps))


def _signature(arguments: PyTree) -> tuple[PyTreeDef, tuple[Leaf, ...]]:
    """Return, in hashable form, the properties of the arguments that a compilation depends on."""
    leaves, structure = jax.tree.flatten(arguments)
    return structure, tuple((jnp.shape(leaf), jnp.result_type(leaf), getattr(leaf, "sharding", None)) for leaf in leaves)


@lru_cache(MOST_PROGRAMS)
def _compiled(program: _Program, structure: PyTreeDef, leaves: tuple[Leaf, ...]) -> Advance:
    shapes = [jax.ShapeDtypeStruct(shape, dtype, sharding=sharding) for shape, dtype, sharding in leaves]
    arguments = jax.tree.unflatten(structure, shapes)
    advance = program.loop(program.frame, program.shape, program.mesh)
    if program.is_group:
        own_axes = jax.tree.map(lambda _: 0, arguments[1].own)
        advance = jax.vmap(advance, in_axes=(0, Rows(own_axes, None), None, None, None, None))
    compiled: Advance = jax.jit(advance).lower(*arguments).compile()
    return compiled
