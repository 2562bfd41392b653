"""The protocols, one file each. The union is the registry, from which `protocol.kind` chooses."""

from __future__ import annotations

from simasgd.protocols.ad_psgd import AdPsgd
from simasgd.protocols.all_reduce import AllReduce
from simasgd.protocols.async_ import Async
from simasgd.protocols.backup_workers import BackupWorkers
from simasgd.protocols.base import AbstractPeerProtocol, AbstractProtocol, AbstractServerProtocol, Role
from simasgd.protocols.bounded_delay import BoundedDelay
from simasgd.protocols.downpour import Downpour
from simasgd.protocols.dynsgd import DynSgd
from simasgd.protocols.easgd import Easgd
from simasgd.protocols.easgd_sync import EasgdSync
from simasgd.protocols.elastic_gossip import ElasticGossip
from simasgd.protocols.fedbuff import FedBuff
from simasgd.protocols.gossip_pull import GossipPull
from simasgd.protocols.gossip_push import GossipPush
from simasgd.protocols.hardsync import Hardsync
from simasgd.protocols.injected_staleness import InjectedStaleness
from simasgd.protocols.k_async import KAsync
from simasgd.protocols.k_batch_async import KBatchAsync
from simasgd.protocols.k_batch_sync import KBatchSync
from simasgd.protocols.k_sync import KSync
from simasgd.protocols.local_sgd import LocalSgd
from simasgd.protocols.n_softsync import NSoftsync
from simasgd.protocols.overlap_sgp import OverlapSgp
from simasgd.protocols.rennala import Rennala
from simasgd.protocols.ringmaster import Ringmaster
from simasgd.protocols.ringmaster_stop import RingmasterStop
from simasgd.protocols.sgp import Sgp
from simasgd.protocols.ssp import Ssp
from simasgd.scenario.vocabulary.section import Count
from simasgd.scenario.vocabulary.units import Bytes, BytesPerSecond, Seconds

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
    | AllReduce
    | LocalSgd
    | Easgd
    | EasgdSync
    | GossipPull
    | GossipPush
    | ElasticGossip
    | AdPsgd
    | Sgp
    | OverlapSgp
)

__all__ = [
    "AbstractPeerProtocol",
    "AbstractProtocol",
    "AbstractServerProtocol",
    "AdPsgd",
    "AllReduce",
    "Async",
    "BackupWorkers",
    "BoundedDelay",
    "Bytes",
    "BytesPerSecond",
    "Count",
    "Downpour",
    "DynSgd",
    "Easgd",
    "EasgdSync",
    "ElasticGossip",
    "FedBuff",
    "GossipPull",
    "GossipPush",
    "Hardsync",
    "InjectedStaleness",
    "KAsync",
    "KBatchAsync",
    "KBatchSync",
    "KSync",
    "LocalSgd",
    "NSoftsync",
    "OverlapSgp",
    "Protocol",
    "Rennala",
    "Ringmaster",
    "RingmasterStop",
    "Role",
    "Seconds",
    "Sgp",
    "Ssp",
]
