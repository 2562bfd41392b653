"""The compiled loop over the waves of a plan with models of the learners' own.

The gradients of a wave are one batched call. Then its rows are made: by matrix products where the
rule is linear, else one after the other.
"""

from __future__ import annotations

import abc
from typing import NamedTuple, final

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Bool, Float, Int, Int8, Int32

from simasgd.learning.layout.abstract import Advance
from simasgd.learning.layout.columns import take
from simasgd.learning.layout.packing import Packed
from simasgd.learning.layout.wave_loop import IntScalar, are_new, either, for_each_wave, full_product, spread
from simasgd.learning.layout.waves import WaveShape
from simasgd.learning.mixing.loop import MixingCarry, MixingRows, mixture, packings
from simasgd.learning.problem.gradients import gradient_function
from simasgd.learning.problem.task import Frame
from simasgd.learning.rules import Rule
from simasgd.learning.rules.linear import LinearUpdate
from simasgd.learning.rules.trees import State, Updates


class MixingWave(NamedTuple):
    """A wave with its gradients. Evaluations of rows from `end` on only fill up the shape."""

    begin: IntScalar
    """Its first row."""
    end: IntScalar
    """The row after its last."""
    evaluations: Int32[Array, " width"]
    reads: Packed
    """The models that the gradients are computed on, with a leading axis of evaluations."""
    gradients: Updates
    """The gradients, with a leading axis of evaluations on each leaf."""

    def rows(self, depth: int, last: int) -> tuple[Int[Array, " depth"], Bool[Array, " depth"]]:
        """Return `depth` rows, none after the `last` of the tape, and whether each is a row of the wave."""
        rows = self.begin + jnp.arange(depth, dtype=jnp.int32)
        return jnp.minimum(rows, last), rows < self.end


class AbstractWaveRows(abc.ABC):
    """A way to make the rows of a wave from its gradients."""

    def __init__(self, frame: Frame, rule: Rule, shape: WaveShape) -> None:
        self._rule = rule
        self._rates = frame.objective.rates
        self._model_packing, self._state_packing = packings(frame, rule)
        self._shape = shape

    @abc.abstractmethod
    def make(self, carry: MixingCarry, rows: MixingRows, wave: MixingWave) -> MixingCarry:
        """Return the carry after the wave."""

    def _transformed(
        self, gradient: Updates, read: Packed, base: Packed, memory: State, rows: MixingRows, e: IntScalar
    ) -> tuple[Updates, State]:
        """Return the transformed gradient of evaluation e, which is a step of the model `base`, and the new memory."""
        shared = rows.shared
        result: tuple[Updates, State] = self._rule.per_gradient.update(
            gradient,
            memory,
            self._model_packing.unpack(base),
            learner=take(shared.learner, e),
            read=self._model_packing.unpack(read),
            staleness=take(shared.staleness, e),
            step=e if shared.past is None else e + shared.past,
            share=1.0,
            last=True,
        )
        return result


@final
class MixingProduct(AbstractWaveRows):
    """All rows at once, for SGD and rules that transform each gradient alone.

    A row's model is a sum of two models, or of a model and an update; its velocity is a sum of two
    velocities, or of a velocity and a gradient. So all are linear maps of the models and velocities
    before the wave and of the gradients. If the values x that rows make satisfy x = A·x + B·z, with
    the values z from before, they are (1 − A)⁻¹·B·z. A is strictly triangular.
    """

    def __init__(self, frame: Frame, rule: Rule, shape: WaveShape, sgd: LinearUpdate) -> None:
        super().__init__(frame, rule, shape)
        self._sgd = sgd

    def make(self, carry: MixingCarry, rows: MixingRows, wave: MixingWave) -> MixingCarry:
        shared, numbers, sgd = rows.shared, rows.shared.numbers, self._sgd
        assert numbers is not None
        models, velocities = carry.models.numbers, carry.states.numbers
        assert models is not None

        def transform(gradient: Updates, read: Packed, e: IntScalar) -> Packed:
            return self._model_packing.pack(self._transformed(gradient, read, read, carry.memory, rows, e)[0])

        gradients = jax.vmap(transform)(wave.gradients, wave.reads, wave.evaluations).numbers
        assert gradients is not None
        u, is_real = wave.rows(self._shape.depth, shared.base.shape[0] - 1)
        applies = (u[:, None] == take(shared.row, wave.evaluations)) & are_new(wave.evaluations) & is_real[:, None]
        # What only fills up the shape may be infinite, and 0 times that is no number.
        gradients = jnp.where(applies.any(axis=0)[:, None], gradients, 0.0)
        steps = applies.any(axis=1)
        dtype = models.dtype
        applied = applies.astype(dtype)
        factor = take(rows.own.factor, wave.evaluations)
        if shared.step_share is not None:
            factor = factor * take(shared.step_share, wave.evaluations)
        shares = jnp.where(steps, 1.0, take(shared.base_share, u)), jnp.where(steps, 0.0, take(shared.other_share, u))
        shares = jnp.where(is_real, shares[0], 0.0).astype(dtype), jnp.where(is_real, shares[1], 0.0).astype(dtype)
        ends = wave.begin, self._shape.depth

        own = _references(take(numbers.base, u), take(shared.base, u), models.shape[0], *ends)
        other = _references(take(numbers.other, u), take(shared.other, u), models.shape[0], *ends)
        inverse, of_models = _solved(
            *(shares[0][:, None] * a + shares[1][:, None] * b for a, b in zip(own, other, strict=True))
        )
        moves = -sgd.learning_rate * (applied * factor).sum(axis=1)
        sources, direction = gradients, applied
        states = carry.states
        if velocities is not None:
            of_step = jnp.where(steps, sgd.momentum, 0.0).astype(dtype)
            mixes = jnp.zeros_like(of_step), jnp.zeros_like(of_step)
            if numbers.other_state is not None:
                is_mixture = ~steps & (take(numbers.other_state, u) >= 0)
                mixes = jnp.where(is_mixture, shares[0], 0.0), jnp.where(is_mixture, shares[1], 0.0)
            own = _references(take(numbers.state, u), take(shared.state, u), velocities.shape[0], *ends)
            inside, before = ((of_step + mixes[0])[:, None] * part for part in own)
            if numbers.other_state is not None:
                assert shared.other_state is not None
                other = _references(take(numbers.other_state, u), take(shared.other_state, u), velocities.shape[0], *ends)
                inside, before = (sum_ + mixes[1][:, None] * part for sum_, part in zip((inside, before), other, strict=True))
            made = _solved(inside, jnp.concatenate([before, applied], axis=1))[1]
            sources = jnp.concatenate([velocities, gradients])
            direction = jnp.concatenate([jnp.zeros_like(before), applied], axis=1)
            direction = direction + sgd.momentum * made if sgd.nesterov else made
            alive, places = _survivors(numbers.state_needed, shared.keep_state, u, is_real, wave.end, velocities.shape[0])
            kept = full_product(take(made, alive), sources)
            states = states._replace(numbers=velocities.at[places].set(kept, mode="drop"))
        alive, places = _survivors(numbers.needed, shared.keep, u, is_real, wave.end, models.shape[0])
        change = full_product(full_product(take(inverse, alive) * moves, direction), sources)
        if self._rates is not None:
            model = self._model_packing.unpack(take(wave.reads, 0))
            change = change * self._model_packing.spread_out(self._rates(model), dtype)
        result = full_product(take(of_models, alive), models) + change
        return carry._replace(models=carry.models._replace(numbers=models.at[places].set(result, mode="drop")), states=states)


def _references(
    numbers: Int[Array, " depth"], slots: Int[Array, " depth"], num_slots: int, begin: IntScalar, depth: int
) -> tuple[Int8[Array, "depth depth"], Int8[Array, "depth slots"]]:
    """Return which row of the wave, and which slot, holds the model of each of these numbers, as matrices of 0 and 1.

    Model n is made by row n − 1. One that no row of the wave makes is in its slot.
    """
    place = (numbers - 1 - begin)[:, None]
    inside = place == jnp.arange(depth)
    return inside.astype(jnp.int8), ((place < 0) & (slots[:, None] == jnp.arange(num_slots))).astype(jnp.int8)


def _solved(inside: Float[Array, "d d"], before: Float[Array, "d n"]) -> tuple[Float[Array, "d d"], Float[Array, "d n"]]:
    """Return (1 − A)⁻¹ and (1 − A)⁻¹·B for a strictly lower triangular A: (1 + A)·(1 + A²)·(1 + A⁴)⋯ and its product with B."""
    depth = inside.shape[0]
    unit = jnp.eye(depth, dtype=inside.dtype)
    inverse, power = unit + inside, inside
    for _ in range(max(0, int(np.ceil(np.log2(max(2, depth)))) - 1)):
        power = full_product(power, power)
        inverse = inverse + full_product(inverse, power)
    return inverse, full_product(inverse, before)


def _survivors(
    needed: Int32[Array, " U"],
    keep: Int32[Array, " U"],
    u: Int[Array, " depth"],
    is_real: Bool[Array, " depth"],
    end: IntScalar,
    num_slots: int,
) -> tuple[Int[Array, " alive"], Int[Array, " alive"]]:
    """Return the rows of a wave whose values are needed after it, and their slots.

    What fills up the result has a slot that does not exist.
    """
    survives = is_real & (take(needed, u) >= end)
    alive = jnp.nonzero(survives, size=min(u.shape[0], num_slots), fill_value=0)[0]
    is_one = jnp.arange(alive.shape[0]) < survives.sum()
    return alive, jnp.where(is_one, take(keep, take(u, alive)), num_slots)


@final
class MixingInOrder(AbstractWaveRows):
    """One row after the other, for all rules.

    The number of rounds is known when the loop is compiled, so that an accelerator need not ask the
    host after each.
    """

    def make(self, carry: MixingCarry, rows: MixingRows, wave: MixingWave) -> MixingCarry:
        shared = rows.shared
        nowhere = tuple(jax.tree.leaves(slots)[0].shape[0] if jax.tree.leaves(slots) else 0 for slots in carry[:2])
        first = take(wave.evaluations, 0)

        def row(k: IntScalar, carry: MixingCarry) -> MixingCarry:
            is_real, u = wave.begin + k < wave.end, jnp.minimum(wave.begin + k, shared.base.shape[0] - 1)
            e = take(shared.before, u)
            steps = is_real & (take(shared.before, u + 1) > e)
            place = jnp.minimum(e - first, wave.evaluations.shape[0] - 1)
            gradient, read = take((wave.gradients, wave.reads), place)
            base, state = take(carry.models, take(shared.base, u)), take(carry.states, take(shared.state, u))
            gradient, memory = self._transformed(gradient, read, base, carry.memory, rows, take(wave.evaluations, place))
            model, before = self._model_packing.unpack(base), self._state_packing.unpack(state)
            factor = take(rows.own.factor, take(wave.evaluations, place))
            update, after = self._rule.update.update(gradient, before, model, factor=factor)
            share = 1.0 if shared.step_share is None else take(shared.step_share, take(wave.evaluations, place))
            stepped = self._model_packing.pack(jax.tree.map(lambda x, d: x + share * d, model, update))
            shares = take(shared.base_share, u), take(shared.other_share, u)
            mixed, mixed_state = mixture(base, take(carry.models, take(shared.other, u)), *shares), state
            keeps_state = steps
            if shared.other_state is not None:
                mixed_state, keeps_state = mixture(state, take(carry.states, take(shared.other_state, u)), *shares), is_real
            made = either(steps, stepped, mixed)
            made_state = either(steps, self._state_packing.pack(after), mixed_state)
            kept = jnp.where(is_real, take(shared.keep, u), nowhere[0])
            kept_state = jnp.where(keeps_state, take(shared.keep_state, u), nowhere[1])
            return MixingCarry(
                jax.tree.map(lambda slots, new: slots.at[kept].set(new, mode="drop"), carry.models, made),
                jax.tree.map(lambda slots, new: slots.at[kept_state].set(new, mode="drop"), carry.states, made_state),
                either(steps, memory, carry.memory),
            )

        result: MixingCarry = jax.lax.fori_loop(0, self._shape.depth, row, carry)
        return result


def in_waves(frame: Frame, shape: WaveShape, mesh: Mesh | None) -> Advance:
    """Return a loop that computes the gradients of a wave at once, then makes its rows.

    The loop must begin at the first row of a wave. No wave is larger than the `shape`.
    """
    gradient_of = gradient_function(frame)

    def advance(
        carry: MixingCarry,
        rows: MixingRows,
        inputs: jax.Array,
        labels: jax.Array,
        start: IntScalar | int,
        stop: IntScalar | int,
    ) -> MixingCarry:
        own, shared = rows
        rule = own.rule
        packing, _ = packings(frame, rule)
        made: AbstractWaveRows = MixingInOrder(frame, rule, shape)
        if rule.is_product:
            assert rule.sgd is not None
            made = MixingProduct(frame, rule, shape, rule.sgd)
        assert shared.wave is not None
        bounds = shared.wave

        def gradient(read: Packed, e: IntScalar) -> Updates:
            samples, codes = take(own.samples, e), take(own.codes, e)
            share = take(shared.share, e)
            return gradient_of(packing.unpack(read), take(inputs, samples), take(labels, samples), codes, share)

        def wave(v: IntScalar, carry: MixingCarry) -> MixingCarry:
            begin, end = take(bounds, v), jnp.minimum(take(bounds, v + 1), jnp.asarray(stop, jnp.int32))
            first = take(shared.before, begin)
            evaluations = jnp.minimum(first + jnp.arange(shape.width, dtype=jnp.int32), own.samples.shape[0] - 1)
            slots = take(shared.base, take(shared.row, evaluations)) if shared.read is None else take(shared.read, evaluations)
            reads = jax.tree.map(lambda leaf: spread(leaf, mesh), take(carry.models, slots))
            gradients = jax.vmap(gradient)(reads, evaluations)
            return made.make(carry, rows, MixingWave(begin, end, evaluations, reads, gradients))

        waves = jnp.searchsorted(bounds, jnp.stack([start, stop]), side="left")
        return for_each_wave(waves[0], waves[1], wave, carry)

    return advance
