"""Stand-ins for servers and learners: they check every call of a verb by a role."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, final

from simasgd.cluster.supervision.arguments import find_problem, get_annotation, get_signature, quote, takes_time
from simasgd.cluster.supervision.ledger import SERVER
from simasgd.cluster.supervision.places import Place, find_place, is_yielded_from
from simasgd.cluster.supervision.role import FORGOTTEN, SupervisedRole
from simasgd.cluster.supervision.waiting import spell_call
from simasgd.errors import ProtocolFault
from simasgd.protocols.verbs import LearnerVerbs, MessagingVerbs, PeerVerbs, ServerVerbs
from simasgd.tape.tape import Gradient

_SPENDS = ("push", "update", "drop", "step")  # verbs that use a gradient up
_COLLECTS = ("collect", "first", "barrier")
_COMPUTES = ("compute", "attempt")
_NEEDS_A_GRADIENT = ("push", "update")
ITERATED = " is iterated over; call it with 'yield from'"


@final
class StandIn:
    """A stand-in for a server, a learner or a centre. It has everything that the original has."""

    __slots__ = ("_actor", "_role", "_verbs")

    def __init__(self, role: SupervisedRole, actor: Any, verbs: type) -> None:
        object.__setattr__(self, "_role", role)
        object.__setattr__(self, "_actor", actor)
        object.__setattr__(self, "_verbs", verbs)

    def __getattr__(self, name: str) -> Any:
        role, actor, verbs = self._role, self._actor, self._verbs
        role.use(sys._getframe(1))
        value = getattr(actor, name)
        if verbs is PeerVerbs and name == "peers":
            return [get_stand_in(role, peer, PeerVerbs) for peer in value]
        if verbs is PeerVerbs and name == "beside":
            return get_stand_in(role, value, MessagingVerbs)
        verb_signature = get_signature(verbs, name)
        return value if verb_signature is None else partial(_call, self, name, value, verb_signature)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._actor, name, value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StandIn) and self._actor is other._actor

    def __hash__(self) -> int:
        return hash(self._actor)


def get_stand_in(role: SupervisedRole, actor: Any, verbs: type) -> StandIn:
    """Return the one stand-in of an object in a role."""
    known: StandIn | None = role.stand_ins.get(id(actor))
    if known is None:
        known = role.stand_ins[id(actor)] = StandIn(role, actor, verbs)
    return known


class _Verb(NamedTuple):
    """A verb of one actor, at the place where a role calls it."""

    role: SupervisedRole
    actor: Any
    verbs: type
    name: str
    place: Place
    text: str

    def fault(self, problem: str) -> ProtocolFault:
        return self.role.fault(self.place, f"{self.name}(){problem}")

    def spend(self, gradients: Sequence[Gradient]) -> None:
        """Record that gradients are used up.

        Raises ProtocolFault for a gradient that the actor does not have.
        """
        for gradient in gradients:
            if not self.role.ledger.remove(self._holder, gradient):
                whose = f"mini-batch {gradient.batch} of learner {gradient.learner}"
                raise self.fault(f": the gradient of {whose} is used twice, or was never collected or computed here")

    def receive(self, value: Any) -> None:
        """Record the gradients in a result of the verb."""
        if self.verbs is ServerVerbs and self.name in _COLLECTS:
            self.role.ledger.add(SERVER, value)
        elif isinstance(value, Gradient) and self.name in _COMPUTES:
            self.role.ledger.add(self._holder, [value])

    @property
    def _holder(self) -> int:
        holder: int = SERVER if self.verbs is ServerVerbs else self.actor.number
        return holder


@final
class _Call:
    """A call of a verb that takes time. It does nothing before `yield from` begins it.

    Whatever else a role does with it is a mistake: what Python would accept, such as its truth or its
    equality, is refused here, and all other uses raise an error that the role's supervision words.
    """

    def __init__(self, verb: _Verb, generator: Generator[Any, Any, Any], spent: Sequence[Gradient]) -> None:
        self.verb = verb
        self.begun = False
        self._generator = generator
        self._spent = spent
        verb.role.add_call(self, verb.name, verb.place)

    def __iter__(self) -> Iterator[Any]:
        if self.begun:
            raise self.verb.fault(" of this line is run twice")
        self.begun = True
        if not is_yielded_from(sys._getframe(1)):
            raise self.verb.fault(ITERATED)
        self.verb.role.start_call(self)
        self.verb.spend(self._spent)
        return self._run()

    def __bool__(self) -> bool:
        raise self._forgotten()

    def __eq__(self, other: object) -> bool:
        raise self._forgotten()

    def __del__(self) -> None:
        if not self.begun:
            self.verb.role.throw_away_call(self)

    def _forgotten(self) -> ProtocolFault:
        self.begun = True
        return self.verb.fault(f" {FORGOTTEN}")

    def _run(self) -> Generator[Any, Any, Any]:
        verb, role, value = self.verb, self.verb.role, None
        role.call = verb.text
        try:
            while True:
                try:
                    event = self._generator.send(value)
                except StopIteration as end:
                    verb.receive(end.value)
                    return end.value
                role.event = event
                value = yield event
                if role.event is not None:
                    raise verb.fault(ITERATED)
        finally:
            role.call = ""
            self._generator.close()


def _call(
    caller: StandIn, name: str, function: Callable[..., Any], verb_signature: inspect.Signature, *given: Any, **named: Any
) -> Any:
    """Check the arguments that a role gives to a verb, then call the verb."""
    text = spell_call(name, given, named)
    verb = _Verb(caller._role, caller._actor, caller._verbs, name, find_place(sys._getframe(1)), text)
    stand_ins = [value for value in (*given, *named.values()) if isinstance(value, StandIn)]
    peers = {id(one._actor) for one in stand_ins if one._verbs is PeerVerbs}
    given = tuple(_original(value) for value in given)
    named = {key: _original(value) for key, value in named.items()}
    try:
        bound = verb_signature.bind(*given, **named)
    except TypeError as error:
        raise verb.fault(f": {error}") from None
    bound.apply_defaults()  # so that a missing `*gradients` is an empty list
    for parameter in verb_signature.parameters.values():
        _check(verb, parameter, bound.arguments[parameter.name], peers)
    _check_sense(verb, bound.arguments)
    spent = _spent(verb, verb_signature, bound.arguments)
    verb.role.last = verb.place
    if takes_time(verb_signature):
        return _Call(verb, function(*given, **named), spent)
    verb.spend(spent)
    return function(*given, **named)


def _original(value: Any) -> Any:
    return value._actor if isinstance(value, StandIn) else value


def _check(verb: _Verb, parameter: inspect.Parameter, value: Any, peers: set[int]) -> None:
    """Check one argument; `peers` holds the identities of the peers among the arguments."""
    for element in value if isinstance(value, list | tuple) else (value,):
        if isinstance(element, _Call):
            element.begun = True
            line = f"{verb.name}() in line {verb.place.line} gets no value"
            raise element.verb.fault(f" {FORGOTTEN}, and {line}")
    annotation = get_annotation(parameter)
    if annotation == "PeerVerbs":
        problem = "" if id(value) in peers else f"{quote(value)} is not a learner from peer.peers"
    else:
        problem = find_problem(parameter.name, annotation, value)
    if problem:
        raise verb.fault(f": {parameter.name}: {problem}")


def _check_sense(verb: _Verb, arguments: dict[str, Any]) -> None:
    """Check what an argument's kind alone does not tell."""
    if verb.verbs is LearnerVerbs and verb.name in _COMPUTES and arguments["weights"].timestamp < 0:
        raise verb.fault(f": weights: there are no weights with number {arguments['weights'].timestamp}")
    if verb.verbs is ServerVerbs and verb.name == "first":
        count, learners = arguments["count"], verb.actor.num_learners
        if arguments["distinct"] and count > learners:
            raise verb.fault(f": count: {count} is more than the {learners} learners")


def _spent(verb: _Verb, verb_signature: inspect.Signature, arguments: dict[str, Any]) -> list[Gradient]:
    """Return the gradients that a verb uses up."""
    spent: list[Gradient] = []
    for parameter in verb_signature.parameters.values():
        if verb.name in _SPENDS and "Gradient" in str(parameter.annotation):
            value = arguments[parameter.name]
            spent += [value] if isinstance(value, Gradient) else value
            if not spent and verb.name in _NEEDS_A_GRADIENT:
                raise verb.fault(" gets no gradients")
    return spent
