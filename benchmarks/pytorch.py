"""Complete runs against the simplest simulator without simasgd: eager PyTorch around a heap.

Both have 16 learners with mini-batches of 32. Their gradients take exponential times and are applied on
arrival, without momentum; both draw mini-batches and initial weights. A run of simasgd is `simulate`,
with its cluster, its tables and its test error after every epoch, after compilation. Both are measured
in turn, in updates per second.
"""

from __future__ import annotations

import heapq
import math
import random
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.nn import relu

from benchmarks.problems import make_task
from benchmarks.timing import ROUNDS, time_call
from simasgd import Scenario, Task, simulate
from simasgd.learning.models.build import objective
from simasgd.learning.models.images import convolve_max_pool_2, he_normal
from simasgd.learning.models.network import NeuralNetwork, apply, dense, in_portions
from simasgd.learning.models.objective import Objective, classification
from simasgd.scenario.learning.data import Mnist
from simasgd.scenario.learning.models import Softmax

if TYPE_CHECKING:
    from torch import Tensor

LEARNERS, MINI_BATCH, LEARNING_RATE = 16, 32, 0.01
SHAPE = Mnist().shape
WITHOUT_TORCH = "torch is not installed (group `bench`: pip install 'torch>=2.5'), so only simasgd's speed is measured"


def make_convolutional() -> Objective:
    """Make a network of two 5 × 5 convolutions and a fully connected layer.

    The convolutions have 8 and 16 channels, ReLU and pooling.
    """

    def init(key: jax.Array) -> Any:
        first, second, top = jax.random.split(key, 3)
        shapes = ((first, (5, 5, 1, 8)), (second, (5, 5, 8, 16)))
        layers = [{"w": he_normal(k, shape), "b": jnp.zeros(shape[-1], jnp.float32)} for k, shape in shapes]
        return [*layers, dense(top, 256, SHAPE.classes, 1 / 256)]

    def logits(parameters: Any, inputs: jax.Array) -> jax.Array:
        *convolutions, top = parameters
        images = inputs.reshape(-1, *SHAPE.image)
        for layer in convolutions:
            images = relu(convolve_max_pool_2(images, layer["w"]) + layer["b"])
        return apply(top, images.reshape(len(images), -1))

    return classification(NeuralNetwork(init, in_portions(logits)))


class Workload(NamedTuple):
    """A model as a task and for PyTorch: the shapes of its arrays, and its logits.

    PyTorch's speed does not depend on the number of updates, so it makes fewer. `target` holds the
    updates per second that simasgd should reach, and their ratio to PyTorch's.
    """

    task: Task
    shapes: Sequence[tuple[int, ...]]
    logits: Callable[..., Tensor]
    updates: int
    updates_of_peer: int
    target: tuple[int, float]


def compute_linear_logits(weights: Sequence[Tensor], inputs: Tensor) -> Tensor:
    """Return the logits of a linear model."""
    from torch.nn.functional import linear

    return linear(inputs, *weights)


def compute_convolutional_logits(weights: Sequence[Tensor], inputs: Tensor) -> Tensor:
    """Return the logits of the convolutional model."""
    from torch.nn.functional import conv2d, linear, max_pool2d, relu

    images = inputs.view(-1, 1, 28, 28)
    images = relu(max_pool2d(conv2d(images, weights[0], weights[1]), 2))
    images = relu(max_pool2d(conv2d(images, weights[2], weights[3]), 2))
    return linear(images.flatten(1), weights[4], weights[5])


class EagerLoop:
    """The eager loop: a copy of the pulled weights for each learner, and a heap of arrival times."""

    def __init__(self, workload: Workload) -> None:
        import torch

        self._workload = workload
        inputs, labels = workload.task.train
        self._inputs, self._labels = torch.from_numpy(inputs), torch.from_numpy(labels).long()

    def run(self, updates: int) -> list[Tensor]:
        """Return the weights after a number of updates."""
        import torch
        from torch.nn.functional import cross_entropy

        logits, inputs, labels = self._workload.logits, self._inputs, self._labels
        server = self._start()
        pulled = [[array.clone().requires_grad_() for array in server] for _ in range(LEARNERS)]
        heap = [(random.expovariate(1.0), learner) for learner in range(LEARNERS)]
        heapq.heapify(heap)
        for batch in torch.randint(len(labels), (updates, MINI_BATCH)):
            now, learner = heap[0]
            weights = pulled[learner]
            loss = cross_entropy(logits(weights, inputs.index_select(0, batch)), labels.index_select(0, batch))
            gradients = torch.autograd.grad(loss, weights)
            with torch.no_grad():
                for ours, theirs, gradient in zip(server, weights, gradients, strict=True):
                    ours.sub_(gradient, alpha=LEARNING_RATE)
                    theirs.copy_(ours)
            heapq.heapreplace(heap, (now + random.expovariate(1.0), learner))
        return server

    def losses(self, updates: int) -> tuple[float, float]:
        """Return the losses on the first thousand samples, before and after a number of updates."""
        import torch
        from torch.nn.functional import cross_entropy

        ends = self._start(), self.run(updates)
        with torch.no_grad():
            before, after = (self._workload.logits(weights, self._inputs[:1000]) for weights in ends)
            return float(cross_entropy(before, self._labels[:1000])), float(cross_entropy(after, self._labels[:1000]))

    def _start(self) -> list[Tensor]:
        """Return initial weights: N(0, 2/inputs), and zeros for biases."""
        import torch

        def array(shape: tuple[int, ...]) -> Tensor:
            inputs = math.prod(shape[1:])
            return torch.zeros(shape) if len(shape) == 1 else torch.randn(shape) * (2 / inputs) ** 0.5

        return [array(shape) for shape in self._workload.shapes]


def _load(updates: int) -> Scenario:
    return Scenario.load(
        "digits",
        f"cluster.learners={LEARNERS}",
        "cluster.profile=ideal",
        "cluster.compute={per_batch: 1 s, per_sample: 0, distribution: exponential, cv: null}",
        f"workload.mini_batch={MINI_BATCH}",
        f"learning.optimizer={{kind: sgd, learning_rate: {LEARNING_RATE}, momentum: 0}}",
        "learning.modulation=none",
        f"stop={{epochs: null, updates: {updates}}}",
    )


def _list_workloads() -> dict[str, Workload]:
    samples = {"shape": SHAPE, "train": 60_000, "test": 1_000}
    cnn = ((8, 1, 5, 5), (8,), (16, 8, 5, 5), (16,), (10, 256), (10,))
    assert sum(map(math.prod, cnn)) == 5_994
    return {
        "logistic regression, 784-10": Workload(
            make_task(objective(Softmax(), SHAPE), **samples),
            ((10, 784), (10,)),
            compute_linear_logits,
            200_000,
            40_000,
            (25_000, 2.5),
        ),
        "CNN, 5,994 parameters": Workload(
            make_task(make_convolutional(), **samples), cnn, compute_convolutional_logits, 4_000, 2_000, (800, 1.3)
        ),
    }


def _prepare_peer(workload: Workload) -> EagerLoop:
    """Return the loop at its faster number of threads.

    Raises AssertionError if it does not learn.
    """
    import torch

    peer, found = EagerLoop(workload), {}
    before, after = peer.losses(workload.updates_of_peer)
    assert after < before
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found[threads] = min(time_call(partial(peer.run, workload.updates_of_peer // 4)) for _ in range(3))
    torch.set_num_threads(min(found, key=found.__getitem__))
    return peer


def _print_spread(name: str, found: Sequence[float], form: str, target: str = "") -> None:
    median, least, greatest = (format(value, form) for value in (statistics.median(found), min(found), max(found)))
    print(f"{name:62} {median:>9} ({least} to {greatest}){target}", flush=True)


def main() -> None:
    """Print updates per second of both, and their ratio."""
    with_torch = find_spec("torch") is not None
    if not with_torch:
        print(WITHOUT_TORCH)
    for name, workload in _list_workloads().items():
        weights = jax.eval_shape(workload.task.init, jax.random.key(0))
        assert sum(leaf.size for leaf in jax.tree.leaves(weights)) == sum(math.prod(shape) for shape in workload.shapes)
        scenario = _load(workload.updates)
        run = simulate(scenario, task=workload.task)
        losses = [row.test_loss for row in run.summary.evaluations]
        assert losses[-1] < losses[0]
        assert run.summary.gradients.applied == workload.updates
        peer = _prepare_peer(workload) if with_torch else None
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(workload.updates / time_call(partial(simulate, scenario, task=workload.task)))
            if peer is not None:
                theirs.append(workload.updates_of_peer / time_call(partial(peer.run, workload.updates_of_peer)))
        _print_spread(f"updates/s, {name}", ours, ",.0f", f"  target: ≥ {workload.target[0]:,}")
        print(f"  (and {run.summary.wall.compile:.1f} s to compile, once)")
        if peer is not None:
            _print_spread("updates/s of eager PyTorch around a heap", theirs, ",.0f")
            ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
            _print_spread("simasgd ÷ eager PyTorch", ratios, ".2f", f"  target: ≥ {workload.target[1]}")
