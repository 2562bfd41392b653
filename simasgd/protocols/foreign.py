"""Protocols of other packages.

A package names its protocols in the entry-point group `simasgd.protocols`. The name of the entry
point is the scenario's `protocol.kind`. Nothing is looked up before a scenario has a kind or a key
that simasgd itself does not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, get_args

from simasgd.errors import ScenarioError
from simasgd.protocols.base import AbstractPeerProtocol, AbstractProtocol, AbstractServerProtocol
from simasgd.protocols.definition import describe_error, find_mistake, locate

GROUP = "simasgd.protocols"


@cache
def _entry_points() -> dict[str, EntryPoint]:
    return {entry_point.name: entry_point for entry_point in entry_points(group=GROUP)}


_IN_HAND: ContextVar[Mapping[str, type[AbstractProtocol]]] = ContextVar("protocols in hand", default=MappingProxyType({}))
"""Protocols by kind whose classes a caller holds, so that no entry point has to lead to them."""


@contextmanager
def in_hand(protocols: Iterable[AbstractProtocol]) -> Iterator[None]:
    """Let the kinds of these protocols lead to their classes while a scenario that holds them is read anew.

    Raises ScenarioError for a mistake in a class, and for a kind that another protocol has, too.
    """
    held = dict(_IN_HAND.get())
    for protocol in protocols:
        if is_foreign(type(protocol)):
            _require_usable(protocol, held)
            held[protocol.kind] = type(protocol)
    token = _IN_HAND.set(held)
    try:
        yield
    finally:
        _IN_HAND.reset(token)


def _require_usable(protocol: AbstractProtocol, held: Mapping[str, type[AbstractProtocol]]) -> None:
    from simasgd.protocols import Protocol

    kind, own = protocol.kind, type(protocol)
    if mistake := find_mistake(own, kind):
        raise ScenarioError(mistake)
    if held.get(kind, own) is not own or any(kind == one.model_fields["kind"].default for one in get_args(Protocol)):
        raise ScenarioError(
            f"{locate(own)}: class {own.__name__}: another protocol has the kind {kind!r}, too; choose another name"
        )


def list_installed_kinds() -> tuple[str, ...]:
    """Return the kinds of the installed protocols of other packages, and of those in hand."""
    return tuple(sorted({*_entry_points(), *_IN_HAND.get()}))


def load_protocol(kind: str) -> type[AbstractProtocol] | None:
    """Return the protocol of a kind; None if no package has one.

    Raises ValueError if the entry point does not name a valid protocol.
    """
    return _IN_HAND.get().get(kind) or _load_installed(kind)


@cache
def _load_installed(kind: str) -> type[AbstractProtocol] | None:
    entry_point = _entry_points().get(kind)
    if entry_point is None:
        return None
    where = f"{entry_point.value} (of {entry_point.dist.name})" if entry_point.dist is not None else entry_point.value
    try:
        loaded = entry_point.load()
    except (Exception, SystemExit) as error:  # the user reads about any mistake in the package
        raise ValueError(f"the protocol {kind!r} cannot be loaded from {where}: {describe_error(error)}") from error
    if not (isinstance(loaded, type) and issubclass(loaded, AbstractServerProtocol | AbstractPeerProtocol)):
        bases = "AbstractServerProtocol or AbstractPeerProtocol of simasgd.protocols"
        raise ValueError(f"{where}, the entry point of the protocol {kind!r}, is not a subclass of {bases}")
    if mistake := find_mistake(loaded, kind):
        raise ValueError(mistake)
    return loaded


def make_protocol(protocol: type[AbstractProtocol], values: Mapping[str, Any]) -> AbstractProtocol:
    """Return the protocol with these values, after its own validators.

    Raises ValueError, also for an error of a validator that pydantic does not expect.
    """
    place = f"{locate(protocol)}: class {protocol.__name__}"
    try:
        made: Any = protocol.model_validate(values)
    except ValueError:  # pydantic's own among them
        raise
    except Exception as error:
        raise ValueError(f"{place}: {describe_error(error)}") from error
    if not isinstance(made, protocol):
        raise ValueError(f"{place}: a validator returns {made!r}; it has to return self")
    return made


def is_foreign(protocol: type[AbstractProtocol]) -> bool:
    """Return whether a protocol comes from another package."""
    return not protocol.__module__.startswith("simasgd.")


def is_found_by_kind(protocol: AbstractProtocol) -> bool:
    """Return whether another process finds the class of a protocol by its kind: it is simasgd's, or installed."""
    return not is_foreign(type(protocol)) or _load_installed(protocol.kind) is type(protocol)
