"""The layout of a tape whose learners have models of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import final

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax.sharding import Mesh
from jaxtyping import Array, Float, Int32

from simasgd.learning.layout.abstract import AbstractLayout, Advance, MemberColumns, numbers_on_device
from simasgd.learning.layout.columns import Lengths, Values, bounds_column, column, first_rows, in_slots, pad, put, take
from simasgd.learning.layout.costs import DeviceCosts
from simasgd.learning.layout.moment import Moment
from simasgd.learning.layout.packing import Packed
from simasgd.learning.layout.sizes import ByteSizes, describe_mini_batch
from simasgd.learning.layout.waves import WaveShape
from simasgd.learning.layout.work import count_work
from simasgd.learning.mixing.in_waves import in_waves
from simasgd.learning.mixing.loop import MixingCarry, MixingColumns, MixingNumbers, mean_and_distance, packings, row_by_row
from simasgd.learning.mixing.plan import MixingPlan, plan_mixing
from simasgd.learning.mixing.reference import play_reference
from simasgd.learning.models.network import Parameters
from simasgd.learning.problem.problem import Problem
from simasgd.learning.problem.recipe import Recipe
from simasgd.learning.problem.snapshot import Snapshot
from simasgd.learning.problem.task import Frame, SampleType
from simasgd.tape.arrays import Ints
from simasgd.tape.mixing import NONE
from simasgd.tape.tape import Tape


@final
@dataclass(frozen=True, eq=False)
class MixingLayout(AbstractLayout):
    """A layout that keeps in slots all models and optimizers' states that are still needed."""

    plan: MixingPlan
    lengths: Lengths

    @classmethod
    def lay_out(cls, recipe: Recipe, tape: Tape, sample: SampleType, stops: Sequence[int], costs: DeviceCosts) -> MixingLayout:
        work = partial(count_work, recipe, sample)
        plan = plan_mixing(tape, costs, work, stops, keeps_states=recipe.keeps_states)
        return cls(plan, _lengths(plan))

    def stretched(self, factor: float) -> MixingLayout:
        return replace(self, lengths=_lengths(self.plan, factor))

    @staticmethod
    def play_reference(problem: Problem, stops: Sequence[int], progress: Callable[[int], None]) -> Iterator[Moment]:
        return play_reference(problem, stops, progress)

    @staticmethod
    def loop(frame: Frame, shape: WaveShape | None, mesh: Mesh | None) -> Advance:
        return row_by_row(frame) if shape is None else in_waves(frame, shape, mesh)

    @property
    def slot_contents(self) -> str:
        return "models"

    @property
    def fused(self) -> int:
        return 1

    def samples(self, problem: Problem) -> npt.NDArray[np.int32]:
        return pad(problem.batches, self.lengths.evaluations, np.int32)

    def member_columns(self, problem: Problem, samples: npt.NDArray[np.int32]) -> MemberColumns:
        return MemberColumns(
            samples=jnp.asarray(samples),
            codes=None if problem.codes is None else self._of_gradients(problem.codes, np.int32),
            factor=self._of_gradients(problem.factors[self.plan.gradient_rows], problem.dtype),
            local_factor=None,
            rule=numbers_on_device(problem.recipe.rule, problem.dtype),
            product=None,
        )

    def shared_columns(self, problem: Problem) -> MixingColumns:
        plan, tape, mixing = self.plan, self.plan.tape, self.plan.mixing
        rows = self.lengths.steps

        def of_rows(values: Values, dtype: npt.DTypeLike = np.int32) -> jax.Array:
            return column(values, rows, dtype)

        def slots(numbers: Ints, slot: Ints) -> Int32[Array, " U"]:
            """Return the slots of models or states; for NONE the last slot, which is never read."""
            return of_rows(np.where(numbers == NONE, slot.max(initial=0), slot[np.maximum(numbers, 0)]))

        reads_base = bool((mixing.base[plan.gradient_rows] == tape.timestamp).all())
        step_share = mixing.step_share[plan.gradient_rows]
        return MixingColumns(
            row=self._of_gradients(plan.gradient_rows, np.int32),
            share=None if problem.shares is None else self._of_gradients(problem.shares, problem.dtype),
            read=None if reads_base else self._of_gradients(plan.slot[tape.timestamp], np.int32),
            staleness=self._of_gradients(tape.staleness, np.int32),
            learner=self._of_gradients(tape.learner, np.int32),
            step_share=None if (step_share == 1.0).all() else self._of_gradients(step_share, problem.dtype),
            base=slots(mixing.base, plan.slot),
            other=slots(np.where(mixing.other == NONE, mixing.base, mixing.other), plan.slot),
            base_share=of_rows(mixing.base_share, problem.dtype),
            other_share=of_rows(mixing.other_share, problem.dtype),
            state=slots(mixing.state, plan.state_slot),
            other_state=slots(mixing.other_state, plan.state_slot) if plan.mixes_states else None,
            keep=of_rows(plan.slot[1:]),
            keep_state=of_rows(plan.state_slot[1:]),
            before=bounds_column(plan.first, rows + 1),
            past=jnp.int32(tape.past.updates) if tape.past.updates else None,
            wave=None if plan.waves is None else bounds_column(plan.waves.step, self.lengths.bounds),
            numbers=self._numbers(rows) if plan.waves is not None and problem.recipe.rule.is_product else None,
        )

    def _numbers(self, rows: int) -> MixingNumbers:
        """Return the numbers of the models that rows refer to, in columns of so many rows."""
        plan, mixing = self.plan, self.plan.mixing
        return MixingNumbers(
            base=column(mixing.base, rows, np.int32),
            other=column(np.where(mixing.other == NONE, mixing.base, mixing.other), rows, np.int32),
            state=column(mixing.state, rows, np.int32),
            other_state=column(mixing.other_state, rows, np.int32) if plan.mixes_states else None,
            needed=column(plan.needed[1:], rows, np.int32),
            state_needed=column(plan.state_needed[1:], rows, np.int32),
        )

    def own_until(self, own: MemberColumns, steps: int) -> MemberColumns:
        gradients = int(self.first[steps])
        columns = first_rows((own.samples, own.codes, own.factor), gradients)
        return own._replace(samples=columns[0], codes=columns[1], factor=columns[2])

    def shared_until(self, shared: MixingColumns, steps: int) -> MixingColumns:
        of_gradients = ("row", "share", "read", "staleness", "learner", "step_share")
        of_rows = ("base", "other", "base_share", "other_share", "state", "other_state", "keep", "keep_state", "numbers")
        rows = dict.fromkeys(of_gradients, int(self.first[steps])) | dict.fromkeys(of_rows, steps)
        rows |= {"before": steps + 1, "wave": 0 if self.waves is None else self.waves.until(steps) + 1}
        columns = {name: values for name, values in shared._asdict().items() if name != "past"}
        until = shared._replace(**{name: first_rows(values, rows[name]) for name, values in columns.items()})
        if until.numbers is None:
            return until
        needed, state_needed = jnp.minimum(until.numbers.needed, steps), jnp.minimum(until.numbers.state_needed, steps)
        return until._replace(numbers=until.numbers._replace(needed=needed, state_needed=state_needed))

    def start(self, problem: Problem) -> MixingCarry:
        rule, weights, plan = problem.recipe.rule, problem.start, self.plan
        model_packing, state_packing = packings(problem.recipe.frame, rule)
        if problem.before is not None:
            return self._start_from(problem.before, problem.recipe)
        models = in_slots(model_packing.pack(weights), plan.num_slots, int(plan.slot[0]))
        states = in_slots(state_packing.pack(rule.update.init(weights)), plan.num_state_slots, int(plan.state_slot[0]))
        return MixingCarry(models, states, rule.per_gradient.init(weights))

    def _start_from(self, before: Snapshot, recipe: Recipe) -> MixingCarry:
        """Return the carry after the first rows, which hand each holder its model, and each learner its optimizer's state."""
        plan, (model_packing, state_packing) = self.plan, packings(recipe.frame, recipe.rule)
        models = jax.tree.map(
            lambda leaf: jnp.zeros((plan.num_slots, *leaf.shape), leaf.dtype), model_packing.pack(before.weights)
        )
        states = jax.tree.map(
            lambda leaf: jnp.zeros((plan.num_state_slots, *leaf.shape[1:]), leaf.dtype),
            jax.vmap(state_packing.pack, axis_size=plan.mixing.learners)(before.optimizer),
        )
        for number in range(plan.mixing.learners):
            model, state = take((before.learners, before.optimizer), number)
            models = put(models, int(plan.slot[number + 1]), model_packing.pack(model))
            states = put(states, int(plan.state_slot[number + 1]), state_packing.pack(state))
        if before.centre is not None:
            models = put(models, int(plan.slot[plan.mixing.num_holders]), model_packing.pack(before.centre))
        return MixingCarry(models, states, before.memory)

    def trained(self, carry: MixingCarry) -> Packed:
        return carry.models

    def evaluated(self, recipe: Recipe, carry: MixingCarry, steps: int) -> tuple[Parameters, Float[Array, ""] | None]:
        learners, centre = self.plan.slots_held(steps)
        model, distance = mean_and_distance(carry.models, jnp.asarray(learners), jnp.asarray(centre))
        return packings(recipe.frame, recipe.rule)[0].unpack(model), distance

    def snapshot(self, recipe: Recipe, carry: MixingCarry, steps: int) -> Snapshot:
        plan, mixing = self.plan, self.plan.mixing
        (model_packing, state_packing), numbers = packings(recipe.frame, recipe.rule), mixing.last_held(steps)
        learners = plan.slot[numbers[: mixing.learners]]
        models = jax.vmap(model_packing.unpack)(take(carry.models, jnp.asarray(learners)))
        states = take(carry.states, jnp.asarray(plan.state_slot[mixing.last_states(steps)]))
        centre = None
        if mixing.has_centre:
            centre = model_packing.unpack(take(carry.models, int(plan.slot[numbers[-1]])))
        weights, _ = self.evaluated(recipe, carry, steps)
        of_learners = jax.vmap(state_packing.unpack, axis_size=mixing.learners)(states)  # SGD alone has no state
        return Snapshot(weights, of_learners, carry.memory, models, centre)

    def bytes_needed(
        self, recipe: Recipe, dtype: np.dtype[np.floating], mini_batch: int, members: int = 1
    ) -> Mapping[str, int]:
        plan, sizes = self.plan, ByteSizes.of(recipe, dtype)
        evaluations, rows = self.lengths.evaluations, self.lengths.steps
        gradients, matrices = 4, 0  # of a gradient alone
        if plan.waves is not None:
            (width, depth), states = plan.waves.shape, plan.num_state_slots
            # Models read, gradients, transformed gradients; models and states made.
            gradients = 3 * width + plan.num_slots + states
            if recipe.rule.is_product:
                gradients += states + width  # velocities and gradients in one array
                matrices = depth * (4 * depth + 2 * plan.num_slots + 3 * (states + width))
        of_row = 2 * sizes.number + 4 * (5 + plan.mixes_states) + 4
        of_member = (sizes.sample * mini_batch + sizes.number) * evaluations
        shares = sizes.number * mini_batch * evaluations if plan.tape.sizes is not None else 0
        return {
            "models": members * 3 * plan.num_slots * sizes.weights,
            "optimizers": members * 3 * (plan.num_state_slots * sizes.state + sizes.memory),
            "gradients": members * (gradients * sizes.weights + matrices * sizes.number),
            "mini-batches": members * of_member + shares + 16 * evaluations + of_row * rows,
        }

    def describe(self, tape: Tape, recipe: Recipe) -> list[str]:
        plan = self.plan
        order = "one by one"
        if plan.waves is not None:
            way = "rows are products" if recipe.rule.is_product else "rows follow in order"
            order = f"{plan.waves.described(plan.num_evaluations)}; {way}"
        mixtures, size = plan.num_steps - plan.num_evaluations, describe_mini_batch(tape)
        return [
            f"tape         {tape.num_gradients:,} gradients and {mixtures:,} mixtures of models, mini-batches of {size}",
            f"evaluations  {plan.num_evaluations:,} of {size} samples",
            f"models       {plan.num_slots} kept, those of {plan.mixing.learners} learners and those on their way",
            f"order        {order}",
        ]

    def _of_gradients(self, values: Values, dtype: npt.DTypeLike) -> jax.Array:
        return column(values, self.lengths.evaluations, dtype)


def _lengths(plan: MixingPlan, factor: float = 1.0) -> Lengths:
    """Return the lengths of the columns of a plan that is so many times as long."""
    bounds = 0 if plan.waves is None else len(plan.waves.step)
    return Lengths.of(factor * plan.num_evaluations, factor * plan.num_steps, factor * bounds)
