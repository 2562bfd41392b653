"""The compiled player against a bare `lax.scan` of the same gradients, and the reference player against the compiled one."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import optax

from benchmarks.measure import Ratio, ratio
from simasgd import Scenario
from simasgd.cluster.simulation import Limit, run
from simasgd.learning.compiled import Compiled
from simasgd.learning.player import AbstractPlayer
from simasgd.learning.problem import Problem, loss, pose
from simasgd.learning.reference import Reference
from simasgd.tape import TapeRecorder


def problem_of(variant: str, *overrides: str) -> Problem:
    """The quickstart's digits problem: λ = 30, µ = 4, 2,410 parameters."""
    scenario = Scenario.load("quickstart", *overrides).variants[variant]
    recorder = TapeRecorder()
    run(
        scenario.cluster,
        scenario.protocol,
        seed=0,
        mini_batch=scenario.workload.mini_batch,
        payload=scenario.payload,
        limit=Limit(gradients=scenario.gradients_to_stop),
        recorder=recorder,
    )
    return pose(scenario, recorder.tape(scenario.workload.mini_batch))


def play(player: AbstractPlayer, problem: Problem) -> None:
    for moment in player.play(problem, [problem.tape.num_steps], lambda done: None):
        jax.block_until_ready(moment.weights)


def bare(problem: Problem) -> partial[None]:
    """SGD with the same pre-drawn mini-batches, optimizer and number of updates, without a simulator."""
    recipe = problem.recipe
    optimizer = optax.sgd(recipe.optimizer.learning_rate, momentum=recipe.optimizer.momentum)
    batches = jnp.asarray(problem.batches.reshape(problem.tape.num_steps, -1))

    @jax.jit
    def scan(weights, state, batches, inputs, labels):
        def step(carry, batch):
            weights, state = carry
            gradient = jax.grad(lambda w: loss(recipe.network, w, inputs[batch], labels[batch]))(weights)
            update, state = optimizer.update(gradient, state, weights)
            return (optax.apply_updates(weights, update), state), None

        return jax.lax.scan(step, (weights, state), batches)[0]

    state = optimizer.init(problem.start)

    def go() -> None:
        jax.block_until_ready(scan(problem.start, state, batches, problem.inputs, problem.labels))

    return partial(go)


def line(name: str, found: Ratio, steps: int, wanted: str = "") -> None:
    print(
        f"{name:62} {found.median:6.2f} ({found.least:.2f} to {found.greatest:.2f}; "
        f"{found.left_seconds / steps * 1e6:.2f} and {found.right_seconds / steps * 1e6:.2f} µs an update)"
        f"{f'  wanted: {wanted}' if wanted else ''}",
        flush=True,
    )


def main() -> None:
    for variant, wanted in (("async", "≤ 1.15"), ("async-staleness-aware", ""), ("hardsync", "")):
        problem = problem_of(variant)
        player = Compiled()
        player.prepare(problem)
        found = ratio(partial(play, player, problem), bare(problem))
        line(f"compiled ÷ bare scan, {variant}", found, problem.tape.num_steps, wanted)
    problem = problem_of("async")
    player, reference = Compiled(), Reference()
    player.prepare(problem)
    found = ratio(partial(play, reference, problem), partial(play, player, problem))
    line("reference ÷ compiled, async", found, problem.tape.num_steps, "≥ 6")
