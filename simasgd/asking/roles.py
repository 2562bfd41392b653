"""The verbs that a protocol's roles use, and its law of staleness, read from its class."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any, NamedTuple, final

from pydantic import ValidationError

from simasgd.protocols import AbstractPeerProtocol, AbstractProtocol, AbstractServerProtocol
from simasgd.protocols.answers import ask_law_of_staleness
from simasgd.protocols.foreign import make_protocol
from simasgd.protocols.verbs import CentreVerbs, LearnerVerbs, MessagingVerbs, PeerVerbs, ServerVerbs

_LEARNERS = 30
"""The number of learners for which a law of staleness is stated."""


@final
class RoleVerbs(NamedTuple):
    """A role, and the verbs that it uses, in the order of its text."""

    role: str
    verbs: tuple[str, ...]


def list_roles(protocol: type[AbstractProtocol]) -> tuple[RoleVerbs, ...]:
    """Return the roles of a protocol with their verbs.

    A role of another package whose source is not installed has none.
    """
    if issubclass(protocol, AbstractServerProtocol):
        return (_read(protocol, "server", "serve", ServerVerbs), _read(protocol, "learner", "learn", LearnerVerbs))
    assert issubclass(protocol, AbstractPeerProtocol)
    roles = [_read(protocol, "learner", "learn", PeerVerbs)]
    if protocol.communicate is not AbstractPeerProtocol.communicate:
        roles.append(_read(protocol, "second thread", "communicate", PeerVerbs))
    if protocol.serve is not AbstractPeerProtocol.serve:
        roles.append(_read(protocol, "centre", "serve", CentreVerbs))
    return tuple(roles)


def _read(protocol: type[AbstractProtocol], role: str, method: str, verbs: type) -> RoleVerbs:
    known = {name for base in (verbs, MessagingVerbs) for name in dir(base) if _is_verb(base, name)}
    try:
        called = list(_iterate_names(protocol, getattr(protocol, method), set()))
    except OSError:  # the source of another package's protocol is not there
        called = []
    used = dict.fromkeys(name for name in called if name in known)
    return RoleVerbs(role, tuple(used))


def _is_verb(verbs: type, name: str) -> bool:
    """Return whether a name is a verb, and not a property of a role."""
    return not name.startswith("_") and inspect.isfunction(getattr(verbs, name))


def _iterate_names(protocol: type, function: Any, seen: set[str]) -> Iterator[str]:
    """Iterate over the methods that a function calls, in the order of its text.

    The functions of its module and the methods of its protocol that it calls are entered.
    """
    if function.__qualname__ in seen:
        return
    seen.add(function.__qualname__)
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=_find_end):
        match call.func:
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                inner = getattr(protocol, name)
            case ast.Attribute(attr=name):
                yield name
                continue
            case ast.Name(id=name):
                inner = function.__globals__.get(name)
            case _:
                continue
        if inspect.isfunction(inner):
            yield from _iterate_names(protocol, inner, seen)


def _find_end(call: ast.Call) -> tuple[int, int]:
    """Return where a call ends: the calls among its arguments end, and are made, before it."""
    return call.end_lineno or 0, call.end_col_offset or 0


def describe_staleness(protocol: type[AbstractProtocol]) -> str:
    """Return the law of a protocol's mean staleness in words; empty if none is known.

    A protocol with parameters that have no default states its law in its docstring alone. A mistake in a
    protocol of another package takes the place of its law.
    """
    try:
        lawful = ask_law_of_staleness(make_protocol(protocol, {}), _LEARNERS)
    except ValidationError:
        return ""
    except ValueError as error:
        return str(error)
    if lawful is None:
        return ""
    updates = "update" if lawful == 1.0 else "updates"
    return f"{lawful:g} {updates} on average with {_LEARNERS} learners, if communication takes no time and nobody waits"
