"""Handles on models with their values, and models on their way between processes."""

from __future__ import annotations

from typing import NamedTuple, final

from simasgd.learning.models.network import Parameters
from simasgd.tape.mixing import NOBODY, Model
from simasgd.testbed.system.parcels import Parcel


@final
class RealModel(Model):
    """A handle on a model that this process has. The values live as long as the handle."""

    values: Parameters

    @classmethod
    def of(
        cls, values: Parameters, number: int, state: int = 0, holder: int = NOBODY, steps: int = 0, changes: int = 0
    ) -> RealModel:
        """Return a handle on these values."""
        model = cls(number, state, holder, steps, changes)
        model.values = values
        return model

    def __repr__(self) -> str:
        return repr(Model(*self))  # authors of protocols know models only


def values_of(model: Model) -> Parameters:
    """Return the values of a model that this process has. Raises TypeError for another one."""
    if not isinstance(model, RealModel):
        raise TypeError(f"{model} is not a model that this learner has made or received")
    return model.values


class SentModel(NamedTuple):
    """A model on its way: the handle without the values, and the values.

    `ready_at` says when the model was ready (s), if whoever asked for it had to wait.
    """

    model: Model
    parcel: Parcel
    ready_at: float | None = None


@final
class ModelNumbers:
    """Numbers of models that differ between all processes of a run.

    Each holder numbers the models that it makes. Number 0 is the initial model. The means of meetings have names of
    their own, which all learners know.
    """

    def __init__(self, holders: int, holder: int) -> None:
        self._holders, self._holder = holders, holder
        self._made = 0

    def next(self) -> int:
        """Return the number of the next model that this holder makes."""
        self._made += 1
        return self._name(self._made, self._holder)

    def of_meeting(self, meeting: int) -> int:
        """Return the number of the mean of a meeting; meetings are counted from 1."""
        return self._name(meeting, self._holders)

    def _name(self, count: int, maker: int) -> int:
        return 1 + (count - 1) * (self._holders + 1) + maker
