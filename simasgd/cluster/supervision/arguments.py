"""Checks of the arguments that a role gives to a verb, by the verb's signature."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import cache
from math import isnan
from numbers import Integral, Real
from typing import Any

from simasgd.protocols.verbs import Message
from simasgd.scenario.vocabulary.values import shown
from simasgd.tape.mixing import Model
from simasgd.tape.tape import Gradient, Weights

_LEAST = {"count": 1, "summed": 1, "spread": 0, "timeout": 0, "within": 0, "delay": 0, "slack": 0, "moves": 0}
_HANDLES = {"Gradient": Gradient, "Weights": Weights, "Model": Model, "Message": Message}
_NUMBERS: dict[str, tuple[Any, str]] = {"int": (Integral, "a whole number"), "float": (Real, "a number")}


@cache
def get_signature(verbs: type, verb: str) -> inspect.Signature | None:
    """Return the signature of a verb without `self`; None if `verbs` has no such verb."""
    function = inspect.getattr_static(verbs, verb, None)
    if not inspect.isfunction(function):
        return None
    whole = inspect.signature(function)
    return whole.replace(parameters=list(whole.parameters.values())[1:])


def takes_time(verb: inspect.Signature) -> bool:
    """Return whether a verb takes simulated time."""
    return str(verb.return_annotation).startswith("Timed[")


def get_annotation(parameter: inspect.Parameter) -> str:
    """Return the annotation of an argument's value; the value of `*gradients` is a sequence."""
    several = parameter.kind is inspect.Parameter.VAR_POSITIONAL
    return f"Sequence[{parameter.annotation}]" if several else str(parameter.annotation)


def find_problem(name: str, annotation: str, value: Any) -> str:
    """Return the mistake in an argument, by its annotation; "" if there is none."""
    if annotation.endswith(" | None"):
        return "" if value is None else find_problem(name, annotation.removesuffix(" | None"), value)
    if annotation.startswith("Sequence["):
        return _find_problem_of_sequence(name, annotation.removeprefix("Sequence[").removesuffix("]"), value)
    if annotation in _HANDLES:
        return "" if isinstance(value, _HANDLES[annotation]) else f"{quote(value)} is not a {annotation} handle"
    if annotation in _NUMBERS:
        number, words = _NUMBERS[annotation]
        if not isinstance(value, number) or isinstance(value, bool) or (isinstance(value, float) and isnan(value)):
            return f"{quote(value)} is not {words}"
        if name in _LEAST and value < _LEAST[name]:
            return f"{value} is too small; it must be at least {_LEAST[name]}"
    return ""


def _find_problem_of_sequence(name: str, element: str, values: Any) -> str:
    handle = _HANDLES.get(element)
    if handle is None:
        return ""
    if isinstance(values, handle) or not isinstance(values, Sequence):
        return f"{quote(values)} is not a list of {element} handles"
    return next((problem for value in values if (problem := find_problem(name, element, value))), "")


def quote(value: Any) -> str:
    """Return a value as a message shows it, in at most some 60 characters."""
    text = shown(value) if isinstance(value, int | float | str | bool | None) else repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
