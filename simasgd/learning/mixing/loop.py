"""The compiled loop over a plan of learners' own models.

All models sit in slots, one for each that is alive, and so do the optimizers' states. A row either mixes two models (and their
states, where the plan says so), or applies a gradient to one; both read one or two slots and write one. The loop goes from
gradient to gradient, with an inner one over the mixing before each.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax.sharding import Mesh

from simasgd.learning.chain.loop import at
from simasgd.learning.chain.plan import padded, rounded
from simasgd.learning.mixing.packing import Packed, Packing
from simasgd.learning.mixing.plan import MixingPlan
from simasgd.learning.models.build import Parameters
from simasgd.learning.problem.gradients import gradient_function
from simasgd.learning.problem.problem import Problem
from simasgd.learning.problem.recipe import Recipe
from simasgd.mixing import NONE


class Carry(NamedTuple):
    """What the loop takes from row to row: `models` and `states`, packed, with a leading axis of slots on each leaf, and the
    state of the stage that gradients go through one by one."""

    models: Packed
    states: Packed
    memory: Any


class Rows(NamedTuple):
    """A plan's columns on the device.

    Of gradients, (E, µ): samples, and codes (how they are augmented; None where they are not). (E,): row; read, the slot of the
    model that it was computed on (None where that is always the base); staleness; learner; step_share, None where all are 1;
    factor, of the schedule. Of rows, (U,): base, other, state, other_state, keep, keep_state, all slots (other_state None where
    no states are mixed); base_share, other_share. before (U + 1,): how many gradients the rows before have.
    """

    samples: Any
    codes: Any
    row: Any
    read: Any
    staleness: Any
    learner: Any
    step_share: Any
    factor: Any
    base: Any
    other: Any
    base_share: Any
    other_share: Any
    state: Any
    other_state: Any
    keep: Any
    keep_state: Any
    before: Any


def rows_of(plan: MixingPlan, problem: Problem) -> Rows:
    """The columns of a plan filled in with a problem's samples, NumPy arrays."""
    tape, mixing = plan.tape, plan.mixing
    evaluations, rows = rounded(plan.num_evaluations), rounded(plan.num_steps)

    def of_gradients(values: npt.NDArray[Any], dtype: Any = np.int32) -> npt.NDArray[Any]:
        return padded(values, evaluations, dtype)

    def of_rows(values: npt.NDArray[Any], dtype: Any = np.int32) -> npt.NDArray[Any]:
        return padded(values, rows, dtype)

    def slots(numbers: npt.NDArray[Any], slot: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The slots of these; of none, the last one, which nobody reads."""
        return of_rows(np.where(numbers == NONE, slot.max(initial=0), slot[np.maximum(numbers, 0)]))

    share = mixing.step_share[plan.turn]
    before = np.full(rows + 1, plan.num_evaluations, np.int32)
    before[: plan.num_steps + 1] = plan.first
    return Rows(
        samples=of_gradients(problem.batches),
        codes=None if problem.codes is None else of_gradients(problem.codes),
        row=of_gradients(plan.turn),
        read=None if (mixing.base[plan.turn] == tape.timestamp).all() else of_gradients(plan.slot[tape.timestamp]),
        staleness=of_gradients(tape.staleness),
        learner=of_gradients(tape.learner),
        step_share=None if (share == 1.0).all() else of_gradients(share, problem.dtype),
        factor=of_gradients(problem.factors[plan.turn], problem.dtype),
        base=slots(mixing.base, plan.slot),
        other=slots(np.where(mixing.other == NONE, mixing.base, mixing.other), plan.slot),
        base_share=of_rows(mixing.base_share, problem.dtype),
        other_share=of_rows(mixing.other_share, problem.dtype),
        state=slots(mixing.state, plan.state_slot),
        other_state=slots(mixing.other_state, plan.state_slot) if plan.mixes_states else None,
        keep=of_rows(plan.slot[1:]),
        keep_state=of_rows(plan.state_slot[1:]),
        before=before,
    )


def start_of(plan: MixingPlan, problem: Problem) -> Carry:
    """The carry before the first row."""
    rule, weights = problem.recipe.rule, problem.start

    def in_slots(tree: Any, slots: int, place: int) -> Any:
        return jax.tree.map(lambda leaf: jnp.zeros((slots, *jnp.shape(leaf)), leaf.dtype).at[place].set(leaf), tree)

    of_models, of_states = packings(problem.recipe)
    models = in_slots(of_models.pack(weights), plan.num_slots, int(plan.slot[0]))
    states = in_slots(of_states.pack(rule.update.init(weights)), plan.num_state_slots, int(plan.state_slot[0]))
    return Carry(models, states, rule.per_gradient.init(weights))


@cache
def packings(recipe: Recipe) -> tuple[Packing, Packing]:
    """How models and optimizers' states are packed."""
    weights = jax.eval_shape(recipe.task.objective.init, jax.random.key(0))
    return Packing(weights), Packing(jax.eval_shape(recipe.rule.update.init, weights))


def in_turn(recipe: Recipe, width: int | None, mesh: Mesh | None) -> Callable[..., Carry]:
    """A loop that plays one row after the other, from row `start` to row `stop`."""
    del width, mesh  # a learner's next gradient wants its last one
    rule, gradient_of = recipe.rule, gradient_function(recipe)
    of_models, of_states = packings(recipe)

    def mixed(rows: Rows, u: Any, carry: Carry) -> Carry:
        shares = at(u)(rows.base_share), at(u)(rows.other_share)
        model = _mix(_read(carry.models, at(u)(rows.base)), _read(carry.models, at(u)(rows.other)), *shares)
        states = carry.states
        if rows.other_state is not None:
            own, theirs = _read(states, at(u)(rows.state)), _read(states, at(u)(rows.other_state))
            states = _write(states, at(u)(rows.keep_state), _mix(own, theirs, *shares))
        return carry._replace(models=_write(carry.models, at(u)(rows.keep), model), states=states)

    def stepped(rows: Rows, e: Any, u: Any, carry: Carry, inputs: jax.Array, labels: jax.Array) -> Carry:
        def step(_: Any, before: tuple[Packed, Packed, Any]) -> tuple[Packed, Packed, Any]:
            base, own, memory = of_models.unpack(before[0]), of_states.unpack(before[1]), before[2]
            read = base if rows.read is None else of_models.unpack(_read(carry.models, at(e)(rows.read)))
            chosen, codes = at(e)(rows.samples), None if rows.codes is None else at(e)(rows.codes)
            gradient, memory = rule.per_gradient.update(
                gradient_of(read, at(chosen)(inputs), at(chosen)(labels), codes),
                memory,
                base,
                learner=at(e)(rows.learner),
                read=read,
                staleness=at(e)(rows.staleness),
                step=e,
                share=1.0,
                last=True,
            )
            update, state = rule.update.update(gradient, own, base, factor=at(e)(rows.factor))
            share = 1.0 if rows.step_share is None else at(e)(rows.step_share)
            model = jax.tree.map(lambda x, d: x + share * d, base, update)
            return of_models.pack(model), of_states.pack(state), memory

        base, own = _read(carry.models, at(u)(rows.base)), _read(carry.states, at(u)(rows.state))
        # A loop of one round makes XLA compute all this before anything is written. Else it reads some of it again when it
        # writes, and so copies all slots first.
        model, state, memory = jax.lax.fori_loop(e, e + 1, step, (base, own, carry.memory))
        models = _write(carry.models, at(u)(rows.keep), model)
        return Carry(models, _write(carry.states, at(u)(rows.keep_state), state), memory)

    def advance(carry: Carry, rows: Rows, inputs: jax.Array, labels: jax.Array, start: Any, stop: Any) -> Carry:
        def mix_until(begin: Any, end: Any, carry: Carry) -> Carry:
            result: Carry = jax.lax.fori_loop(begin, end, lambda u, carry: mixed(rows, u, carry), carry)
            return result

        def turn(e: Any, reached: tuple[Any, Carry]) -> tuple[Any, Carry]:
            begin, carry = reached
            u = at(e)(rows.row)
            return u + 1, stepped(rows, e, u, mix_until(begin, u, carry), inputs, labels)

        start, stop = jnp.asarray(start, jnp.int32), jnp.asarray(stop, jnp.int32)
        begin, carry = jax.lax.fori_loop(at(start)(rows.before), at(stop)(rows.before), turn, (start, carry))
        return mix_until(begin, stop, carry)

    return advance


def looked_at(plan: MixingPlan, recipe: Recipe, carry: Carry, rows: int) -> tuple[Parameters, jax.Array]:
    """The model that is evaluated when so many rows have been made, and the consensus distance."""
    learners, centre = plan.held(rows)
    model, distance = _looked_at(carry.models, jnp.asarray(learners), jnp.asarray(centre))
    return packings(recipe)[0].unpack(model), distance


@jax.jit
def _looked_at(models: Packed, learners: jax.Array, centre: jax.Array) -> tuple[Packed, jax.Array]:
    number = jax.tree.leaves(models)[0].shape[0]
    parts = jnp.zeros(number, jax.tree.leaves(models)[0].dtype).at[learners].add(1.0 / learners.shape[0])
    mean = jax.tree.map(lambda leaf: _weighted(parts, leaf), models)
    apart = jax.tree.map(lambda leaf, middle: _weighted(parts, (leaf - middle) ** 2).sum(), models, mean)
    distance = jnp.sqrt(sum(jax.tree.leaves(apart)))
    looked_at = jax.tree.map(lambda leaf: leaf[centre[0]], models) if centre.shape[0] else mean
    return looked_at, distance


def _weighted(parts: jax.Array, leaf: jax.Array) -> jax.Array:
    """Σ parts[s]·leaf[s] over the slots that have a part: what is in others may be anything."""
    part = parts.reshape(-1, *[1] * (leaf.ndim - 1))
    return jnp.where(part > 0.0, part * leaf, 0.0).sum(axis=0)


def _mix(one: Any, other: Any, own_share: Any, share: Any) -> Any:
    """own_share·one + share·other; what is no real number (a count) is that of the first."""

    def leaf(x: jax.Array, y: jax.Array) -> jax.Array:
        return own_share.astype(x.dtype) * x + share.astype(x.dtype) * y if jnp.issubdtype(x.dtype, jnp.floating) else x

    return jax.tree.map(leaf, one, other)


def _read(slots: Any, place: Any) -> Any:
    return jax.tree.map(lambda leaf: jax.lax.dynamic_index_in_dim(leaf, place, keepdims=False), slots)


def _write(slots: Any, place: Any, values: Any) -> Any:
    return jax.tree.map(lambda leaf, new: jax.lax.dynamic_update_index_in_dim(leaf, new, place, 0), slots, values)
