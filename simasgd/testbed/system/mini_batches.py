"""The mini-batches of one learner, and the gradients on them."""

from __future__ import annotations

from typing import final

import jax.numpy as jnp
import numpy as np
from jaxtyping import Int32

from simasgd.cluster.clock.sizes import mini_batch_sizes, size_of_each
from simasgd.learning.data.augment import draws
from simasgd.learning.data.examples import Examples
from simasgd.learning.data.partition import parts
from simasgd.learning.data.sets import mini_batches
from simasgd.learning.models.network import Parameters
from simasgd.learning.problem.batches import BatchRows
from simasgd.learning.problem.gradients import GradientFunction
from simasgd.learning.problem.rates import rates_of_learners
from simasgd.learning.problem.task import AbstractTask
from simasgd.learning.rules.trees import Updates
from simasgd.scenario.schema import Scenario


@final
class DrawnMiniBatches:
    """The mini-batches of a learner, with the samples that a player gives them. They are drawn in blocks that double.

    `size` is the number of samples in each.
    """

    def __init__(self, scenario: Scenario, learner: int, task: AbstractTask, gradient: GradientFunction) -> None:
        learning, learners, dataset = scenario.learning, scenario.cluster.learners, task.dataset
        assert learning is not None
        self.size = size_of_each(mini_batch_sizes(scenario.workload, learners, scenario.cluster_seed), learners)[learner]
        self._train = Examples.placed(dataset.train_inputs, dataset.train_labels, jnp.dtype(learning.number_format))
        self._function = gradient
        self._augmented = task.augmentation is not None
        self._data, self._seed, self._learner = learning.data, scenario.learning_seed, learner
        partition = parts(learning.partition, dataset.train_labels, learners, self._seed)
        self._part = None if partition is None else partition[learner]
        self._samples = len(dataset.train_labels) if self._part is None else len(self._part)
        self._drawn = 0

    def gradient(self, batch: int, weights: Parameters) -> Updates:
        """Compute the gradient of the mini-batch with that number on these weights."""
        rows, codes = self._row(batch)
        inputs, labels = self._train.batch(rows)
        return self._function(weights, inputs, labels, jnp.asarray(codes) if self._augmented else None)

    def _row(self, batch: int) -> tuple[Int32[BatchRows, " µ"], Int32[BatchRows, " µ"]]:
        """Return the samples of a mini-batch, and their augmentation codes."""
        if batch >= self._drawn:
            self._drawn = max(256, 2 * batch)
            self._rows = mini_batches(self._seed, self._learner, self._drawn, self.size, self._samples)
            self._codes = draws(self._data, self._seed, self._learner, self._drawn, self.size)
        row = self._rows[batch]
        return (row if self._part is None else self._part[row].astype(np.int32)), self._codes[batch]


def rate_of(scenario: Scenario, learner: int) -> float:
    """Return the factor of a learner's learning rate."""
    rates = rates_of_learners(scenario)
    return 1.0 if rates is None else float(rates[learner])
