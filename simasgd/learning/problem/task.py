"""Tasks: the model and the data of a learning problem."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, final

import jax
import jax.numpy as jnp

from simasgd.learning.data.augment import Augmentation, augmentation
from simasgd.learning.data.examples import Examples
from simasgd.learning.data.sets import Dataset, load
from simasgd.learning.models.build import objective
from simasgd.learning.models.objective import Objective
from simasgd.scenario.learning.data import AbstractData
from simasgd.scenario.learning.models import AbstractModel
from simasgd.scenario.schema import Scenario


class AbstractTask(abc.ABC):
    """A model and its data. Tasks are hashable; equal tasks share their compiled programs."""

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
    def objective(self) -> Objective:
        return objective(self.model, self.data.shape)

    @property
    def augmentation(self) -> Augmentation | None:
        return augmentation(self.data)

    @property
    def dataset(self) -> Dataset:
        return load(self.data)


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
