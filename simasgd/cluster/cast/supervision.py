"""Protocols of other packages under supervision: a mistake in one is told with its file, line, role and verb.

A role gets a stand-in of its server or learner, which checks what it is asked for. simasgd's own protocols get the real one, so
this costs them nothing.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import cache, partial
from math import isnan
from numbers import Integral, Real
from pathlib import Path
from types import CodeType, FrameType, GeneratorType, MethodType
from typing import Any, NamedTuple, TypeVar, final

import simasgd
from simasgd.cluster.peers.messaging import Messaging
from simasgd.cluster.peers.peer import Peer
from simasgd.cluster.server.learner import Learner
from simasgd.cluster.server.server import Server
from simasgd.errors import ProtocolFault, SimasgdError
from simasgd.mixing import Model
from simasgd.protocols.base import AbstractPeerProtocol, AbstractServerProtocol, Role
from simasgd.protocols.foreign import is_foreign
from simasgd.protocols.verbs import Message
from simasgd.scenario.vocabulary.values import shown
from simasgd.tape import Gradient, Weights

Supervisable = TypeVar("Supervisable", AbstractServerProtocol, AbstractPeerProtocol)

_MOST_USES = 1_000_000  # of a server or learner by one role at one instant; to look through all peers takes fewer
_SPENDS = ("push", "update", "drop", "step")  # verbs after which a gradient cannot be given to another one
_COLLECTS = ("collect", "first", "barrier")
_COMPUTES = ("compute", "attempt")
_NEEDS_ONE = ("push", "update")
_LEAST = {"count": 1, "summed": 1, "spread": 0, "timeout": 0, "delay": 0, "slack": 0, "moves": 0}
_HANDLES = {"Gradient": Gradient, "Weights": Weights, "Model": Model, "Message": Message, "Peer": Peer}
_NUMBERS: dict[str, tuple[Any, str]] = {"int": (Integral, "a whole number"), "float": (Real, "a number")}
_HOME = str(Path(simasgd.__file__).parent)
_FORGOTTEN = "is called without 'yield from', so it does nothing"


@final
class Supervised:
    """A protocol's roles under supervision, for one run. What they do wrong raises ProtocolFault."""

    def __init__(self, protocol: AbstractServerProtocol | AbstractPeerProtocol) -> None:
        self._protocol = protocol
        self.kind = protocol.kind
        self.at_learner: dict[int, set[int]] = {}  # mini-batches whose gradients were computed and not given away
        self.at_server: set[tuple[int, int]] = set()  # learners and mini-batches of gradients that no update had

    def serve(self, server: Any) -> Role:
        return self._play("serve", server)

    def learn(self, learner: Any) -> Role:
        self.at_learner[learner.number] = set()  # a learner that is back after a crash has none
        return self._play("learn", learner)

    def communicate(self, peer: Any) -> Role:
        return self._play("communicate", peer)

    def _play(self, name: str, actor: Any) -> Role:
        play = _Play(self, name)
        play.begin(getattr(self._protocol, name), StandIn(actor, play))
        try:
            value = None
            while True:
                value = yield play.resume(value)
        finally:
            play.close()


def supervised(protocol: Supervisable) -> Supervisable | Supervised:
    """The protocol, or its roles under supervision if it is of another package."""
    return Supervised(protocol) if is_foreign(type(protocol)) else protocol


class _Place(NamedTuple):
    """A line of a file."""

    file: str
    line: int


@final
class _Play:
    """One role being played."""

    def __init__(self, supervised: Supervised, name: str) -> None:
        self.book = supervised
        self.name = name
        self.event: Any = None  # the one that a verb waits for, until this role has let it through
        self.thrown_away: _Call | _Thrown | None = None
        self.waiting: dict[int, _Thrown] = {}  # calls that have not begun
        self._uses = 0
        self._stand_ins: dict[int, StandIn] = {}
        self._role: Any = None
        self.last = _Place("?", 0)

    def begin(self, role: Callable[[Any], Any], actor: StandIn) -> None:
        code = role.__func__.__code__ if isinstance(role, MethodType) else None
        self.last = _Place(code.co_filename, code.co_firstlineno) if isinstance(code, CodeType) else _Place(self.book.kind, 0)
        made = self._told(partial(role, actor))
        if not isinstance(made, GeneratorType):
            raise self.fault(self.last, f"{self.name}() has no 'yield from', so it is no role: verbs are called with it")
        self._role = made

    def resume(self, value: Any) -> Any:
        """Go on to the next event that the role waits for."""
        self._uses = 0
        event = self._told(partial(self._role.send, value))
        self.last = _here(self._role)
        if event is not self.event or event is None:
            if isinstance(event, _Call):
                event.begun = True
                raise self.fault(self.last, f"{event.verb}() is called with 'yield' in place of 'yield from'")
            raise self.fault(self.last, f"yields {_shown(event)}; a role yields what its verbs do: yield from VERB(…)")
        self.event = None
        return event

    def close(self) -> None:
        if self._role is not None:
            self._role.close()

    def stand_in(self, actor: Any) -> StandIn:
        """The one stand-in of that object in this role."""
        found = self._stand_ins.get(id(actor))
        if found is None:
            found = self._stand_ins[id(actor)] = StandIn(actor, self)
        return found

    def use(self, frame: FrameType) -> None:
        """The role uses its server or learner."""
        self.refuse_forgotten()
        self._uses += 1
        if self._uses > _MOST_USES:
            raise self.fault(_Place(frame.f_code.co_filename, frame.f_lineno), "loops for ever without waiting for anything")

    def refuse_forgotten(self) -> None:
        thrown = self.thrown_away
        if thrown is not None:
            raise self.fault(thrown.place, f"{thrown.verb}() {_FORGOTTEN}")

    def fault(self, place: _Place, said: str) -> ProtocolFault:
        return ProtocolFault(f"{place.file}:{place.line}: protocol {self.book.kind!r}, {self.name}: {said}")

    def _told(self, step: Callable[[], Any]) -> Any:
        """What a step of the role makes, or its mistake in words."""
        try:
            made = step()
        except ProtocolFault:
            raise
        except StopIteration:
            self.refuse_forgotten()
            raise self.fault(self.last, "returns after this line; a role goes on for ever: while True") from None
        except Exception as error:
            forgotten = self.thrown_away or next(reversed(self.waiting.values()), None)
            if forgotten is not None:
                raise self.fault(forgotten.place, f"{forgotten.verb}() {_FORGOTTEN}") from error
            if isinstance(error, SimasgdError):
                raise
            raise self.fault(_origin(error, self.last), f"{type(error).__name__}: {error}") from error
        self.refuse_forgotten()
        return made


class _Thrown(NamedTuple):
    """A call of a verb that was never begun."""

    verb: str
    place: _Place


@final
class _Call:
    """A call of a verb that takes time: it does nothing before `yield from` begins it."""

    def __init__(self, play: _Play, actor: Any, verb: str, place: _Place, generator: Any, spent: Sequence[Gradient]) -> None:
        self.verb = verb
        self.place = place
        self.begun = False
        self._play = play
        self._actor = actor
        self._generator = generator
        self._spent = spent
        play.waiting[id(self)] = _Thrown(verb, place)

    def __iter__(self) -> Iterator[Any]:
        if self.begun:
            raise self._play.fault(self.place, f"{self.verb}() of this line is run twice")
        self.begun = True
        self._play.waiting.pop(id(self), None)
        _spend(self._play, self._actor, self.verb, self.place, self._spent)
        return self._run()

    def __del__(self) -> None:
        if not self.begun:
            self._play.thrown_away = self._play.waiting.pop(id(self), None)

    def _run(self) -> Generator[Any, Any, Any]:
        play, value = self._play, None
        try:
            while True:
                try:
                    event = self._generator.send(value)
                except StopIteration as end:
                    _receive(play.book, self._actor, self.verb, end.value)
                    return end.value
                play.event = event
                value = yield event
                if play.event is not None:
                    raise play.fault(self.place, f"{self.verb}() is iterated over; it is called with 'yield from'")
        finally:
            self._generator.close()


@final
class StandIn:
    """Stands for a server, a learner or a centre in a role of a foreign protocol, and has all that it has."""

    __slots__ = ("_actor", "_play")

    def __init__(self, actor: Any, play: _Play) -> None:
        object.__setattr__(self, "_actor", actor)
        object.__setattr__(self, "_play", play)

    def __getattr__(self, name: str) -> Any:
        actor, play = self._actor, self._play
        play.use(sys._getframe(1))
        found = getattr(actor, name)
        if name == "peers":
            return [play.stand_in(peer) for peer in found]
        if isinstance(found, Messaging):
            return play.stand_in(found)
        return partial(_called, play, actor, name, found) if callable(found) else found

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._actor, name, value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StandIn) and self._actor is other._actor

    def __hash__(self) -> int:
        return hash(self._actor)


def _called(play: _Play, actor: Any, verb: str, function: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Call a verb for a role, when what it is given has been checked."""
    frame = sys._getframe(1)
    place = _Place(frame.f_code.co_filename, frame.f_lineno)
    given = tuple(one._actor if isinstance(one, StandIn) else one for one in given)
    named = {key: one._actor if isinstance(one, StandIn) else one for key, one in named.items()}
    signature = _signature(function.__func__) if isinstance(function, MethodType) else _signature(function)
    try:
        bound = signature.bind(*((actor, *given) if isinstance(function, MethodType) else given), **named)
    except TypeError as error:
        raise play.fault(place, f"{verb}(): {error}") from None
    spent: list[Gradient] = []
    bound.apply_defaults()  # no gradients at all are none, too
    for name, value in bound.arguments.items():
        parameter = signature.parameters[name]
        if value is actor:
            continue
        several = parameter.kind is inspect.Parameter.VAR_POSITIONAL
        wrong = _wrong(name, f"Sequence[{parameter.annotation}]" if several else str(parameter.annotation), value)
        for forgotten in _calls_in(value):
            forgotten.begun = True
            raise play.fault(
                forgotten.place, f"{forgotten.verb}() {_FORGOTTEN}, and {verb}() in line {place.line} gets no value"
            )
        if wrong:
            raise play.fault(place, f"{verb}(): {name}: {wrong}")
        if "Gradient" in str(parameter.annotation) and verb in _SPENDS:
            spent += [value] if isinstance(value, Gradient) else value
            if not spent and verb in _NEEDS_ONE:
                raise play.fault(place, f"{verb}() gets no gradients")
    if verb in _COMPUTES and isinstance(actor, Learner) and bound.arguments["weights"].timestamp < 0:
        raise play.fault(place, f"{verb}(): weights: there are none of number {bound.arguments['weights'].timestamp}")
    if verb == "first" and bound.arguments.get("distinct") and bound.arguments["count"] > actor.num_learners:
        raise play.fault(place, f"first(): count: {bound.arguments['count']} is more than the {actor.num_learners} learners")
    play.last = place
    takes_time = str(signature.return_annotation).startswith("Generator[")
    if takes_time:
        return _Call(play, actor, verb, place, function(*given, **named), spent)
    _spend(play, actor, verb, place, spent)
    return function(*given, **named)


@cache
def _signature(function: Any) -> inspect.Signature:
    return inspect.signature(function)


def _calls_in(value: Any) -> list[_Call]:
    return [one for one in (value if isinstance(value, list | tuple) else (value,)) if isinstance(one, _Call)]


def _wrong(name: str, annotation: str, value: Any) -> str:
    """What is wrong with an argument, by its parameter's annotation; "" for nothing."""
    if annotation.endswith(" | None"):
        return "" if value is None else _wrong(name, annotation.removesuffix(" | None"), value)
    if annotation.startswith("Sequence["):
        element = annotation.removeprefix("Sequence[").removesuffix("]")
        handle = _HANDLES.get(element)
        if handle is None:
            return ""
        if isinstance(value, handle) or not isinstance(value, Sequence):
            return f"{_shown(value)} is not a list of {element} handles"
        return next((found for one in value if (found := _wrong(name, element, one))), "")
    if annotation in _HANDLES:
        return "" if isinstance(value, _HANDLES[annotation]) else f"{_shown(value)} is not a {annotation} handle"
    if annotation in _NUMBERS:
        number, words = _NUMBERS[annotation]
        if not isinstance(value, number) or isinstance(value, bool) or (isinstance(value, float) and isnan(value)):
            return f"{_shown(value)} is not {words}"
        if name in _LEAST and value < _LEAST[name]:
            return f"{value} is too small; it must be at least {_LEAST[name]}"
    return ""


def _spend(play: _Play, actor: Any, verb: str, place: _Place, gradients: Sequence[Gradient]) -> None:
    """Book gradients that are given to a verb. Raises ProtocolFault if one was given to such a verb before."""
    for gradient in gradients:
        if isinstance(actor, Server):
            is_there = (gradient.learner, gradient.batch) in play.book.at_server
            play.book.at_server.discard((gradient.learner, gradient.batch))
        else:
            mine = play.book.at_learner[actor.number]
            is_there = gradient.learner == actor.number and gradient.batch in mine
            mine.discard(gradient.batch)
        if not is_there:
            whose = f"mini-batch {gradient.batch} of learner {gradient.learner}"
            raise play.fault(place, f"{verb}(): the gradient of {whose} is used twice, or was never collected or computed here")


def _receive(book: Supervised, actor: Any, verb: str, value: Any) -> None:
    """Book gradients that a verb returns."""
    if isinstance(actor, Server) and verb in _COLLECTS:
        book.at_server.update((gradient.learner, gradient.batch) for gradient in value)
    elif isinstance(value, Gradient) and verb in _COMPUTES:
        book.at_learner[actor.number].add(value.batch)


def _here(role: Any) -> _Place:
    """Where a role, or a generator of its package that it runs, waits."""
    while isinstance(role.gi_yieldfrom, GeneratorType) and not role.gi_yieldfrom.gi_code.co_filename.startswith(_HOME):
        role = role.gi_yieldfrom
    return _Place(role.gi_code.co_filename, role.gi_frame.f_lineno)


def _origin(error: BaseException, default: _Place) -> _Place:
    """The innermost line outside simasgd that an error came from."""
    place, link = default, error.__traceback__
    while link is not None:
        if not link.tb_frame.f_code.co_filename.startswith(_HOME):
            place = _Place(link.tb_frame.f_code.co_filename, link.tb_lineno)
        link = link.tb_next
    return place


def _shown(value: Any) -> str:
    text = shown(value) if isinstance(value, int | float | str | bool | None) else repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
