"""Handles on models that are still to be made."""

from __future__ import annotations

from typing import final

from simasgd.tape.mixing import Model


@final
class Promise(Model):
    """A handle on a model that a role may name before it is `made`."""

    made: Model | None = None

    def __repr__(self) -> str:
        return repr(Model(*self))  # authors of protocols know models only


def resolve(model: Model) -> Model:
    """Return the handle of a model that is made by now."""
    if not isinstance(model, Promise):
        return model
    assert model.made is not None
    return model.made
