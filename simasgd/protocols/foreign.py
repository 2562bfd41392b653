"""Protocols of other packages, which name them in the entry-point group `simasgd.protocols`: a scenario's `protocol.kind` is
the name of the entry point. Nothing is looked up before a kind or a key is met that is not one of simasgd's own."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points

from simasgd.protocols.base import AbstractPeerProtocol, AbstractProtocol, AbstractServerProtocol

GROUP = "simasgd.protocols"


@cache
def _named() -> dict[str, EntryPoint]:
    return {found.name: found for found in entry_points(group=GROUP)}


def kinds() -> tuple[str, ...]:
    """The kinds that are installed."""
    return tuple(sorted(_named()))


@cache
def protocol(kind: str) -> type[AbstractProtocol] | None:
    """The protocol of that kind; None if nobody has one. Raises ValueError if what is named so is none."""
    found = _named().get(kind)
    if found is None:
        return None
    where = f"{found.value} (of {found.dist.name})" if found.dist is not None else found.value
    try:
        loaded = found.load()
    except Exception as error:  # whatever is wrong with it is said to the user
        raise ValueError(f"the protocol {kind!r} cannot be loaded from {where}: {error}") from error
    if not (isinstance(loaded, type) and issubclass(loaded, AbstractServerProtocol | AbstractPeerProtocol)):
        wanted = "AbstractServerProtocol or AbstractPeerProtocol of simasgd.protocols"
        raise ValueError(f"{where}, named as the protocol {kind!r}, is no subclass of {wanted}")
    if issubclass(loaded, AbstractPeerProtocol):
        for asked, role in (("thread", "communicate"), ("has_centre", "serve")):
            if role not in _own(loaded) and asked in _own(loaded):
                raise ValueError(f"{where}, named as the protocol {kind!r}, has a {asked} and no role {role!r} for it")
    own = loaded.model_fields["kind"].default
    if own != kind:
        raise ValueError(f"{where} has the kind {own!r}, and its entry point is named {kind!r}; they must agree")
    return loaded


def is_foreign(protocol: type[AbstractProtocol]) -> bool:
    """Whether a protocol is of another package."""
    return not protocol.__module__.startswith("simasgd.")


def _own(protocol: type[AbstractPeerProtocol]) -> set[str]:
    """What it, or a class between, has in place of what all of them have."""
    between = protocol.__mro__[: protocol.__mro__.index(AbstractPeerProtocol)]
    return {name for one in between for name in vars(one)}
