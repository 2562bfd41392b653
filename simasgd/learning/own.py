"""Tasks given from Python: a model and data as functions and arrays."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import final

import jax
import numpy as np
import numpy.typing as npt

from simasgd.learning.data.augment import Augmentation
from simasgd.learning.data.sets import Dataset
from simasgd.learning.models.network import Parameters
from simasgd.learning.models.objective import Objective, PerSample
from simasgd.learning.problem.task import AbstractTask
from simasgd.scenario.schema import Scenario

Samples = tuple[npt.ArrayLike, npt.ArrayLike]
"""Inputs and labels, arrays whose leading axis is that of the samples."""


@final
@dataclass(frozen=True, eq=False)
class Task(AbstractTask):
    """A learning task that replaces the model and the data of a scenario.

    It is given as simulate(scenario, task=Task(…)). Runs of one task share compiled programs. Those of
    another task have their own, also if it has the same functions, because what these read may have
    changed.
    """

    init: Callable[[jax.Array], Parameters]
    """init(key) returns the initial parameters, a pytree of float32 arrays."""
    losses: PerSample
    """losses(parameters, inputs, labels) returns the loss of each sample, shape (batch,).

    JAX must be able to differentiate it. The mean is minimized. Where learners' mini-batches differ
    in size, a sample's loss must not depend on the other samples: there are more than count.
    """
    train: Samples
    test: Samples
    wrong: PerSample | None = None
    """wrong(parameters, inputs, labels) returns whether each output is wrong, shape (batch,).

    The test error is the mean. None if outputs cannot be wrong.
    """
    _identity: object = field(init=False, repr=False, default_factory=object)

    @property
    def key(self) -> Hashable:
        return self._identity

    @property
    def objective(self) -> Objective:
        return Objective(self.init, self.losses, self.wrong)

    @property
    def augmentation(self) -> Augmentation | None:
        return None

    @property
    def dataset(self) -> Dataset:
        """The arrays. Raises ValueError if there are not as many labels as inputs."""
        train, test = (tuple(np.asarray(array) for array in pair) for pair in (self.train, self.test))
        for name, (inputs, labels) in (("train", train), ("test", test)):
            if not inputs.ndim or not labels.ndim or len(inputs) != len(labels) or not len(inputs):
                raise ValueError(
                    f"{name}: inputs of shape {inputs.shape} and labels of shape {labels.shape} do not belong together"
                )
        return Dataset(train[0], train[1], test[0], test[1])

    def described(self, scenario: Scenario) -> Scenario:
        """Return the scenario with this task in place of its model and data, in its variants, too.

        Raises ValueError if the scenario has no learning section.
        """
        if scenario.learning is None:
            raise ValueError(f"the scenario {scenario.name!r} has no learning section whose model and data could be replaced")
        tree = scenario.model_dump()
        for section in (tree, *tree["variants"].values()):
            if section["learning"] is not None:
                section["learning"] |= self._sections()
        return Scenario.model_validate(tree)

    def _sections(self) -> dict[str, dict[str, object]]:
        """Return the sections `model` and `data` that describe this task."""
        data, weights = self.dataset, jax.eval_shape(self.init, jax.random.key(0))
        labels = data.train_labels
        classes = int(labels.max()) + 1 if self.wrong is not None and np.issubdtype(labels.dtype, np.integer) else 0
        parameters = sum(leaf.size for leaf in jax.tree.leaves(weights))
        counts = {
            "samples": len(labels),
            "test": len(data.test_labels),
            "sample": data.train_inputs.shape[1:],
            "classes": classes,
        }
        return {"model": {"kind": "own", "parameters": parameters}, "data": {"kind": "own", **counts}}
