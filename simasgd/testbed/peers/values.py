"""The values of models, and the arithmetic on them: that of the reference player, row by row."""

from __future__ import annotations

import abc
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, final

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from simasgd.cluster.clock.sizes import mini_batch_sizes, size_of_each
from simasgd.learning.chain.reference import row_functions as chain_functions
from simasgd.learning.mixing.reference import row_functions as mixing_functions
from simasgd.learning.models.network import Parameters
from simasgd.learning.problem.schedule import factors_at
from simasgd.learning.rules.trees import State, Updates
from simasgd.scenario.schema import Scenario
from simasgd.testbed.peers.ring import Vector
from simasgd.testbed.peers.vectors import VectorCodec
from simasgd.testbed.system.mini_batches import DrawnMiniBatches, rate_of
from simasgd.testbed.system.parcels import Codec, Parcel
from simasgd.testbed.system.task import build_task


class Reading(NamedTuple):
    """A gradient with what its step needs: the model that it was computed on, and the staleness of the step."""

    gradient: Updates
    read: Parameters
    staleness: int


class AbstractValues(abc.ABC):
    """Models of one holder's own, and the state of its optimizer."""

    start: Parameters
    """The initial model."""
    start_state: State
    """The initial state of an optimizer."""

    @abc.abstractmethod
    def gradient(self, batch: int, model: Parameters) -> Updates:
        """Compute the gradient of the learner's mini-batch with that number."""

    @abc.abstractmethod
    def step(self, model: Parameters, state: State, reading: Reading, share: float) -> tuple[Parameters, State]:
        """Return the model after a step of `share` times the optimizer's update, and the optimizer's state."""

    @abc.abstractmethod
    def mix(self, base: Parameters, other: Parameters, base_share: float, other_share: float) -> Parameters:
        """Return base_share·base + other_share·other."""

    @abc.abstractmethod
    def pack(self, model: Parameters) -> Parcel:
        """Return a model as a message."""

    @abc.abstractmethod
    def unpack(self, parcel: Parcel) -> Parameters:
        """Return the model of a message."""


@final
class NoValues(AbstractValues):
    """A holder without learning: its messages have the right size and no content."""

    def __init__(self, scenario: Scenario) -> None:
        self.start = self.start_state = ()
        self._codec = Codec((), int(scenario.payload))

    def gradient(self, batch: int, model: Parameters) -> Updates:
        return ()

    def step(self, model: Parameters, state: State, reading: Reading, share: float) -> tuple[Parameters, State]:
        return model, state

    def mix(self, base: Parameters, other: Parameters, base_share: float, other_share: float) -> Parameters:
        return base

    def pack(self, model: Parameters) -> Parcel:
        return self._codec.pack(())

    def unpack(self, parcel: Parcel) -> Parameters:
        return ()


@final
class RealValues(AbstractValues):
    """The models of a scenario's task. Without a learner (the centre), there are no mini-batches."""

    def __init__(self, scenario: Scenario, learner: int | None) -> None:
        learning = scenario.learning
        assert learning is not None
        self._is_double = learning.precision == "float64"
        with self._precision():
            task, recipe, self.start = build_task(scenario)
            self._functions, rule = mixing_functions(recipe), recipe.rule
            self.start_state, self._memory = rule.update.init(self.start), rule.per_gradient.init(self.start)
            self._codec = Codec(self.start, int(scenario.payload))
            self._learner = 0 if learner is None else learner
            if learner is not None:
                self._batches = DrawnMiniBatches(scenario, learner, task, self._functions.gradient)
                self._factor = np.float64(rate_of(scenario, learner))
                self._compile()
            self.mix(self.start, self.unpack(self.pack(self.start)), 1.0, 0.0)

    def _precision(self) -> AbstractContextManager[Any]:
        context: AbstractContextManager[Any] = jax.enable_x64(self._is_double)
        return context

    def _compile(self) -> None:
        """Compile a step before the run begins, and leave everything as it is."""
        memory = self._memory
        self.step(self.start, self.start_state, Reading(self.gradient(0, self.start), self.start, 0), 1.0)
        self._memory = memory

    def gradient(self, batch: int, model: Parameters) -> Updates:
        with self._precision():
            return jax.block_until_ready(self._batches.gradient(batch, model))

    def step(self, model: Parameters, state: State, reading: Reading, share: float) -> tuple[Parameters, State]:
        extra = {
            "learner": np.int64(self._learner),
            "read": reading.read,
            "staleness": np.int64(reading.staleness),
            "step": 0,  # only rules of one server use it, and these have no place here
        }
        with self._precision():
            stepped, state, self._memory = self._functions.step(
                model, state, self._memory, reading.gradient, extra, np.float64(share), self._factor
            )
            jax.block_until_ready((stepped, state))
            return stepped, state

    def mix(self, base: Parameters, other: Parameters, base_share: float, other_share: float) -> Parameters:
        with self._precision():
            return jax.block_until_ready(self._functions.mix(base, other, np.float64(base_share), np.float64(other_share)))

    def pack(self, model: Parameters) -> Parcel:
        return self._codec.pack(model)

    def unpack(self, parcel: Parcel) -> Parameters:
        return self._codec.unpack(parcel)


class AbstractCommonValues(abc.ABC):
    """The common model of learners that average their gradients."""

    start: Parameters
    """The initial model."""

    @abc.abstractmethod
    def gradient(self, batch: int, model: Parameters, step: int) -> Vector:
        """Compute the learner's part of the mean gradient of that step."""

    @abc.abstractmethod
    def step(self, model: Parameters, mean: Vector, step: int) -> Parameters:
        """Return the model after that step with the mean gradient."""

    @abc.abstractmethod
    def pack(self, model: Parameters) -> Parcel:
        """Return a model as a message."""


@final
class NoCommonValues(AbstractCommonValues):
    """A common model without learning: messages have the right size and no content."""

    def __init__(self, scenario: Scenario) -> None:
        self.start = ()
        self._part = VectorCodec((), scenario.gradient_payload).vector((), 1.0)
        self._codec = Codec((), int(scenario.payload))

    def gradient(self, batch: int, model: Parameters, step: int) -> Vector:
        return self._part

    def step(self, model: Parameters, mean: Vector, step: int) -> Parameters:
        return model

    def pack(self, model: Parameters) -> Parcel:
        return self._codec.pack(())


@final
class RealCommonValues(AbstractCommonValues):
    """The common model of a scenario's task. All learners have the optimizer's state, and it stays the same on all."""

    def __init__(self, scenario: Scenario, learner: int) -> None:
        learning, learners = scenario.learning, scenario.cluster.learners
        assert learning is not None
        assert scenario.samples_per_epoch is not None
        self._is_double = learning.precision == "float64"
        sizes = size_of_each(mini_batch_sizes(scenario.workload, learners, scenario.cluster_seed), learners)
        self._samples = sum(sizes)  # of a step
        self._schedule, self._epoch = learning.schedule, scenario.samples_per_epoch
        self._learner, self._share = learner, rate_of(scenario, learner) / learners
        with self._precision():
            task, recipe, self.start = build_task(scenario)
            self._functions, rule = chain_functions(recipe), recipe.rule
            self._batches = DrawnMiniBatches(scenario, learner, task, self._functions.gradient)
            self._state, self._memory = rule.update.init(self.start), rule.per_gradient.init(self.start)
            self._zeros = jax.tree.map(jnp.zeros_like, self.start)
            self._vectors = VectorCodec(self.start, scenario.gradient_payload)
            self._codec = Codec(self.start, int(scenario.payload))
            kept = self._state, self._memory
            self.step(self.start, self.gradient(0, self.start, 0), 0)  # compiles it now
            self._state, self._memory = kept

    def _precision(self) -> AbstractContextManager[Any]:
        context: AbstractContextManager[Any] = jax.enable_x64(self._is_double)
        return context

    def gradient(self, batch: int, model: Parameters, step: int) -> Vector:
        extra: dict[str, PyTree] = {
            "learner": np.int64(self._learner),
            "read": model,
            "staleness": np.int64(0),
            "step": step,
            "share": np.float64(self._share),
            "last": np.True_,
        }
        with self._precision():
            gradient = self._batches.gradient(batch, model)
            part, self._memory = self._functions.add(self._zeros, gradient, self._memory, model, extra)
            return self._vectors.vector(part, 1.0)

    def step(self, model: Parameters, mean: Vector, step: int) -> Parameters:
        before = np.array([step * self._samples])
        factor = factors_at(self._schedule, before, before + self._samples, self._epoch)[0]
        with self._precision():
            mean_gradient = self._vectors.tree(mean, self._zeros)
            stepped, self._state = self._functions.step(model, self._state, mean_gradient, factor)
            return jax.block_until_ready(stepped)

    def pack(self, model: Parameters) -> Parcel:
        return self._codec.pack(model)


def make_values(scenario: Scenario, learner: int | None) -> AbstractValues:
    """Return the values of a learner's models, or of the centre's (None)."""
    return NoValues(scenario) if scenario.learning is None else RealValues(scenario, learner)


def make_common_values(scenario: Scenario, learner: int) -> AbstractCommonValues:
    """Return the values of the common model, as a learner has it."""
    return NoCommonValues(scenario) if scenario.learning is None else RealCommonValues(scenario, learner)
