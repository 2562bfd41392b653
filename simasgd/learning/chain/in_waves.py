"""The compiled loop over the waves of a plan with one chain of weights.

The gradients of a wave are one batched call. Then its steps are made: by one matrix product where
the rule is linear, else one after the other. The kept versions of the weights are packed, so that
reading and writing all of a wave's versions is one operation each.
"""

from __future__ import annotations

import abc
from typing import NamedTuple, TypeAlias, final

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Bool, Float, Int32, PyTree

from simasgd.learning.chain.loop import ChainCarry, ChainRows, Steps
from simasgd.learning.layout.abstract import Advance, ProductColumns
from simasgd.learning.layout.columns import take
from simasgd.learning.layout.packing import Packed, Packing
from simasgd.learning.layout.wave_loop import IntScalar, are_new, either, for_each_wave, full_product, spread
from simasgd.learning.layout.waves import WaveShape
from simasgd.learning.problem.task import Frame
from simasgd.learning.rules.linear import LinearUpdate, velocity_of, with_velocity
from simasgd.learning.rules.trees import Updates

LoopCarry: TypeAlias = PyTree
"""The carry of the loop over waves. Each way to make steps has its own."""


class ChainWave(NamedTuple):
    """A wave with its gradients. Evaluations from that of step `end` on only fill up the shape."""

    begin: IntScalar
    """Its first step."""
    end: IntScalar
    """The step after its last."""
    evaluations: Int32[Array, " width"]
    reads: Packed
    """The weights that each evaluation reads, with a leading axis of evaluations."""
    gradients: Updates
    """The gradients, with a leading axis of evaluations on each leaf."""


class AbstractWaveSteps(abc.ABC):
    """A way to make the steps of a wave from its gradients."""

    def __init__(self, parts: Steps, packing: Packing, shape: WaveShape) -> None:
        self._parts = parts
        self._packing = packing
        self._shape = shape

    @abc.abstractmethod
    def enter(self, carry: ChainCarry) -> LoopCarry:
        """Return what the loop over waves carries."""

    @abc.abstractmethod
    def leave(self, inner: LoopCarry, carry: ChainCarry) -> ChainCarry:
        """Return the carry after the loop; `carry` was the one before it."""

    @abc.abstractmethod
    def slots(self, inner: LoopCarry) -> Packed:
        """Return the kept versions of the weights."""

    @abc.abstractmethod
    def make(self, inner: LoopCarry, carry: ChainCarry, rows: ChainRows, wave: ChainWave) -> LoopCarry:
        """Return what the loop carries after the wave; `carry` is the one before the loop."""


class Vectors(NamedTuple):
    """What the loop carries where a wave is one product."""

    weights: Float[Array, " numbers"]
    velocity: Float[Array, " numbers"] | None
    slots: Float[Array, "slots numbers"]


@final
class ChainProduct(AbstractWaveSteps):
    """All steps at once, for SGD and rules that transform each gradient alone.

    With v_k = m·v_(k−1) + Σ s_j·g_j over the gradients of step k, and w_k = w_(k−1) − α·f_k·v_k, all
    weights of a wave are w_0 + C·(v_0, g_1, …, g_E). C follows from the coefficients s, the factors
    f of the schedule and the momentum m.
    """

    def __init__(self, parts: Steps, packing: Packing, shape: WaveShape, sgd: LinearUpdate, columns: ProductColumns) -> None:
        super().__init__(parts, packing, shape)
        depth = shape.depth
        ago = np.arange(depth)[:, None] - np.arange(depth)

        def toeplitz(values: Float[Array, " D"]) -> Float[Array, "D D"]:
            return jnp.where(ago >= 0, take(values, np.maximum(ago, 0)), 0.0)

        velocity, direction, along = columns
        self._directions = jnp.concatenate([toeplitz(direction), along[:, None]], axis=1)
        self._velocities = jnp.concatenate([toeplitz(velocity), velocity[1:, None]], axis=1)
        self._until = jnp.where(ago >= 0, -sgd.learning_rate, 0.0)

    def enter(self, carry: ChainCarry) -> Vectors:
        velocity = velocity_of(carry.state)
        assert isinstance(carry.slots, Packed)
        packed = self._packing.pack(carry.weights).numbers, carry.slots.numbers
        assert packed[0] is not None
        assert packed[1] is not None
        return Vectors(packed[0], None if velocity is None else self._packing.pack(velocity).numbers, packed[1])

    def leave(self, inner: Vectors, carry: ChainCarry) -> ChainCarry:
        weights, state = self._packing.unpack(Packed(inner.weights, ())), carry.state
        if inner.velocity is not None:
            state = with_velocity(state, self._packing.unpack(Packed(inner.velocity, ())))
        return carry._replace(weights=weights, state=state, slots=self.slots(inner))

    def slots(self, inner: Vectors) -> Packed:
        return Packed(inner.slots, ())

    def make(self, inner: Vectors, carry: ChainCarry, rows: ChainRows, wave: ChainWave) -> Vectors:
        parts, packing, depth = self._parts, self._packing, self._shape.depth

        def transform(gradient: Updates, read: Packed, e: IntScalar) -> Packed:
            result, _ = parts.transformed(gradient, packing.unpack(read), carry, rows, wave.begin, e)
            return packing.pack(result)

        gradients = jax.vmap(transform)(wave.gradients, wave.reads, wave.evaluations).numbers
        assert gradients is not None
        count = wave.end - wave.begin
        is_real = jnp.arange(depth) < count
        steps = jnp.minimum(wave.begin + jnp.arange(depth), rows.own.factor.shape[0] - 1)
        of_steps, of_velocity = self._coefficients(jnp.where(is_real, take(rows.own.factor, steps), 0.0), count)
        if rows.shared.first is None:  # step k applies evaluation k
            gradients, is_used = gradients[:depth], is_real
        else:
            belongs = self._belongs(rows, wave)
            is_used = belongs.any(axis=0)
            shares = jnp.where(belongs, take(rows.shared.coefficient, wave.evaluations), 0.0)
            of_steps = full_product(of_steps, shares)
        # What only fills up the shape may be infinite, and 0 times that is no number.
        gradients = jnp.where(is_used[:, None], gradients, 0.0)
        moved = full_product(of_steps, gradients)
        velocity = inner.velocity
        if velocity is not None:
            moved = moved + of_velocity[:, None] * velocity
            velocity = moved[-1]
        rates = parts.objective.rates
        change = moved[:-1] if rates is None else moved[:-1] * packing.spread_out(rates(carry.weights), moved.dtype)
        weights = inner.weights + change
        assert rows.shared.keep is not None
        keep = jnp.where(is_real, take(rows.shared.keep, steps), inner.slots.shape[0])
        return Vectors(weights[-1], velocity, inner.slots.at[keep].set(weights, mode="drop"))

    def _belongs(self, rows: ChainRows, wave: ChainWave) -> Bool[Array, "depth width"]:
        """Return whether each step of the wave applies each evaluation."""
        assert rows.shared.first is not None
        step, last = jnp.arange(self._shape.depth), rows.shared.first.shape[0] - 1
        first = take(rows.shared.first, jnp.minimum(wave.begin + step, last))
        after = take(rows.shared.first, jnp.minimum(wave.begin + step + 1, last))
        applies = (first[:, None] <= wave.evaluations) & (wave.evaluations < after[:, None])
        return applies & are_new(wave.evaluations) & (step < wave.end - wave.begin)[:, None]

    def _coefficients(
        self, factors: Float[Array, " depth"], count: IntScalar
    ) -> tuple[Float[Array, "depth+1 depth"], Float[Array, " depth+1"]]:
        """Return the coefficients of the steps' mean gradients, and of the velocity before the wave.

        There are rows for the sum of the changes up to each step, without rates, and at last a row
        for the velocity after the wave. `count` is the number of real steps; the factors of others
        are 0.
        """
        moves = full_product(self._until * factors, self._directions)  # of the weights after each step
        result = jnp.concatenate([moves, take(self._velocities, count - 1)[None]])
        return result[:, :-1], result[:, -1]


@final
class ChainInOrder(AbstractWaveSteps):
    """One step after the other, for all rules.

    The number of rounds is known when the loop is compiled, so that an accelerator need not ask the
    host after each. A round adds one evaluation, and makes a step if it is the step's last one.
    """

    def enter(self, carry: ChainCarry) -> ChainCarry:
        return carry

    def leave(self, inner: ChainCarry, carry: ChainCarry) -> ChainCarry:
        return inner

    def slots(self, inner: ChainCarry) -> Packed:
        assert isinstance(inner.slots, Packed)
        return inner.slots

    def make(self, inner: ChainCarry, carry: ChainCarry, rows: ChainRows, wave: ChainWave) -> ChainCarry:
        parts, shared, packing = self._parts, rows.shared, self._packing
        assert shared.keep is not None
        nowhere = jax.tree.leaves(inner.slots)[0].shape[0]
        keep = shared.keep

        def evaluate(i: IntScalar, reached: tuple[IntScalar, Updates, ChainCarry]) -> tuple[IntScalar, Updates, ChainCarry]:
            reached_step, total, carry = reached
            is_real, u = reached_step < wave.end, jnp.minimum(reached_step, keep.shape[0] - 1)
            e = take(wave.evaluations, i)
            gradient, read = take((wave.gradients, wave.reads), i)
            gradient, memory = parts.transformed(gradient, packing.unpack(read), carry, rows, u, e)
            is_last = jnp.asarray(True)
            if shared.first is not None:
                coefficient = take(shared.coefficient, e)
                gradient = jax.tree.map(lambda t, g: t + g * coefficient, total, gradient)
                is_last = e + 1 == take(shared.first, u + 1)
                total = jax.tree.map(lambda g: jnp.where(is_last, jnp.zeros_like(g), g), gradient)
            makes = is_real & is_last
            memory = either(is_real, memory, carry.memory)
            after, sent = parts.applied(u, carry._replace(memory=memory), rows, gradient)
            place = jnp.where(makes, take(keep, u), nowhere)
            slots = jax.tree.map(lambda leaf, new: leaf.at[place].set(new, mode="drop"), carry.slots, packing.pack(sent))
            chosen = ChainCarry(
                either(makes, after.weights, carry.weights),
                either(makes, after.state, carry.state),
                memory,
                slots,
                either(makes, after.sent, carry.sent),
            )
            return reached_step + makes, total, chosen

        zeros = jax.tree.map(jnp.zeros_like, inner.weights)
        result: ChainCarry = jax.lax.fori_loop(0, self._shape.width, evaluate, (wave.begin, zeros, inner))[2]
        return result


def in_waves(frame: Frame, shape: WaveShape, mesh: Mesh | None = None) -> Advance:
    """Return a loop that computes the gradients of a wave at once, then makes its steps.

    The loop must begin at the first step of a wave. No wave is larger than the `shape`.
    """
    packing = Packing(jax.eval_shape(frame.objective.init, jax.random.key(0)))

    def advance(
        carry: ChainCarry, rows: ChainRows, inputs: jax.Array, labels: jax.Array, start: IntScalar | int, stop: IntScalar | int
    ) -> ChainCarry:
        shared, parts = rows.shared, Steps(frame, rows.own.rule)
        steps: AbstractWaveSteps = ChainInOrder(parts, packing, shape)
        if rows.own.product is not None:
            assert parts.rule.sgd is not None
            steps = ChainProduct(parts, packing, shape, parts.rule.sgd, rows.own.product)
        assert shared.wave is not None
        bounds = shared.wave

        def wave(v: IntScalar, inner: LoopCarry) -> LoopCarry:
            begin, end = take(bounds, v), jnp.minimum(take(bounds, v + 1), jnp.asarray(stop, jnp.int32))
            first = begin if shared.first is None else take(shared.first, begin)
            evaluations = jnp.minimum(first + jnp.arange(shape.width, dtype=jnp.int32), rows.own.samples.shape[0] - 1)
            slots = steps.slots(inner)
            reads = jax.vmap(lambda e: _read(slots, rows, e, layers))(evaluations)
            reads = jax.tree.map(lambda leaf: spread(leaf, mesh), reads)
            gradients = jax.vmap(lambda read, e: parts.gradient(packing.unpack(read), rows, e, inputs, labels))(
                reads, evaluations
            )
            return steps.make(inner, carry, rows, ChainWave(begin, end, evaluations, reads, gradients))

        waves = jnp.searchsorted(bounds, jnp.stack([start, stop]), side="left")
        layers = packing.spread_out(parts.objective.layers(carry.weights), jnp.int32)
        return steps.leave(for_each_wave(waves[0], waves[1], wave, steps.enter(carry)), carry)

    return advance


def _read(slots: Packed, rows: ChainRows, e: IntScalar, layers: Int32[Array, " numbers"]) -> Packed:
    """Return the weights that evaluation e reads, layer by layer where these have different ages."""
    assert rows.shared.slot is not None
    read = take(rows.shared.slot, e)
    if read.shape[0] == 1:
        return take(slots, read[0])
    found: Packed = jax.tree.map(lambda leaf: leaf[read[layers], jnp.arange(leaf.shape[1])], slots)
    return found
