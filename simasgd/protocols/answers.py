"""What the properties and methods of a protocol answer, checked for protocols of other packages."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from numbers import Integral, Real
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from simasgd.protocols.base import (
    AbstractPeerProtocol,
    AbstractProtocol,
    AbstractServerProtocol,
    AbstractSoftsyncProtocol,
    Cycle,
    Meeting,
)
from simasgd.protocols.definition import describe_error, is_property, locate
from simasgd.scenario.cluster.collective import AbstractCollective
from simasgd.scenario.learning.models import AbstractModel
from simasgd.scenario.learning.modulation import AbstractModulation
from simasgd.scenario.vocabulary.section import Inconsistency


class _Expected(NamedTuple):
    """What a property or a method has to answer, in words and as a test."""

    words: str
    holds: Callable[[Any], bool]


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value) and float(value) >= 0.0


def _is_count(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, Integral) and int(value) >= 0


def _is_meeting(value: Any) -> bool:
    return (
        isinstance(value, Meeting) and isinstance(value.collective, AbstractCollective) and value.of in ("gradients", "models")
    )


def _or_none(expected: _Expected) -> _Expected:
    return _Expected(f"{expected.words}, or None", lambda value: value is None or expected.holds(value))


_FLAG = _Expected("True or False", _is_flag)
_NUMBER = _or_none(_Expected("a finite number of at least 0", _is_number))
_MODULATION = _Expected(
    "a modulation of simasgd.scenario.learning.modulation, such as InverseStaleness()",
    lambda value: isinstance(value, AbstractModulation),
)
_EXPECTED: Final[Mapping[type, Mapping[str, _Expected]]] = MappingProxyType(
    {
        AbstractServerProtocol: {
            "learner_cycle": _or_none(
                _Expected("a Cycle of simasgd.protocols.base", lambda value: isinstance(value, Cycle)),
            ),
        },
        AbstractSoftsyncProtocol: {
            "gradients_per_update": _Expected("a whole number from 1", lambda value: _is_count(value) and value >= 1),
            "most_stale": _or_none(_Expected("a whole number from 0", _is_count)),
        },
        AbstractPeerProtocol: {
            "thread": _or_none(_Expected("a name", lambda value: isinstance(value, str) and value != "")),
            **dict.fromkeys(("has_centre", "has_direct_messages"), _FLAG),
            "meeting": _or_none(_Expected("a Meeting of simasgd.protocols.base", _is_meeting)),
        },
        AbstractProtocol: {
            **dict.fromkeys(("steps_copies", "has_own_models", "has_server", "has_rounds", "counts_epochs"), _FLAG),
            "modulation": _MODULATION,
            "nominal_staleness": _NUMBER,
            "lawful_staleness": _NUMBER,
        },
    }
)
"""The answers by the class that introduces them, in the order in which they are asked for: a later one may use earlier ones.

Methods among them take the number of learners.
"""


def find_wrong_answer(protocol: AbstractProtocol, learners: int, model: AbstractModel | None) -> str:
    """Return the first mistake in the answers of a protocol for λ `learners` and a `model`, "" if there is none.

    A mistake is an error, or a value that simasgd cannot use. The text names the file and the line.
    """
    try:
        for name, expected in _iterate_expected(protocol):
            _ask(protocol, name, expected, learners)
        _ask_for_inconsistencies(protocol, learners, model)
    except ValueError as error:
        return str(error)
    return ""


def ask_law_of_staleness(protocol: AbstractProtocol, learners: int) -> float | None:
    """Return the protocol's law for λ `learners`. Raises ValueError for a mistake, as `find_wrong_answer` words it."""
    law: float | None = _ask(protocol, "lawful_staleness", _NUMBER, learners)
    return law


def ask_for_server(protocol: type[AbstractProtocol]) -> bool | None:
    """Return whether a class has a server, or a centre on one; None if that depends on parameters."""
    if issubclass(protocol, AbstractServerProtocol):
        return True
    try:
        has_server: bool = _ask(protocol.by_default(), "has_server", _FLAG, 1)
    except Exception:  # noqa: BLE001  # its parameters have no defaults
        return None
    return has_server


def _ask(protocol: AbstractProtocol, name: str, expected: _Expected, learners: int) -> Any:
    """Return what a property answers, or a method for λ `learners`. Raises ValueError for a mistake, with its place."""
    answer = _call(
        protocol,
        name,
        lambda: getattr(protocol, name) if is_property(type(protocol), name) else getattr(protocol, name)(learners),
    )
    if not expected.holds(answer):
        raise ValueError(_word(protocol, name, f"found {answer!r}; expected {expected.words}"))
    return answer


def _iterate_expected(protocol: AbstractProtocol) -> Iterator[tuple[str, _Expected]]:
    for base, answers in _EXPECTED.items():
        if isinstance(protocol, base):
            yield from answers.items()


def _ask_for_inconsistencies(protocol: AbstractProtocol, learners: int, model: AbstractModel | None) -> None:
    name = "inconsistencies"
    found: Any = _call(protocol, name, lambda: protocol.inconsistencies(learners, model))
    if not isinstance(found, list | tuple) or not all(isinstance(one, Inconsistency) for one in found):
        raise ValueError(_word(protocol, name, f"found {found!r}; expected a list of Inconsistency, which may be empty"))


def _call(protocol: AbstractProtocol, name: str, question: Callable[[], Any]) -> Any:
    try:
        return question()
    except Exception as error:  # a user's code may raise anything
        raise ValueError(_word(protocol, name, describe_error(error))) from error


def _word(protocol: AbstractProtocol, name: str, problem: str) -> str:
    return f"{locate(type(protocol))}: protocol {protocol.kind!r}, {name}: {problem}"
