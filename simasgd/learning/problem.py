"""What both players share: the data, the loss, the initial weights, the update rule and the columns they follow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax

from simasgd.learning import data, models
from simasgd.learning.models import Network, Parameters
from simasgd.learning.rules import Rule, rule
from simasgd.scenario.data import DATA, DataShape, samples_of_epochs
from simasgd.scenario.models import AbstractModel
from simasgd.scenario.modulation import InverseMeanStaleness, Modulation, SqrtBatch
from simasgd.scenario.optimizers import SGD, Schedule
from simasgd.scenario.schema import Scenario
from simasgd.tape import Floats, Tape


class Recipe(NamedTuple):
    """All that shapes the programs and nothing that is data, so that runs which share it share their compilation.

    `mean_staleness` is ⟨σ⟩ and `samples_per_round` λµ where the modulation asks for them, else 1.
    """

    model: AbstractModel
    shape: DataShape
    optimizer: SGD
    modulation: Modulation
    mean_staleness: float
    samples_per_round: int

    @property
    def network(self) -> Network:
        return models.build(self.model, self.shape)

    @property
    def rule(self) -> Rule:
        return rule(self.optimizer, self.modulation, self.mean_staleness, self.samples_per_round)


def loss(network: Network, parameters: Parameters, inputs: jax.Array, labels: jax.Array) -> jax.Array:
    """Mean cross-entropy of a mini-batch."""
    losses: jax.Array = optax.softmax_cross_entropy_with_integer_labels(network.logits(parameters, inputs), labels)
    return losses.mean()


@dataclass(frozen=True, eq=False)
class Problem:
    """A tape's gradients made concrete. `inputs` and `labels` are the training set on the device, `start` the initial weights.

    `batches[i]` holds the indices of the samples of gradient row i, shape (G, µ); `factors[u]` the schedule's factor at step
    u, shape (U,).
    """

    recipe: Recipe
    tape: Tape
    start: Parameters
    inputs: jax.Array
    labels: jax.Array
    test_inputs: jax.Array
    test_labels: jax.Array
    batches: npt.NDArray[np.int32]
    factors: Floats
    note: str

    def evaluate(self, weights: Parameters) -> tuple[float, float]:
        """Mean loss and error (a fraction) on the test set."""
        value, wrong = _evaluator(self.recipe.model, self.recipe.shape)(weights, self.test_inputs, self.test_labels)
        return float(value), int(wrong) / len(self.test_labels)


def pose(scenario: Scenario, tape: Tape) -> Problem:
    """The problem that a scenario's learning section poses on its tape. Raises simasgd.DataMissing."""
    learning, samples_per_epoch = scenario.learning, scenario.samples_per_epoch
    assert learning is not None
    assert samples_per_epoch is not None
    learners = scenario.cluster.learners
    source, shape = data.load(learning.data), DATA[learning.data]
    mean_staleness, samples_per_round = 1.0, 1
    match learning.modulation:
        case InverseMeanStaleness():
            nominal = scenario.protocol.nominal_staleness(learners)
            mean_staleness = _tape_mean(tape) if nominal is None else nominal
        case SqrtBatch():
            samples_per_round = learners * tape.mini_batch
    recipe = Recipe(learning.model, shape, learning.optimizer, learning.modulation, mean_staleness, samples_per_round)
    dtype = jnp.dtype(learning.precision)
    start = recipe.network.init(jax.random.key(scenario.learning_seed))
    return Problem(
        recipe=recipe,
        tape=tape,
        start=jax.tree.map(lambda p: p.astype(dtype), start),
        inputs=jnp.asarray(source.train_inputs, dtype),
        labels=jnp.asarray(source.train_labels),
        test_inputs=jnp.asarray(source.test_inputs, dtype),
        test_labels=jnp.asarray(source.test_labels),
        batches=_batches(scenario.learning_seed, tape, shape.train),
        factors=schedule_factors(learning.schedule, tape, samples_per_epoch),
        note=source.note,
    )


def _tape_mean(tape: Tape) -> float:
    return float(tape.staleness.mean()) if tape.num_gradients else 0.0


def schedule_factors(schedule: Schedule | None, tape: Tape, samples_per_epoch: int) -> Floats:
    """By what the schedule multiplies the learning rate at each step, shape (U,), from the samples applied before it."""
    if schedule is None:
        return np.ones(tape.num_steps)
    boundaries = [samples_of_epochs(boundary, samples_per_epoch) for boundary in schedule.boundaries]
    passed = np.searchsorted(boundaries, tape.samples_before[:-1], side="right")
    result: Floats = np.power(schedule.factor, passed.astype(np.float64))
    return result


def _batches(seed: int, tape: Tape, samples: int) -> npt.NDArray[np.int32]:
    """The sample indices of every gradient row, shape (G, µ)."""
    rows = np.empty((tape.num_gradients, tape.mini_batch), np.int32)
    order = np.argsort(tape.learner, kind="stable")
    learners, first = np.unique(tape.learner[order], return_index=True)
    for learner, mine in zip(learners.tolist(), np.split(order, first)[1:], strict=True):
        numbers = tape.batch[mine]
        rows[mine] = data.mini_batches(seed, learner, int(numbers.max()) + 1, tape.mini_batch, samples)[numbers]
    return rows


@cache
def _evaluator(model: AbstractModel, shape: DataShape) -> Any:
    network = models.build(model, shape)

    @jax.jit
    def evaluate(weights: Parameters, inputs: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
        logits = network.logits(weights, inputs)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        return losses.mean(), (logits.argmax(axis=-1) != labels).sum()

    return evaluate


@jax.jit
def all_finite(weights: Parameters) -> jax.Array:
    """Whether no weight is infinite or NaN."""
    return jnp.all(jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(weights)]))
