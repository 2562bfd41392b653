"""The role of a protocol in real time: its verbs wait by themselves, so it has nothing to wait for."""

from __future__ import annotations

from simasgd.errors import RunFailed
from simasgd.protocols.base import Role


def play(role: Role) -> None:
    """Run a role to its end. Raises RunFailed if the role yields an event of its own."""
    for event in role:
        raise RunFailed(f"a role yields {event!r} itself; call a verb with `yield from`")
