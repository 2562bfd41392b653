"""The players of tapes: the compiled one against a bare `lax.scan` of the same gradients, many runs at once against one after
the other, a convolution in its loop against XLA's own, and the reference player against it."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import optax

from benchmarks.convolution import outside
from benchmarks.made import problem, task
from benchmarks.measure import ROUNDS, Ratio, ratio
from simasgd import Scenario, simulate
from simasgd.learning.models.build import objective
from simasgd.learning.models.objective import loss
from simasgd.learning.players.compiled import Compiled, CompiledGroup
from simasgd.learning.players.player import AbstractPlayer
from simasgd.learning.players.reference import Reference
from simasgd.learning.problem.problem import Problem
from simasgd.scenario.alike import together
from simasgd.scenario.learning.data import Cifar10, Mnist
from simasgd.scenario.learning.models import MLP, Cifar10Rudra
from simasgd.simulator import simulate_together

SEEDS = 8


def digits(variant: str, *overrides: str) -> Scenario:
    """The quickstart's digits: λ = 30, µ = 4, 2,410 parameters."""
    return Scenario.load("quickstart", *overrides).variants[variant]


def mnist() -> Problem:
    """784-128-64-10 on samples of MNIST's shape: 109,386 parameters."""
    shape = Mnist().shape
    scenario = digits("async", "stop.epochs=null", "stop.updates=10000", "learning.optimizer.momentum=0")
    return problem(scenario, task(objective(MLP(hidden=(128, 64)), shape), shape, 10_000, 100))


def cifar10() -> Problem:
    """Rudra's network on samples of CIFAR-10's shape: 89,578 parameters."""
    shape = Cifar10().shape
    scenario = digits("async", "stop.epochs=null", "stop.updates=300", "learning.optimizer.learning_rate=0.0001")
    return problem(scenario, task(objective(Cifar10Rudra(), shape), shape, 2_000, 100))


def play(player: AbstractPlayer, problem: Problem) -> None:
    for moment in player.play(problem, [problem.tape.num_steps], lambda done: None):
        assert not moment.diverged
        jax.block_until_ready(moment.weights)


def compiled(problem: Problem) -> partial[None]:
    """Playing a problem, which is planned and compiled already."""
    player = Compiled()
    player.prepare(problem, [problem.tape.num_steps])
    return partial(play, player, problem)


def at_once(problems: list[Problem]) -> partial[None]:
    """The same of many problems of one tape at once."""
    player, stops = CompiledGroup(), [problems[0].tape.num_steps]
    player.prepare(problems, stops)

    def go() -> None:
        for moments in player.play(problems, stops, lambda done: None):
            jax.block_until_ready([moment.weights for moment in moments if moment is not None])

    return partial(go)


def each(functions: list[partial[None]]) -> None:
    for function in functions:
        function()


def bare(problem: Problem) -> partial[None]:
    """SGD with the same pre-drawn mini-batches, optimizer and number of updates, without a simulator."""
    recipe = problem.recipe
    optimizer = optax.sgd(recipe.optimizer.learning_rate, momentum=recipe.optimizer.momentum)
    batches = jnp.asarray(problem.batches.reshape(problem.tape.num_steps, -1))

    @jax.jit
    def scan(weights, state, batches, inputs, labels):
        def step(carry, batch):
            weights, state = carry
            gradient = jax.grad(lambda w: loss(recipe.task.objective, w, inputs[batch], labels[batch]))(weights)
            update, state = optimizer.update(gradient, state, weights)
            return (optax.apply_updates(weights, update), state), None

        return jax.lax.scan(step, (weights, state), batches)[0]

    state = optimizer.init(problem.start)

    def go() -> None:
        jax.block_until_ready(scan(problem.start, state, batches, problem.train.inputs, problem.train.labels))

    return partial(go)


def line(name: str, found: Ratio, steps: int, wanted: str = "") -> None:
    print(
        f"{name:62} {found.median:6.2f} ({found.least:.2f} to {found.greatest:.2f}; "
        f"{found.left_seconds / steps * 1e6:.2f} and {found.right_seconds / steps * 1e6:.2f} µs an update)"
        f"{f'  wanted: {wanted}' if wanted else ''}",
        flush=True,
    )


def main() -> None:
    _against_bare_scans()
    _many_at_once()
    posed = cifar10()
    steps = posed.tape.num_steps
    line("convolution within ÷ without a loop", ratio(compiled(posed), outside(posed, Cifar10().shape)), steps, "≤ 1.0")
    posed = problem(digits("async", "learning.schedule=null", "stop.epochs=3"))
    steps = posed.tape.num_steps
    line("reference ÷ compiled, async", ratio(partial(play, Reference(), posed), compiled(posed)), steps, "≥ 8")


def _against_bare_scans() -> None:
    cases = {
        "digits, async": (problem(digits("async")), "≤ 1.1"),
        "digits, async-staleness-aware": (problem(digits("async-staleness-aware")), ""),
        "digits, hardsync": (problem(digits("hardsync")), "≤ 1.15"),
        "784-128-64-10, async": (mnist(), "≤ 1.35"),
        "cifar10-rudra, async": (cifar10(), "≤ 1.1"),
    }
    for name, (posed, wanted) in cases.items():
        rounds = 3 * ROUNDS if "digits" in name else ROUNDS  # those take a tenth of a second each
        line(f"compiled ÷ bare scan, {name}", ratio(compiled(posed), bare(posed), rounds), posed.tape.num_steps, wanted)


def _many_at_once() -> None:
    scenario = digits("async", "cluster.seed=0")
    scenarios = [scenario.with_seed(seed) for seed in range(SEEDS)]
    assert together(scenarios) == [list(range(SEEDS))]
    found = ratio(partial(simulate_together, scenarios), lambda: [simulate(single) for single in scenarios])
    problems = [problem(single) for single in scenarios]
    steps = SEEDS * problems[0].tape.num_steps
    line(f"{SEEDS} whole runs at once ÷ one by one, digits, async", found, steps, "≤ 0.5")
    found = ratio(at_once(problems), partial(each, [compiled(posed) for posed in problems]))
    line(f"{SEEDS} replays at once ÷ one by one, digits, async", found, steps)
