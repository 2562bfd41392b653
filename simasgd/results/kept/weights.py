"""The last weights of a run, in memory and as a file of NumPy arrays."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeAlias, final

import numpy as np
import numpy.typing as npt

from simasgd.errors import UsageError

Array: TypeAlias = npt.NDArray[np.generic]
Arrays: TypeAlias = Mapping[str, Array]
_OWN, _LEARNERS, _CENTRE, _OPTIMIZER, _MEMORY = "weights", "learners", "centre", "optimizer", "memory"


@final
@dataclass(frozen=True, eq=False)
class KeptWeights(Mapping[str, Array]):
    """The weights at the end of a run: a mapping from the names of arrays to arrays.

    A name is that of a layer and, after a dot, that of an array of it: `hidden1.w`. A fully
    connected layer has weights `w`, shape (inputs, outputs), and biases `b`. The top layer has
    them as (outputs, inputs).

    Where learners have models of their own, these are the weights that are evaluated: the mean of
    the learners' models, or the centre's.
    """

    arrays: Arrays
    learners: Arrays | None = None
    """The learners' own models: the same names, and a leading axis of λ learners. None: there are none."""
    centre: Arrays | None = None
    """The centre's model. None: there is no centre."""
    optimizer: Arrays = field(default_factory=dict)
    """The optimizer's state; with a leading axis of learners where each has one."""
    memory: Arrays = field(default_factory=dict)
    """The state of the rule for single gradients, such as each learner's momentum or compression error."""

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in self.arrays.items())
        return f"<weights: {shapes}>"

    def write(self, path: Path) -> None:
        """Write all arrays to a file in NumPy's format npz, with names such as `weights/hidden1.w`."""
        groups = {
            _OWN: self.arrays,
            _LEARNERS: self.learners,
            _CENTRE: self.centre,
            _OPTIMIZER: self.optimizer,
            _MEMORY: self.memory,
        }
        every = {f"{group}/{name}": array for group, arrays in groups.items() for name, array in (arrays or {}).items()}
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **every)


def hold_weights(weights: KeptWeights | None) -> Callable[[], KeptWeights | None]:
    """Return a function that returns these weights. It can be pickled, so that a run can be sent to another process."""
    return partial(_return, weights)


def _return(weights: KeptWeights | None) -> KeptWeights | None:
    return weights


def read_weights(path: Path) -> KeptWeights | None:
    """Read a file that `Weights.write` wrote; return None if there is no such file.

    Raises simasgd.UsageError if it does not have that form.
    """
    if not path.is_file():
        return None
    groups: dict[str, dict[str, Array]] = {_OWN: {}, _LEARNERS: {}, _CENTRE: {}, _OPTIMIZER: {}, _MEMORY: {}}
    try:
        with np.load(path, allow_pickle=False) as file:
            for name in file.files:
                group, _, own = name.partition("/")
                groups[group][own] = file[name]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UsageError(f"{path}: is not a file of weights that simasgd wrote: {error}") from None
    weights, learners, centre = groups[_OWN], groups[_LEARNERS], groups[_CENTRE]
    for expected, found, axes in ((weights, learners, 1), (weights, centre, 0)):
        if found and {name: array.shape for name, array in expected.items()} != {
            name: array.shape[axes:] for name, array in found.items()
        }:
            raise UsageError(f"{path}: the arrays of learners or of the centre are not those of the weights")
    if not weights:
        raise UsageError(f"{path}: holds no weights")
    return KeptWeights(weights, learners or None, centre or None, groups[_OPTIMIZER], groups[_MEMORY])
