"""The protocols, one file each. The union below is the registry: a scenario's `protocol.kind` chooses from it."""

from __future__ import annotations

from simasgd.protocols.async_ import Async
from simasgd.protocols.backup_workers import BackupWorkers
from simasgd.protocols.base import AbstractProtocol, Role
from simasgd.protocols.bounded_delay import BoundedDelay
from simasgd.protocols.downpour import Downpour
from simasgd.protocols.dynsgd import DynSgd
from simasgd.protocols.fedbuff import FedBuff
from simasgd.protocols.hardsync import Hardsync
from simasgd.protocols.injected_staleness import InjectedStaleness
from simasgd.protocols.k_async import KAsync
from simasgd.protocols.k_batch_async import KBatchAsync
from simasgd.protocols.k_batch_sync import KBatchSync
from simasgd.protocols.k_sync import KSync
from simasgd.protocols.n_softsync import NSoftsync
from simasgd.protocols.rennala import Rennala
from simasgd.protocols.ringmaster import Ringmaster
from simasgd.protocols.ringmaster_stop import RingmasterStop
from simasgd.protocols.ssp import Ssp

Protocol = (
    Hardsync
    | NSoftsync
    | Async
    | InjectedStaleness
    | Ssp
    | BoundedDelay
    | BackupWorkers
    | KSync
    | KBatchSync
    | KAsync
    | KBatchAsync
    | Ringmaster
    | RingmasterStop
    | Rennala
    | Downpour
    | FedBuff
    | DynSgd
)

__all__ = [
    "AbstractProtocol",
    "Async",
    "BackupWorkers",
    "BoundedDelay",
    "Downpour",
    "DynSgd",
    "FedBuff",
    "Hardsync",
    "InjectedStaleness",
    "KAsync",
    "KBatchAsync",
    "KBatchSync",
    "KSync",
    "NSoftsync",
    "Protocol",
    "Rennala",
    "Ringmaster",
    "RingmasterStop",
    "Role",
    "Ssp",
]
