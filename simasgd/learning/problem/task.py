"""Tasks: the model and the data of a learning problem."""

from __future__ import annotations

import abc
from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple, final

import jax
import jax.numpy as jnp

from simasgd.learning.data.augment import Augmentation, augmentation, augmentation_key
from simasgd.learning.data.examples import Examples
from simasgd.learning.data.sets import Dataset, load
from simasgd.learning.models.build import objective
from simasgd.learning.models.objective import Objective
from simasgd.scenario.learning.data import AbstractData
from simasgd.scenario.learning.learning import Precision
from simasgd.scenario.learning.models import AbstractModel
from simasgd.scenario.schema import Scenario

MOST_PROGRAMS = 32
"""The most compiled programs of a kind that a process keeps. One has megabytes."""


@final
@dataclass(frozen=True)
class Frame:
    """The functions that compiled programs of a task consist of, without its data.

    Frames are equal if their keys are. Programs of equal frames, rules of one structure and
    arguments of one shape are one program.
    """

    key: Hashable
    """All that the functions depend on."""
    precision: Precision
    """The precision of matrix products."""
    objective: Objective = field(compare=False)
    augmentation: Augmentation | None = field(compare=False)


class AbstractTask(abc.ABC):
    """A model and its data."""

    @property
    @abc.abstractmethod
    def key(self) -> Hashable:
        """All that the objective and the augmentation depend on: two tasks of one key have the same functions."""

    @property
    @abc.abstractmethod
    def objective(self) -> Objective:
        """The functions of the model, among them the loss to minimize."""

    @property
    @abc.abstractmethod
    def augmentation(self) -> Augmentation | None:
        """The change made to a training sample each time it is drawn; None without one."""

    @property
    @abc.abstractmethod
    def dataset(self) -> Dataset:
        """The samples. Raises simasgd.DataMissing."""


@final
@dataclass(frozen=True)
class ScenarioTask(AbstractTask):
    """The task that the learning section of a scenario describes."""

    model: AbstractModel
    data: AbstractData

    @property
    def key(self) -> Hashable:
        return self.model, self.data.shape, augmentation_key(self.data)

    @property
    def objective(self) -> Objective:
        return objective(self.model, self.data.shape)

    @property
    def augmentation(self) -> Augmentation | None:
        return augmentation(self.data)

    @property
    def dataset(self) -> Dataset:
        return load(self.data)


def frame_of(task: AbstractTask, precision: Precision) -> Frame:
    """Return the frame of a task."""
    # A program that XLA compiled with less effort differs in the last bits.
    effort = jax.config.values["jax_disable_most_optimizations"]
    return Frame((task.key, effort), precision, task.objective, task.augmentation)


class Placed(NamedTuple):
    """The training and the test samples of a data set, on the device."""

    train: Examples
    test: Examples


def place(task: AbstractTask, dtype: jnp.dtype) -> Placed:
    """Put the samples of a task on the device. Those of a scenario stay there for the next run of the same data."""
    if isinstance(task, ScenarioTask):
        return _place_once(task.dataset, dtype, jax.config.jax_default_device)  # type: ignore[attr-defined]
    return _place(task.dataset, dtype)


@lru_cache(maxsize=1)
def _place_once(data: Dataset, dtype: jnp.dtype, device: object) -> Placed:
    del device  # on which JAX puts them
    return _place(data, dtype)


def _place(data: Dataset, dtype: jnp.dtype) -> Placed:
    pairs = (data.train_inputs, data.train_labels), (data.test_inputs, data.test_labels)
    return Placed(*(Examples.placed(inputs, labels, dtype) for inputs, labels in pairs))


class SampleType(NamedTuple):
    """The shapes and data types of one training sample."""

    inputs: jax.ShapeDtypeStruct
    label: jax.ShapeDtypeStruct


def sample_type(scenario: Scenario) -> SampleType:
    """Return the type of a training sample of a scenario, without reading its data."""
    learning = scenario.learning
    assert learning is not None
    dtype, shape = jnp.dtype(learning.number_format), learning.data.shape
    label = jnp.dtype("int32") if shape.label == "class" else dtype
    return SampleType(jax.ShapeDtypeStruct((shape.features,), dtype), jax.ShapeDtypeStruct((), label))
