"""The parts of `benchmarks against` that run in one process of one commit.

This file is run with the package of this commit or of another one, so it uses public names only, but
for one layer of networks. It prints one JSON object: the CPU time of each case (s), for the clock also
the time of a bare SimPy time-out, and for whole runs also the elapsed time.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from importlib import import_module
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

import numpy as np
import simpy
from simpy.events import Timeout

from simasgd import Scenario, Task, simulate

if TYPE_CHECKING:
    import jax

CLOCKS = {
    # protocol, profile, λ, gradients of the short and the long run
    "async, p775, λ = 30": ("async", "p775", 30, 1_000, 11_000),
    "async, ideal, λ = 30": ("async", "ideal", 30, 1_000, 11_000),
    "n-softsync 4, p775, λ = 30": ("{kind: n-softsync, n: 4}", "p775", 30, 1_000, 11_000),
    "n-softsync 4, ideal, λ = 30": ("{kind: n-softsync, n: 4}", "ideal", 30, 1_000, 11_000),
    "hardsync, p775, λ = 30": ("hardsync", "p775", 30, 1_000, 11_000),
    "hardsync, ideal, λ = 30": ("hardsync", "ideal", 30, 1_000, 11_000),
    "async, p775, λ = 10,000": ("async", "p775", 10_000, 20_000, 120_000),
}
PROTOCOLS = (
    "{kind: ssp, slack: 1}",
    "{kind: bounded-delay, delay: 10}",
    "{kind: backup-workers, backups: 2}",
    "{kind: k-sync, k: 20}",
    "{kind: k-batch-sync, k: 20}",
    "{kind: k-async, k: 5}",
    "{kind: k-batch-async, k: 5}",
    "{kind: ringmaster, threshold: 20}",
    "{kind: rennala, batch: 20}",
    "{kind: downpour, n_fetch: 5, n_push: 5}",
    "{kind: fedbuff, buffer: 5, local_steps: 4}",
    "dynsgd",
    "all-reduce",
    "{kind: local-sgd, steps: 8}",
    "{kind: easgd, period: 1}",
    "{kind: gossip-pull, period: 1}",
    "{kind: gossip-push, period: 1}",
    "{kind: elastic-gossip, period: 1}",
    "ad-psgd",
    "sgp",
    "overlap-sgp",
)
OF_CONVOLUTION = ("simasgd.learning.models.images", "simasgd.learning.images")
"""The module of `convolve_max_pool_2`, now and in earlier commits."""
RUNS = 2
TIMEOUTS = 30_000
TRIES = 4


def _load(protocol: str, profile: str, learners: int, gradients: int) -> Scenario:
    return Scenario.load(
        "quickstart",
        "variants=null",
        "learning=null",
        f"protocol={protocol}",
        f"cluster.profile={profile}",
        f"cluster.learners={learners}",
        "workload.samples_per_epoch=1437",
        "stop.epochs=null",
        f"stop.gradients={gradients}",
        "record=summary",
    )


def _cpu_time(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _clock(protocol: str, profile: str, learners: int, short: int, long: int) -> float:
    """Return the CPU time of a gradient (s), from the difference of a long and a short run; the best of some tries."""
    few, many = (_load(protocol, profile, learners, gradients) for gradients in (short, long))
    simulate(_load(protocol, profile, min(learners, 30), 100))
    tries = TRIES if learners < 1_000 else 1
    before = min(_cpu_time(lambda: simulate(few)) for _ in range(tries))
    return (min(_cpu_time(lambda: simulate(many)) for _ in range(tries)) - before) / (long - short)


def bare_timeout(learners: int) -> float:
    """Return the CPU time (s) of a SimPy time-out, where so many processes do nothing but wait."""
    env = simpy.Environment()

    def wait(number: int) -> simpy.events.ProcessGenerator:
        for seconds in islice(cycle(waits), number, None):
            yield Timeout(env, seconds)

    waits = [1.0 + number * 0.618034 % 1.0 for number in range(1_000)]
    for number in range(learners):
        env.process(wait(number % 1_000))

    def go() -> None:
        for _ in range(TIMEOUTS):
            env.step()

    return _cpu_time(go) / TIMEOUTS


def measure_clocks() -> dict[str, float]:
    """Measure a gradient of each case of the clock, and a bare time-out of as many processes."""
    found = {}
    for name, case in CLOCKS.items():
        found[name] = _clock(*case)
        found[f"time-out of {name}"] = min(bare_timeout(case[2]) for _ in range(TRIES))
    return found


def measure_protocols() -> dict[str, float]:
    """Measure a gradient of the other protocols at λ = 30."""
    return {protocol: _clock(protocol, "p775", 30, 1_000, 6_000) for protocol in PROTOCOLS}


def measure_replay() -> dict[str, float]:
    """Measure an update of the quickstart's learning with its clock, from a long and a short run."""
    found = {}
    for variant in ("async", "hardsync"):
        few, many = (
            Scenario.load("quickstart", "stop.epochs=null", f"stop.gradients={number}", "learning.schedule=null").variants[
                variant
            ]
            for number in (3_000, 33_000)
        )
        simulate(few)  # compiles the programs of both, before the measurement
        simulate(many)
        short, long = (min(_cpu_time(lambda run=run: simulate(run)) for _ in range(TRIES)) for run in (few, many))
        found[f"learning of {variant}, a gradient"] = (long - short) / 30_000
    return found


def measure_peers() -> dict[str, float]:
    """Measure an update of whole runs, with their tables and their test after every epoch, once all is compiled.

    The workloads are as in `benchmarks peers`: 16 learners with mini-batches of 32 in the shape of MNIST, async and
    without momentum.
    """
    found = {}
    for name, task, updates in (
        ("logistic regression, 784-10", _logistic_regression(), 30_000),
        ("CNN, 5,994 parameters", _convolutional(), 1_000),
    ):
        scenario = Scenario.load(
            "digits",
            "cluster.learners=16",
            "cluster.profile=ideal",
            "cluster.compute={per_batch: 1 s, per_sample: 0, distribution: exponential, cv: null}",
            "workload.mini_batch=32",
            "learning.optimizer={kind: sgd, learning_rate: 0.01, momentum: 0}",
            "learning.modulation=none",
            f"stop={{epochs: null, updates: {updates}}}",
        )
        simulate(scenario, task=task)
        of_processor, of_wall = [], []
        for _ in range(RUNS):
            began = time.perf_counter()
            of_processor.append(_cpu_time(lambda scenario=scenario, task=task: simulate(scenario, task=task)))
            of_wall.append(time.perf_counter() - began)
        found[f"{name}, an update"] = min(of_processor) / updates
        found[f"{name}, elapsed"] = min(of_wall) / updates
    return found


def _logistic_regression() -> Task:
    import jax.numpy as jnp

    def init(key: jax.Array) -> Any:
        return {"w": _draw(key, (10, 784), 784), "b": jnp.zeros(10, jnp.float32)}

    return _classify(init, lambda weights, inputs: inputs @ weights["w"].T + weights["b"])


def _convolutional() -> Task:
    """Make the task of two 5 × 5 convolutions of 8 and 16 channels, with pooling and ReLU, and a layer of ten outputs."""
    import jax
    import jax.numpy as jnp

    shapes = ((5, 5, 1, 8), (5, 5, 8, 16), (256, 10))
    convolve = _layers().convolve_max_pool_2

    def init(key: jax.Array) -> Any:
        keys = jax.random.split(key, len(shapes))
        return [(_draw(k, s, math.prod(s[:-1])), jnp.zeros(s[-1], jnp.float32)) for k, s in zip(keys, shapes, strict=True)]

    def logits(weights: Any, inputs: jax.Array) -> jax.Array:
        *convolutions, (top, offset) = weights
        images = inputs.reshape(-1, 28, 28, 1)
        for kernel, bias in convolutions:
            images = jax.nn.relu(convolve(images, kernel) + bias)
        return images.reshape(len(images), -1) @ top + offset

    return _classify(init, logits)


def _layers() -> Any:
    """Return the module of layers that this package has."""
    for name in OF_CONVOLUTION:
        try:
            return import_module(name)
        except ModuleNotFoundError:
            continue
    raise ModuleNotFoundError(f"this package has none of {', '.join(OF_CONVOLUTION)}")


def _draw(key: jax.Array, shape: tuple[int, ...], inputs: int) -> jax.Array:
    """Draw weights N(0, 2/inputs)."""
    import jax

    return jax.random.normal(key, shape) * (2.0 / inputs) ** 0.5


def _classify(init: Callable[[jax.Array], Any], logits: Callable[[Any, jax.Array], jax.Array]) -> Task:
    """Make a task of 60,000 noisy copies of ten pictures in the shape of MNIST, and 1,000 to test on."""
    from optax import softmax_cross_entropy_with_integer_labels as cross_entropy

    random = np.random.default_rng(0)
    pictures = random.random((10, 784), np.float32)
    labels = random.integers(10, size=61_000).astype(np.int32)
    inputs = 0.5 * (pictures[labels] + random.random((61_000, 784), np.float32))
    return Task(
        init,
        lambda weights, inputs, labels: cross_entropy(logits(weights, inputs), labels),
        (inputs[:60_000], labels[:60_000]),
        (inputs[60_000:], labels[60_000:]),
        lambda weights, inputs, labels: logits(weights, inputs).argmax(axis=-1) != labels,
    )


PARTS = {"clock": measure_clocks, "protocols": measure_protocols, "replay": measure_replay, "peers": measure_peers}

if __name__ == "__main__":
    print(json.dumps(PARTS[sys.argv[1]]()))
