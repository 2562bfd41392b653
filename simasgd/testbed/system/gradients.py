"""The gradients of one learner, computed on weights as they come out of a parcel."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import final

import jax
import numpy as np

from simasgd.learning.chain.reference import row_functions
from simasgd.learning.problem.schedule import factors_at
from simasgd.scenario.schema import Scenario
from simasgd.testbed.system.mini_batches import DrawnMiniBatches, rate_of
from simasgd.testbed.system.parcels import Codec, Parcel
from simasgd.testbed.system.task import build_task


class AbstractGradients(abc.ABC):
    """Computes a learner's gradients, and its steps on its own copies of the weights."""

    @abc.abstractmethod
    def compute(self, batch: int, weights: Parcel) -> Parcel:
        """Return the gradient of the learner's mini-batch with that number on these weights."""

    @abc.abstractmethod
    def step(self, gradient: Parcel, weights: Parcel, samples_before: int) -> Parcel:
        """Return a copy of the weights after a step of plain SGD; `samples_before` were applied when the weights were made."""

    @abc.abstractmethod
    def total(self, gradients: Sequence[Parcel]) -> Parcel:
        """Return the sum of gradients, as one message."""

    @abc.abstractmethod
    def layered(self, layers: Sequence[Parcel]) -> Parcel:
        """Return weights, each layer of which is from its own one of these."""


@final
class NoGradients(AbstractGradients):
    """A learner without learning: its messages have the right size and no content."""

    def __init__(self, size: int) -> None:
        self._parcel = np.zeros(size, np.uint8)

    def compute(self, batch: int, weights: Parcel) -> Parcel:
        return self._parcel

    def step(self, gradient: Parcel, weights: Parcel, samples_before: int) -> Parcel:
        return weights

    def total(self, gradients: Sequence[Parcel]) -> Parcel:
        return self._parcel

    def layered(self, layers: Sequence[Parcel]) -> Parcel:
        return layers[0]


@final
class RealGradients(AbstractGradients):
    """The gradients of a scenario's task. Mini-batch k of a learner has the samples that a player gives it."""

    def __init__(self, scenario: Scenario, learner: int) -> None:
        learning = scenario.learning
        assert learning is not None
        assert scenario.samples_per_epoch is not None
        self._precision, self._schedule, self._epoch = learning.precision, learning.schedule, scenario.samples_per_epoch
        with jax.enable_x64(self._precision == "float64"):
            task, recipe, start = build_task(scenario)
            self._functions = row_functions(recipe)
            self._gradients = DrawnMiniBatches(scenario, learner, task, self._functions.gradient)
            self._layers = task.objective.layers(start)
            self._weights = Codec(start, int(scenario.payload))
            self._gradient = Codec(start, int(scenario.gradient_payload))
            self._rate = rate_of(scenario, learner)
            self.compute(0, self._weights.pack(start))  # compile it now

    def compute(self, batch: int, weights: Parcel) -> Parcel:
        with jax.enable_x64(self._precision == "float64"):
            return self._gradient.pack(self._gradients.gradient(batch, self._weights.unpack(weights)))

    def step(self, gradient: Parcel, weights: Parcel, samples_before: int) -> Parcel:
        before = np.array([samples_before])
        factor = factors_at(self._schedule, before, before + self._gradients.size, self._epoch)[0] * self._rate
        with jax.enable_x64(self._precision == "float64"):
            copy = self._functions.step_copy(self._gradient.unpack(gradient), self._weights.unpack(weights), factor)
            return self._weights.pack(copy)

    def total(self, gradients: Sequence[Parcel]) -> Parcel:
        trees = [self._gradient.unpack(gradient) for gradient in gradients]
        return self._gradient.pack(jax.tree.map(lambda *leaves: sum(leaves[1:], start=leaves[0]), *trees))

    def layered(self, layers: Sequence[Parcel]) -> Parcel:
        trees = [self._weights.unpack(layer) for layer in layers]
        return self._weights.pack(jax.tree.map(lambda layer, *leaves: leaves[layer], self._layers, *trees))


def make_gradients(scenario: Scenario, learner: int) -> AbstractGradients:
    """Return the gradients of a learner."""
    return NoGradients(int(scenario.gradient_payload)) if scenario.learning is None else RealGradients(scenario, learner)
