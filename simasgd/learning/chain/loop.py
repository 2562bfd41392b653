"""The compiled loop over the steps of a plan with one chain of weights, and the parts that it shares with waves.

The current weights and the optimizer's state are part of the loop's carry. Only the versions that
learners still compute on are in slots. The bounds of a loop are arguments, so that evaluations in
between need no further compilation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int32, Shaped

from simasgd.learning.layout.abstract import Advance, Rows
from simasgd.learning.layout.columns import put, take
from simasgd.learning.layout.packing import Packed
from simasgd.learning.layout.wave_loop import IntScalar
from simasgd.learning.models.network import Parameters
from simasgd.learning.problem.gradients import gradient_function
from simasgd.learning.problem.task import Frame
from simasgd.learning.rules import Rule
from simasgd.learning.rules.trees import State, Updates


class GradientMemory(NamedTuple):
    """The part of the carry that each gradient changes."""

    state: State
    """The state of the per-gradient transformation."""
    copies: Parameters | None
    """The learners' own copies of the weights, with a leading axis of learners on each leaf.

    It is None without copies.
    """


class ChainCarry(NamedTuple):
    """The carry of the loop: each step receives it and returns it changed."""

    weights: Parameters
    state: State
    """The state of the optimizer."""
    memory: GradientMemory
    slots: Parameters | Packed | None
    """The kept versions of the weights, with a leading axis of slots on each leaf.

    They are packed where gradients are computed in waves. It is None without slots.
    """
    sent: Parameters | None
    """The weights as learners receive them, where these differ from `weights` and are in no slot.

    It is None elsewhere.
    """


class ChainColumns(NamedTuple):
    """The columns of a plan that all runs of a tape share, on the device.

    There are E evaluations of B samples, which read L layers, U steps and V waves. A column is None
    if it would hold the same for every row.
    """

    share: Float[Array, "E B"] | None
    """The coefficient of each sample in the mean over its evaluation."""
    slot: Int32[Array, "E L"] | None
    """The slots of the weights that the evaluation reads."""
    staleness: Int32[Array, " E"]
    """In updates."""
    learner: Int32[Array, " E"]
    coefficient: Float[Array, " E"]
    """The evaluation's coefficient in the mean of its step."""
    reads_copy: Bool[Array, " E"] | None
    """Whether the evaluation reads its learner's copy of the weights."""
    ends_message: Bool[Array, " E"] | None
    """Whether a message ends with this evaluation."""
    first: Int32[Array, " U+1"] | None
    """Step u applies evaluations `first[u]` to `first[u + 1]`; if None, evaluation u."""
    keep: Int32[Array, " U"] | None
    """The slot for the weights that the step makes."""
    past: Int32[Array, ""] | None
    """The number of updates before the tape; None if there are none."""
    wave: Int32[Array, " V+1"] | None
    """Wave v has steps `wave[v]` to `wave[v + 1]`."""


ChainRows: TypeAlias = Rows[ChainColumns]
EvaluateGradients: TypeAlias = Callable[[ChainCarry, IntScalar], tuple[Updates, GradientMemory]]
"""evaluate(carry, e) returns the transformed gradient of evaluation e, and the new memory."""


class Steps:
    """The parts of all loops."""

    def __init__(self, frame: Frame, rule: Rule) -> None:
        self.rule = rule
        self.objective = frame.objective
        self._gradient = gradient_function(frame)

    def read(self, carry: ChainCarry, rows: ChainRows, e: IntScalar) -> Parameters:
        """Return the weights that evaluation e reads."""
        version, copies = self._version(carry, rows, e), carry.memory.copies
        if copies is None:
            return version
        assert rows.shared.reads_copy is not None
        reads_copy, copy = take(rows.shared.reads_copy, e), take(copies, take(rows.shared.learner, e))
        return jax.tree.map(lambda own, common: jnp.where(reads_copy, own, common), copy, version)

    def _version(self, carry: ChainCarry, rows: ChainRows, e: IntScalar) -> Parameters:
        if carry.slots is None:
            return carry.weights if carry.sent is None else carry.sent
        assert rows.shared.slot is not None
        slots = take(rows.shared.slot, e)
        if slots.shape[0] == 1:
            return take(carry.slots, slots[0])
        layers = self.objective.layers(carry.weights)
        return jax.tree.map(lambda leaf, layer: take(leaf, slots[layer]), carry.slots, layers)

    def gradient(
        self, weights: Parameters, rows: ChainRows, e: IntScalar, inputs: Shaped[Array, "n ..."], labels: Shaped[Array, " n"]
    ) -> Updates:
        """Return the gradient of evaluation e on `weights`."""
        samples = take(rows.own.samples, e)
        codes, share = take(rows.own.codes, e), take(rows.shared.share, e)
        return self._gradient(weights, take(inputs, samples), take(labels, samples), codes, share)

    def transformed(
        self, gradient: Updates, read: Parameters, carry: ChainCarry, rows: ChainRows, u: IntScalar, e: IntScalar
    ) -> tuple[Updates, GradientMemory]:
        """Return the transformed gradient of evaluation e in step u, and the new memory."""
        memory, shared = carry.memory, rows.shared
        result, state = self.rule.per_gradient.update(
            gradient,
            memory.state,
            carry.weights,
            learner=take(shared.learner, e),
            read=read,
            staleness=take(shared.staleness, e),
            step=u if shared.past is None else u + shared.past,
            share=take(shared.coefficient, e),
            last=True if shared.ends_message is None else take(shared.ends_message, e),
        )
        copies = memory.copies
        if copies is not None:
            assert rows.own.local_factor is not None
            stepped = self.rule.local(gradient, read, take(rows.own.local_factor, e))
            copies = put(copies, take(shared.learner, e), stepped)
        return result, GradientMemory(state, copies)

    def step(self, u: IntScalar, carry: ChainCarry, rows: ChainRows, evaluate: EvaluateGradients) -> ChainCarry:
        """Return the carry after step u."""
        first = rows.shared.first
        if first is None:
            gradient, memory = evaluate(carry, u)
        else:

            def add(e: IntScalar, accumulated: tuple[Updates, GradientMemory]) -> tuple[Updates, GradientMemory]:
                total, memory = accumulated
                coefficient = take(rows.shared.coefficient, e)
                gradient, memory = evaluate(carry._replace(memory=memory), e)
                return jax.tree.map(lambda t, g: t + g * coefficient, total, gradient), memory

            zeros = jax.tree.map(jnp.zeros_like, carry.weights)
            gradient, memory = jax.lax.fori_loop(take(first, u), take(first, u + 1), add, (zeros, carry.memory))
        made, sent = self.applied(u, carry._replace(memory=memory), rows, gradient)
        if carry.slots is None:
            return made
        assert rows.shared.keep is not None
        return made._replace(slots=put(carry.slots, take(rows.shared.keep, u), sent))

    def applied(self, u: IntScalar, carry: ChainCarry, rows: ChainRows, gradient: Updates) -> tuple[ChainCarry, Parameters]:
        """Return the carry after step u with this mean gradient, but for its slots, and the weights that learners receive."""
        factor = take(rows.own.factor, u)
        update, state = self.rule.update.update(gradient, carry.state, carry.weights, factor=factor)
        weights = optax.apply_updates(carry.weights, update)
        look = self.rule.look
        sent = weights if look is None else look(weights, carry.memory.state, factor)
        return carry._replace(weights=weights, state=state, sent=None if carry.sent is None else sent), sent


def one_by_one(frame: Frame) -> Advance:
    """Return a loop in which every evaluation reads its weights at its turn."""

    def advance(
        carry: ChainCarry, rows: ChainRows, inputs: jax.Array, labels: jax.Array, start: IntScalar | int, stop: IntScalar | int
    ) -> ChainCarry:
        parts = Steps(frame, rows.own.rule)

        def step(u: IntScalar, carry: ChainCarry) -> ChainCarry:
            def evaluate(carry: ChainCarry, e: IntScalar) -> tuple[Updates, GradientMemory]:
                read = parts.read(carry, rows, e)
                return parts.transformed(parts.gradient(read, rows, e, inputs, labels), read, carry, rows, u, e)

            return parts.step(u, carry, rows, evaluate)

        return _two_by_two(start, stop, step, carry)

    return advance


def _two_by_two(
    start: IntScalar | int, stop: IntScalar | int, step: Callable[[IntScalar, ChainCarry], ChainCarry], carry: ChainCarry
) -> ChainCarry:
    """Make steps `start` to `stop` in order, two in an iteration, and one more if left over.

    Within an iteration XLA updates the carry in place. One step an iteration costs a copy of it, 13
    % on the smallest models. One step and two steps may round differently. So callers must divide a
    run into even numbers of steps wherever the division must not show.
    """

    def two(pair: IntScalar, carry: ChainCarry) -> ChainCarry:
        return step(start + 2 * pair + 1, step(start + 2 * pair, carry))

    pairs = (stop - start) // 2
    carry = jax.lax.fori_loop(0, pairs, two, carry)
    last: ChainCarry = jax.lax.fori_loop(start + 2 * pairs, stop, step, carry)
    return last
