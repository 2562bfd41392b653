"""The weights of the parameter server: the versions that learners still use, and the update rule."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np

from simasgd.cluster.clock.sizes import mini_batch_sizes, size_of_each
from simasgd.learning.chain.reference import row_functions
from simasgd.learning.problem.rates import rates_of_learners
from simasgd.learning.problem.schedule import factors_at
from simasgd.scenario.schema import Scenario
from simasgd.tape.tape import Gradient
from simasgd.testbed.system.parcels import Codec, Parcel
from simasgd.testbed.system.task import build_task


class AbstractWeights(abc.ABC):
    """The newest weights, and earlier versions of them that learners may still send gradients of."""

    samples: int
    """The number of samples applied so far, those of the update under way included."""
    published: int
    """The number of samples applied to make the newest weights."""

    @abc.abstractmethod
    def update(self, message: Parcel, gradients: Sequence[Gradient], staleness: Sequence[int], share: float) -> None:
        """Add a message to the next update; its gradients count `share` each in the mean."""

    @abc.abstractmethod
    def step(self) -> None:
        """Make the next weights from the messages that were added; nobody sees them yet."""

    @abc.abstractmethod
    def publish(self) -> None:
        """Make the weights of the last step the newest ones."""

    @abc.abstractmethod
    def parcel(self) -> Parcel:
        """Return the newest weights, as learners are sent them."""

    @abc.abstractmethod
    def final(self) -> Parcel:
        """Return the newest weights themselves, which may differ from those that learners are sent."""

    @abc.abstractmethod
    def forget(self, before: int) -> None:
        """Forget versions with smaller numbers: no gradient of theirs will come."""


@final
class NoWeights(AbstractWeights):
    """A server without learning: its messages have the right size and no content."""

    def __init__(self, size: int, sizes: Sequence[int]) -> None:
        self.samples = self.published = 0
        self._parcel = np.zeros(size, np.uint8)
        self._sizes = sizes

    def update(self, message: Parcel, gradients: Sequence[Gradient], staleness: Sequence[int], share: float) -> None:
        self.samples += sum(self._sizes[gradient.learner] for gradient in gradients)

    def step(self) -> None:
        pass

    def publish(self) -> None:
        self.published = self.samples

    def parcel(self) -> Parcel:
        return self._parcel

    def final(self) -> Parcel:
        return self._parcel

    def forget(self, before: int) -> None:
        pass


@final
class RealWeights(AbstractWeights):
    """The weights of a scenario's task, and its update rule, row by row as the reference player applies it."""

    def __init__(self, scenario: Scenario, sizes: Sequence[int]) -> None:
        learning = scenario.learning
        assert learning is not None
        assert scenario.samples_per_epoch is not None
        self.samples = self.published = 0
        self._sizes = sizes
        self._schedule, self._epoch = learning.schedule, scenario.samples_per_epoch
        self._is_double = learning.precision == "float64"
        with self._precision():
            _, recipe, start = build_task(scenario)
            self._functions, rule = row_functions(recipe), recipe.rule
            self._state, self._gradient_state = rule.update.init(start), rule.per_gradient.init(start)
        self._rates = rates_of_learners(scenario)
        self._weights = self._final = start
        self._gradients, self._codec = Codec(start, int(scenario.gradient_payload)), Codec(start, int(scenario.payload))
        self._newest = self._next = self._codec.pack(start)
        self._step = 0
        self._versions = {0: start}
        self._mean = self._zeros = jax.tree.map(jnp.zeros_like, start)
        self._compile()

    def _precision(self) -> AbstractContextManager[Any]:
        context: AbstractContextManager[Any] = jax.enable_x64(self._is_double)
        return context

    def _compile(self) -> None:
        """Compile the rule before the run begins, and leave everything as it is."""
        kept = self._weights, self._state, self._gradient_state
        nothing = self._gradients.pack(self._zeros)
        self.update(nothing, [Gradient(0, 0, 0, 0.0, 0.0)], [0], 1.0)
        self.step()
        self._weights, self._state, self._gradient_state = kept
        self._mean, self._step, self.samples, self.published = self._zeros, 0, 0, 0
        self._versions = {0: self._weights}

    def update(self, message: Parcel, gradients: Sequence[Gradient], staleness: Sequence[int], share: float) -> None:
        with self._precision():
            gradient = self._gradients.unpack(message)
            if len(gradients) > 1:  # the message is their sum
                gradient = jax.tree.map(lambda leaf: leaf / leaf.dtype.type(len(gradients)), gradient)
            share *= len(gradients)
            first = gradients[0]
            if self._rates is not None:
                share *= float(self._rates[first.learner])
            extra = {
                "learner": np.int64(first.learner),
                "read": self._versions[first.timestamp],
                "staleness": np.int64(staleness[0]),
                "step": self._step,
                "share": np.float64(share),
                "last": np.True_,
            }
            self._mean, self._gradient_state = self._functions.add(
                self._mean, gradient, self._gradient_state, self._weights, extra
            )
        self.samples += sum(self._sizes[gradient.learner] for gradient in gradients)

    def step(self) -> None:
        before, after = np.array([self.published]), np.array([self.samples])
        factor = factors_at(self._schedule, before, after, self._epoch)[0]
        with self._precision():
            self._weights, self._state = self._functions.step(self._weights, self._state, self._mean, factor)
            self._step += 1
            sent = self._functions.sent(self._weights, self._gradient_state, factor)
            self._versions[self._step] = sent
            self._next = self._codec.pack(sent)
        self._mean = self._zeros

    def publish(self) -> None:
        self._newest, self._final, self.published = self._next, self._weights, self.samples

    def parcel(self) -> Parcel:
        return self._newest

    def final(self) -> Parcel:
        return self._codec.pack(self._final)

    def forget(self, before: int) -> None:
        for version in [version for version in self._versions if version < before]:
            del self._versions[version]


def make_weights(scenario: Scenario) -> AbstractWeights:
    """Return the weights of a scenario's server."""
    learners = scenario.cluster.learners
    sizes = size_of_each(mini_batch_sizes(scenario.workload, learners, scenario.cluster_seed), learners)
    return NoWeights(int(scenario.payload), sizes) if scenario.learning is None else RealWeights(scenario, sizes)
