"""The players of tapes, as ratios.

The compiled player is compared with a bare `lax.scan` of the same gradients and with the reference
player, many runs at once with runs one by one, and a convolution in the loop with XLA's own.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import optax

from benchmarks.convolution import compute_outside_loop
from benchmarks.problems import make_problem, make_task
from benchmarks.timing import ROUNDS, Ratio, measure_ratio
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


def load_digits(variant: str, *overrides: str) -> Scenario:
    """Load the quickstart's digits: λ = 30, µ = 4, 2,410 parameters."""
    return Scenario.load("quickstart", *overrides).variants[variant]


def make_mnist() -> Problem:
    """Make a problem of 784-128-64-10 on samples of MNIST's shape: 109,386 parameters."""
    shape = Mnist().shape
    scenario = load_digits("async", "stop.epochs=null", "stop.updates=10000", "learning.optimizer.momentum=0")
    return make_problem(scenario, make_task(objective(MLP(hidden=(128, 64)), shape), shape, 10_000, 100))


def make_cifar10() -> Problem:
    """Make a problem of Rudra's network on samples of CIFAR-10's shape: 89,578 parameters."""
    shape = Cifar10().shape
    scenario = load_digits("async", "stop.epochs=null", "stop.updates=300", "learning.optimizer.learning_rate=0.0001")
    return make_problem(scenario, make_task(objective(Cifar10Rudra(), shape), shape, 2_000, 100))


def play(player: AbstractPlayer, problem: Problem) -> None:
    """Play a problem to its end."""
    for moment in player.play(problem, [problem.tape.num_steps], lambda done: None):
        assert not moment.diverged
        jax.block_until_ready(moment.weights)


def prepare_compiled(problem: Problem) -> partial[None]:
    """Plan and compile a problem, and return a function that plays it."""
    player = Compiled()
    player.prepare(problem)
    return partial(play, player, problem)


def prepare_together(problems: list[Problem]) -> partial[None]:
    """Plan and compile many problems of one tape, and return a function that plays them at once."""
    player, stops = CompiledGroup(), [problems[0].tape.num_steps]
    player.prepare(problems)

    def go() -> None:
        for moments in player.play(problems, stops, lambda done: None):
            jax.block_until_ready([moment.weights for moment in moments if moment is not None])

    return partial(go)


def call_each(functions: list[partial[None]]) -> None:
    """Call functions one after the other."""
    for function in functions:
        function()


def prepare_bare_scan(problem: Problem) -> partial[None]:
    """Return a function for SGD with the same mini-batches and updates, without a simulator."""
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


def print_ratio(name: str, found: Ratio, steps: int, target: str = "") -> None:
    """Print a ratio with its range, and the time of an update on each side."""
    print(
        f"{name:62} {found.median:6.2f} ({found.least:.2f} to {found.greatest:.2f}; "
        f"{found.left_seconds / steps * 1e6:.2f} and {found.right_seconds / steps * 1e6:.2f} µs an update)"
        f"{f'  target: {target}' if target else ''}",
        flush=True,
    )


def main() -> None:
    """Print the ratios."""
    _compare_with_bare_scans()
    _compare_many_at_once()
    problem = make_cifar10()
    steps = problem.tape.num_steps
    print_ratio(
        "convolution within ÷ without a loop",
        measure_ratio(prepare_compiled(problem), compute_outside_loop(problem, Cifar10().shape)),
        steps,
        "≤ 1.0",
    )
    problem = make_problem(load_digits("async", "learning.schedule=null", "stop.epochs=3"))
    steps = problem.tape.num_steps
    print_ratio(
        "reference ÷ compiled, async",
        measure_ratio(partial(play, Reference(), problem), prepare_compiled(problem)),
        steps,
        "≥ 8",
    )


def _compare_with_bare_scans() -> None:
    cases = {
        "digits, async": (make_problem(load_digits("async")), "≤ 1.1"),
        "digits, async-staleness-aware": (make_problem(load_digits("async-staleness-aware")), ""),
        "digits, hardsync": (make_problem(load_digits("hardsync")), "≤ 1.15"),
        "784-128-64-10, async": (make_mnist(), "≤ 1.35"),
        "cifar10-rudra, async": (make_cifar10(), "≤ 1.1"),
    }
    for name, (problem, target) in cases.items():
        rounds = 3 * ROUNDS if "digits" in name else ROUNDS  # those take a tenth of a second each
        print_ratio(
            f"compiled ÷ bare scan, {name}",
            measure_ratio(prepare_compiled(problem), prepare_bare_scan(problem), rounds),
            problem.tape.num_steps,
            target,
        )


def _compare_many_at_once() -> None:
    scenario = load_digits("async", "cluster.seed=0")
    scenarios = [scenario.with_seed(seed) for seed in range(SEEDS)]
    assert together(scenarios) == [list(range(SEEDS))]
    found = measure_ratio(partial(simulate_together, scenarios), lambda: [simulate(single) for single in scenarios])
    problems = [make_problem(single) for single in scenarios]
    steps = SEEDS * problems[0].tape.num_steps
    print_ratio(f"{SEEDS} whole runs at once ÷ one by one, digits, async", found, steps, "≤ 0.5")
    found = measure_ratio(prepare_together(problems), partial(call_each, [prepare_compiled(problem) for problem in problems]))
    print_ratio(f"{SEEDS} replays at once ÷ one by one, digits, async", found, steps)
