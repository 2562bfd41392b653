"""What both players share: the data, the loss, the initial weights, the update rule and the columns they follow."""

from __future__ import annotations

from collections.abc import Sequence
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
from simasgd.learning.partition import parts
from simasgd.learning.rules import Rule, Setting, rule
from simasgd.learning.schedule import schedule_factors
from simasgd.scenario.data import DATA, DataShape
from simasgd.scenario.models import AbstractModel
from simasgd.scenario.modulation import (
    DanaSlim,
    InverseMeanStaleness,
    Koloskova,
    Mishchenko,
    Modulation,
    SqrtBatch,
    WuAdaptive1,
    WuAdaptive2,
)
from simasgd.scenario.optimizers import Optimizer
from simasgd.scenario.schema import Scenario
from simasgd.tape import Floats, Ints, Tape


class Recipe(NamedTuple):
    """All that shapes the programs and nothing that is data, so that runs which share it share their compilation."""

    model: AbstractModel
    shape: DataShape
    optimizer: Optimizer
    modulation: Modulation
    setting: Setting

    @property
    def network(self) -> Network:
        return models.build(self.model, self.shape)

    @property
    def rule(self) -> Rule:
        network = self.network
        return rule(self.optimizer, self.modulation, self.setting, network.rates, network.decays)


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
    source, shape = data.load(learning.data), DATA[learning.data]
    setting = _setting(learning.modulation, scenario, tape)
    recipe = Recipe(learning.model, shape, learning.optimizer, learning.modulation, setting)
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
        batches=_batches(
            scenario.learning_seed,
            tape,
            shape.train,
            parts(learning.partition, source.train_labels, scenario.cluster.learners, scenario.learning_seed),
        ),
        factors=schedule_factors(learning.schedule, tape, samples_per_epoch),
        note=source.note,
    )


def _setting(modulation: Modulation, scenario: Scenario, tape: Tape) -> Setting:
    learners = scenario.cluster.learners
    match modulation:
        case InverseMeanStaleness():
            nominal = scenario.protocol.nominal_staleness(learners)
            return Setting(mean_staleness=_tape_mean(tape) if nominal is None else nominal)
        case SqrtBatch():
            return Setting(samples_per_round=learners * tape.mini_batch)
        case Mishchenko() | Koloskova() | DanaSlim():
            return Setting(learners=learners)
        case WuAdaptive1() | WuAdaptive2():
            greatest = int(tape.staleness.max(initial=0))
            return Setting(window=1 << greatest.bit_length())  # a power of two, so that runs of about one staleness share it
        case _:
            return Setting()


def _tape_mean(tape: Tape) -> float:
    return float(tape.staleness.mean()) if tape.num_gradients else 0.0


def _batches(seed: int, tape: Tape, samples: int, own: Sequence[Ints] | None) -> npt.NDArray[np.int32]:
    """The sample indices of every gradient row, shape (G, µ), from each learner's part of the samples if they are parted."""
    rows = np.empty((tape.num_gradients, tape.mini_batch), np.int32)
    order = np.argsort(tape.learner, kind="stable")
    learners, first = np.unique(tape.learner[order], return_index=True)
    for learner, mine in zip(learners.tolist(), np.split(order, first)[1:], strict=True):
        numbers = tape.batch[mine]
        number = samples if own is None else len(own[learner])
        drawn = data.mini_batches(seed, learner, int(numbers.max()) + 1, tape.mini_batch, number)[numbers]
        rows[mine] = drawn if own is None else own[learner][drawn]
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
