"""A plan in words."""

from __future__ import annotations

import jax
import numpy as np

from simasgd.learning.chain.plan import Plan
from simasgd.learning.data.files import locate
from simasgd.learning.mixing.plan import MixingPlan
from simasgd.learning.players.memory import needs
from simasgd.learning.players.planner import planned
from simasgd.learning.problem.memory import available_bytes, format_bytes
from simasgd.learning.problem.problem import generated_bytes
from simasgd.learning.problem.recipe import Recipe, build_recipe
from simasgd.learning.problem.task import sample_type
from simasgd.learning.rules import explicit_momentum
from simasgd.learning.train import evaluation_points
from simasgd.scenario.learning.data import OwnData
from simasgd.scenario.learning.optimizers import SGD, TotalMomentum
from simasgd.scenario.schema import Scenario
from simasgd.tape import Tape


def explained(scenario: Scenario, tape: Tape, members: int) -> list[str]:
    """What the compiled player would do with a tape, for so many members at once, and at which cost in memory: a line each. No
    data is read."""
    learning, samples_per_epoch = scenario.learning, scenario.samples_per_epoch
    assert learning is not None
    assert samples_per_epoch is not None
    if isinstance(learning.data, OwnData):
        locate(learning.data.kind)  # says that there is no such thing on disk
    with jax.enable_x64(learning.precision == "float64"):
        recipe, sample = build_recipe(scenario, tape), sample_type(scenario)
        plan = planned(recipe, tape, sample, evaluation_points(tape, samples_per_epoch)[1])
        needed = needs(plan, recipe, np.dtype(learning.precision), tape.mini_batch, members)
    optimizer, devices = recipe.optimizer, jax.device_count()
    lines = _models(plan, tape) if isinstance(plan, MixingPlan) else _chain(plan, tape, recipe)
    if isinstance(optimizer, SGD) and isinstance(optimizer.momentum, TotalMomentum):
        staleness = recipe.setting.tape_staleness
        explicit = explicit_momentum(optimizer.momentum, staleness)
        total = optimizer.momentum.total
        lines.append(f"momentum     {explicit:.4g} explicit, for {total:g} in total at a mean staleness of {staleness:.4g}")
    if devices > 1:
        lines.append(f"devices      {devices}, which share what is computed at once")
    parts = ", ".join(f"{format_bytes(size)} {what}" for what, size in needed.items() if size)
    made = generated_bytes(learning.data)
    if made:
        lines.append(f"data         {format_bytes(made)} while {learning.data.kind} is made")
    memory, free = format_bytes(sum(needed.values())), format_bytes(available_bytes())
    lines.append(f"memory       {memory} besides data and layers' outputs ({parts}); {free} are free")
    return lines


def _models(plan: MixingPlan, tape: Tape) -> list[str]:
    mixed = plan.num_steps - plan.num_evaluations
    return [
        f"tape         {tape.num_gradients:,} gradients and {mixed:,} mixtures of models, mini-batches of {tape.mini_batch}",
        f"evaluations  {plan.num_evaluations:,} of {tape.mini_batch} samples",
        f"models       {plan.num_slots} kept, of {plan.mixing.learners} learners and what is on its way",
        "order        one by one",
    ]


def _chain(plan: Plan, tape: Tape, recipe: Recipe) -> list[str]:
    mini_batch = plan.fused * tape.mini_batch
    lines = [
        f"tape         {tape.num_steps:,} updates of {tape.num_gradients:,} gradients, mini-batches of {tape.mini_batch}",
        f"evaluations  {plan.num_evaluations:,} of up to {mini_batch} samples ({_fusing(plan.fused, recipe.rule.linear)})",
        f"versions     {plan.num_slots} kept besides the current weights"
        if plan.num_slots
        else "versions     only the current weights",
    ]
    if plan.num_copies:
        lines.append(f"copies       {plan.num_copies}, which learners step by themselves")
    if plan.waves is None:
        lines.append(f"order        one by one, as pays on a {jax.default_backend().upper()}")
    else:
        number = len(plan.waves.step) - 1
        mean = plan.num_evaluations / max(1, number)
        lines.append(
            f"order        {number:,} waves of {mean:.1f} evaluations on average, {plan.waves.width} at most, each at once"
        )
    return lines


def _fusing(fused: int, linear: bool) -> str:
    if fused > 1:
        return f"up to {fused} gradients of one version are one mini-batch"
    return "no two gradients are one" if linear else "the rule wants each gradient by itself"
