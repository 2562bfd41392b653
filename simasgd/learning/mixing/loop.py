"""The compiled loop over a plan with models of the learners' own.

All models that are still needed are in slots, and so are the optimizers' states. A row either mixes
two models (and their states, where the plan says so), or applies a gradient to one. Both read one
or two slots and write one. The loop goes from gradient to gradient, with an inner loop over the
mixing rows before each.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax.tree_util import PyTreeDef
from jaxtyping import Array, Float, Int, Int32

from simasgd.learning.layout.abstract import Advance, Rows
from simasgd.learning.layout.columns import Tree, take
from simasgd.learning.layout.packing import Packed, Packing
from simasgd.learning.layout.wave_loop import IntScalar
from simasgd.learning.problem.gradients import gradient_function
from simasgd.learning.problem.task import MOST_PROGRAMS, Frame
from simasgd.learning.rules import Rule
from simasgd.learning.rules.trees import State

"""The number of a row, a gradient or a slot."""
Share: TypeAlias = Float[Array, ""]
"""The coefficient of a model in a mixture."""


class MixingCarry(NamedTuple):
    """The carry of the loop: each row receives it and returns it changed."""

    models: Packed
    """The models, with a leading axis of slots on each leaf."""
    states: Packed
    """The optimizers' states, with a leading axis of slots on each leaf."""
    memory: State
    """The state of the per-gradient transformation."""


class MixingNumbers(NamedTuple):
    """The numbers of the models, in place of their slots, for each of U rows. Model n is made by row n − 1."""

    base: Int32[Array, " U"]
    other: Int32[Array, " U"]
    state: Int32[Array, " U"]
    other_state: Int32[Array, " U"] | None
    """NONE where no states are mixed; None if they never are."""
    needed: Int32[Array, " U"]
    """The last row that needs the model that the row makes."""
    state_needed: Int32[Array, " U"]
    """The last row that needs the optimizer's state that the row makes."""


class MixingColumns(NamedTuple):
    """The columns of a plan that all runs of a tape share, on the device.

    There are U rows, and E of them have a gradient. Columns of bases, states and the like hold
    slots.
    """

    row: Int32[Array, " E"]
    """The row of the gradient."""
    share: Float[Array, "E µ"] | None
    """The coefficient of each sample in the mean over its mini-batch; None if all are equal."""
    read: Int32[Array, " E"] | None
    """The slot of the model that the gradient is computed on.

    It is None if that always is the row's base.
    """
    staleness: Int32[Array, " E"]
    """In changes of the learner's model."""
    learner: Int32[Array, " E"]
    step_share: Float[Array, " E"] | None
    """The coefficient of the optimizer's update; None if all are 1."""
    base: Int32[Array, " U"]
    other: Int32[Array, " U"]
    base_share: Float[Array, " U"]
    other_share: Float[Array, " U"]
    state: Int32[Array, " U"]
    other_state: Int32[Array, " U"] | None
    """None if no states are mixed."""
    keep: Int32[Array, " U"]
    """The slot for the model that the row makes."""
    keep_state: Int32[Array, " U"]
    """The slot for the optimizer's state that the row makes."""
    before: Int32[Array, " U+1"]
    """The number of gradients in the rows before."""
    past: Int32[Array, ""] | None
    """The number of gradients before the tape; None if there are none."""
    wave: Int32[Array, " V+1"] | None = None
    """Wave v has rows `wave[v]` to `wave[v + 1]`."""
    numbers: MixingNumbers | None = None
    """None unless the rows of a wave are made by products."""


MixingRows: TypeAlias = Rows[MixingColumns]


def packings(frame: Frame, rule: Rule) -> tuple[Packing, Packing]:
    """Return how models and optimizers' states are packed. The rule's numbers do not matter."""
    return _packings(frame, jax.tree.structure(rule))


@lru_cache(MOST_PROGRAMS)
def _packings(frame: Frame, structure: PyTreeDef) -> tuple[Packing, Packing]:
    weights = jax.eval_shape(frame.objective.init, jax.random.key(0))
    rule: Rule = jax.tree.unflatten(structure, [0.0] * structure.num_leaves)
    return Packing(weights), Packing(jax.eval_shape(rule.update.init, weights))


def _mix(rows: MixingColumns, u: IntScalar, carry: MixingCarry) -> MixingCarry:
    """Return the carry after row u, which mixes two models, and two states if the rows name another's."""
    shares = take(rows.base_share, u), take(rows.other_share, u)
    model = mixture(_read(carry.models, take(rows.base, u)), _read(carry.models, take(rows.other, u)), *shares)
    states = carry.states
    if rows.other_state is not None:
        own, other = _read(states, take(rows.state, u)), _read(states, take(rows.other_state, u))
        states = _write(states, take(rows.keep_state, u), mixture(own, other, *shares))
    return carry._replace(models=_write(carry.models, take(rows.keep, u), model), states=states)


def row_by_row(frame: Frame) -> Advance:
    """Return a loop that plays one row after the other."""
    gradient_of = gradient_function(frame)

    def apply_gradient(
        rows: MixingRows, e: IntScalar, u: IntScalar, carry: MixingCarry, inputs: jax.Array, labels: jax.Array
    ) -> MixingCarry:
        own, shared = rows
        rule = own.rule
        model_packing, state_packing = packings(frame, rule)

        def step(_: IntScalar, before: tuple[Packed, Packed, State]) -> tuple[Packed, Packed, State]:
            base, state, memory = model_packing.unpack(before[0]), state_packing.unpack(before[1]), before[2]
            read = base
            if shared.read is not None:
                read = model_packing.unpack(_read(carry.models, take(shared.read, e)))
            samples, codes = take(own.samples, e), take(own.codes, e)
            gradient, memory = rule.per_gradient.update(
                gradient_of(read, take(inputs, samples), take(labels, samples), codes, take(shared.share, e)),
                memory,
                base,
                learner=take(shared.learner, e),
                read=read,
                staleness=take(shared.staleness, e),
                step=e if shared.past is None else e + shared.past,
                share=1.0,
                last=True,
            )
            update, state = rule.update.update(gradient, state, base, factor=take(own.factor, e))
            share = 1.0 if shared.step_share is None else take(shared.step_share, e)
            model = jax.tree.map(lambda x, d: x + share * d, base, update)
            return model_packing.pack(model), state_packing.pack(state), memory

        base, state = _read(carry.models, take(shared.base, u)), _read(carry.states, take(shared.state, u))
        # In a loop of one round XLA computes all this before it writes anything. Otherwise it reads
        # some of it again while it writes, and so copies all slots first.
        model, state, memory = jax.lax.fori_loop(e, e + 1, step, (base, state, carry.memory))
        models = _write(carry.models, take(shared.keep, u), model)
        return MixingCarry(models, _write(carry.states, take(shared.keep_state, u), state), memory)

    def advance(
        carry: MixingCarry,
        rows: MixingRows,
        inputs: jax.Array,
        labels: jax.Array,
        start: IntScalar | int,
        stop: IntScalar | int,
    ) -> MixingCarry:
        shared = rows.shared

        def mix_until(begin: IntScalar, end: IntScalar, carry: MixingCarry) -> MixingCarry:
            mixed: MixingCarry = jax.lax.fori_loop(begin, end, lambda u, carry: _mix(shared, u, carry), carry)
            return mixed

        def next_gradient(e: IntScalar, reached: tuple[IntScalar, MixingCarry]) -> tuple[IntScalar, MixingCarry]:
            begin, carry = reached
            u = take(shared.row, e)
            return u + 1, apply_gradient(rows, e, u, mix_until(begin, u, carry), inputs, labels)

        start, stop = jnp.asarray(start, jnp.int32), jnp.asarray(stop, jnp.int32)
        bounds = take(shared.before, start), take(shared.before, stop)
        begin, carry = jax.lax.fori_loop(*bounds, next_gradient, (start, carry))
        return mix_until(begin, stop, carry)

    return advance


@jax.jit
def mean_and_distance(
    models: Packed, learners: Int[Array, " learners"], centre: Int[Array, " centres"]
) -> tuple[Packed, Float[Array, ""]]:
    """Return the mean of the learners' models, or the centre's model, and the consensus distance.

    `learners` and `centre` are slots.
    """
    number = jax.tree.leaves(models)[0].shape[0]
    shares = jnp.zeros(number, jax.tree.leaves(models)[0].dtype).at[learners].add(1.0 / learners.shape[0])
    mean = jax.tree.map(lambda leaf: _weighted_sum(shares, leaf), models)
    squares = jax.tree.map(lambda leaf, middle: _weighted_sum(shares, (leaf - middle) ** 2).sum(), models, mean)
    distance = jnp.sqrt(sum(jax.tree.leaves(squares)))
    chosen = jax.tree.map(lambda leaf: leaf[centre[0]], models) if centre.shape[0] else mean
    return chosen, distance


def _weighted_sum(shares: Float[Array, " slots"], leaf: Float[Array, "slots ..."]) -> Float[Array, ...]:
    """Return Σ shares[s]·leaf[s] over the slots with a share.

    Other slots may hold anything, NaN included.
    """
    share = shares.reshape(-1, *[1] * (leaf.ndim - 1))
    return jnp.where(share > 0.0, share * leaf, 0.0).sum(axis=0)


def mixture(base: Tree, other: Tree, base_share: Share, other_share: Share) -> Tree:
    """Return base_share·base + other_share·other.

    Leaves other than floats, such as counts, are taken from the base.
    """

    def mix_leaf(x: jax.Array, y: jax.Array) -> jax.Array:
        if not jnp.issubdtype(x.dtype, jnp.floating):
            return x
        return base_share.astype(x.dtype) * x + other_share.astype(x.dtype) * y

    mixed: Tree = jax.tree.map(mix_leaf, base, other)
    return mixed


def _read(slots: Tree, slot: IntScalar) -> Tree:
    value: Tree = jax.tree.map(lambda leaf: jax.lax.dynamic_index_in_dim(leaf, slot, keepdims=False), slots)
    return value


def _write(slots: Tree, slot: IntScalar, value: Tree) -> Tree:
    written: Tree = jax.tree.map(lambda leaf, new: jax.lax.dynamic_update_index_in_dim(leaf, new, slot, 0), slots, value)
    return written
