"""Replays on an accelerator: Rudra's CIFAR-10 network with 30 learners, as times of a gradient.

Needs no data: the samples have the shape of CIFAR-10. With n = 30 an update has one gradient, with
n = 1 it has 30, and under hardsync these 30 read one version of the weights.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import jax
import jax.numpy as jnp

from benchmarks.convolution import xla_objective
from benchmarks.problems import make_task, record_tape
from simasgd import Scenario
from simasgd.learning.layout.costs import ACCELERATOR, DeviceCosts
from simasgd.learning.models.build import objective
from simasgd.learning.models.objective import Objective, loss
from simasgd.learning.players.compiled import CompiledGroup
from simasgd.learning.problem.precision import products_in
from simasgd.learning.problem.problem import Problem, build_problem
from simasgd.scenario.learning.data import Cifar10
from simasgd.scenario.learning.learning import Precision
from simasgd.scenario.learning.models import Cifar10Rudra

SHAPE = Cifar10().shape
EPOCHS, SAMPLES, MINI_BATCH = 140, 50_000, 4
GRADIENTS = 20_000
ONE_BY_ONE = ACCELERATOR._replace(most_in_wave=1)


class Case(NamedTuple):
    """A replay to be timed."""

    name: str
    protocol: tuple[str, ...]
    precision: Precision = "float32"
    members: int = 1
    costs: DeviceCosts = ACCELERATOR
    xla: bool = False
    """Whether XLA's own convolutions take the place of simasgd's."""
    share: float = 1.0
    """The part of the gradients that suffices."""


N_30, N_1, HARDSYNC = ("protocol={kind: n-softsync, n: 30}",), ("protocol={kind: n-softsync, n: 1}",), ("protocol=hardsync",)
CASES = [
    Case("n = 30, one by one", N_30, costs=ONE_BY_ONE, share=0.1),
    Case("n = 30, in waves, tf32", N_30, "tf32"),
    Case("n = 30, in waves, float32", N_30),
    Case("n = 30, in waves, float32, XLA's convolutions", N_30, xla=True, share=0.2),
    Case("n = 30, in waves, float32, 4 runs at once", N_30, members=4),
    Case("n = 30, in waves, float32, 8 runs at once", N_30, members=8),
    Case("n = 1, float32", N_1),
    Case("hardsync, float32", HARDSYNC),
]
BATCHES = [(1, 4), (1, 96), (24, 4)]
"""Numbers of versions of the weights, and of samples on each."""


def main() -> None:
    """Print the table, or that there is no accelerator."""
    if jax.default_backend() == "cpu":
        print("no accelerator: JAX computes on the CPU here, and `python -m benchmarks replay` measures that")
        return
    device = jax.devices()[0]
    print(f"{device.device_kind}: Rudra's CIFAR-10 network, 30 learners, mini-batches of {MINI_BATCH}")
    print_replays(CASES, GRADIENTS)
    print_gradients(BATCHES)


def make_group(case: Case, gradients: int) -> list[Problem]:
    """Make the problems of a case, with samples drawn for each."""
    scenario = Scenario.load(
        "rudra-cifar10",
        "variants=null",
        *case.protocol,
        "learning.modulation=inverse-staleness",
        f"learning.precision={case.precision}",
        f"stop={{gradients: {max(60, round(case.share * gradients))}}}",
    )
    task = make_task(xla_objective(SHAPE) if case.xla else objective(Cifar10Rudra(), SHAPE), SHAPE, 10_000, 100)
    tape = record_tape(task.described(scenario))
    first = build_problem(task.described(scenario), tape, task)
    others = [build_problem(task.described(scenario.with_seed(seed)), tape, task) for seed in range(1, case.members)]
    return [first, *(replace(other, train=first.train, test=first.test) for other in others)]


def time_replay(case: Case, gradients: int, rounds: int = 3) -> float:
    """Return the seconds of a gradient in a replay, the median of some rounds after a first."""
    problems = make_group(case, gradients)
    player, stop = CompiledGroup(case.costs), problems[0].tape.num_steps
    player.prepare(problems)
    seconds = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        for moments in player.play(problems, [stop], lambda done: None):
            jax.block_until_ready([moment.weights for moment in moments if moment is not None])
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[1:]) / (problems[0].tape.num_gradients * case.members)


def print_replays(cases: Sequence[Case], gradients: int) -> None:
    """Print the time of a gradient in each replay, and that of a whole run of 140 epochs."""
    whole = EPOCHS * SAMPLES / MINI_BATCH
    for case in cases:
        seconds = time_replay(case, gradients)
        print(f"{case.name:50} {seconds * 1e6:8.1f} µs a gradient {seconds * whole:8.1f} s for 140 epochs", flush=True)


def print_gradients(batches: Sequence[tuple[int, int]]) -> None:
    """Print the time of gradients alone, on several versions of the weights at once, in both ways to convolve."""
    for versions, samples in batches:
        found = [time_gradient(way, versions, samples) for way in (objective(Cifar10Rudra(), SHAPE), xla_objective(SHAPE))]
        times = " and ".join(f"{seconds * 1e6:7.0f}" for seconds in found)
        print(
            f"gradients on {versions:3} versions × {samples:2} samples, float32 {times} µs (simasgd's convolutions and XLA's)"
        )


def time_gradient(chosen: Objective, versions: int, samples: int, rounds: int = 30) -> float:
    """Return the median seconds of a call for the gradients on several versions of the weights."""
    keys = jax.random.split(jax.random.key(0), versions)
    inputs = jax.random.uniform(keys[0], (versions, samples, SHAPE.features))
    labels = jnp.zeros((versions, samples), jnp.int32)
    with products_in("float32"):
        compute = jax.jit(jax.vmap(jax.grad(lambda w, x, y: loss(chosen, w, x, y))))
        weights = jax.vmap(chosen.init)(keys)
        jax.block_until_ready(compute(weights, inputs, labels))
        return statistics.median(_seconds(lambda: compute(weights, inputs, labels), rounds))


def _seconds(call: Callable[[], object], rounds: int) -> Iterator[float]:
    for _ in range(rounds):
        began = time.perf_counter()
        jax.block_until_ready(call())
        yield time.perf_counter() - began
