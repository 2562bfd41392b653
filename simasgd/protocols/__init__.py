"""The protocols, one file each. The union below is the registry: a scenario's `protocol.kind` chooses from it."""

from __future__ import annotations

from simasgd.protocols.async_ import Async
from simasgd.protocols.base import AbstractProtocol
from simasgd.protocols.hardsync import Hardsync
from simasgd.protocols.injected_staleness import InjectedStaleness
from simasgd.protocols.n_softsync import NSoftsync

Protocol = Hardsync | NSoftsync | Async | InjectedStaleness

__all__ = ["AbstractProtocol", "Async", "Hardsync", "InjectedStaleness", "NSoftsync", "Protocol"]
