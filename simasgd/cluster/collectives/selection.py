"""Which implementation carries out a group's operations."""

from __future__ import annotations

from collections.abc import Sequence

from simpy import Environment

from simasgd.cluster.collectives.costly import CostlyOperations, OperationCosts
from simasgd.cluster.collectives.costly_lockstep import CostlyLockstep
from simasgd.cluster.collectives.lockstep import Lockstep
from simasgd.cluster.collectives.message_passing import MessagePassing
from simasgd.cluster.collectives.operations import AbstractOperations, OnFirst
from simasgd.cluster.collectives.patterns import Rounds, distinct_rounds
from simasgd.cluster.network.network import Endpoint, Network, PrivatePath


def make_operations(
    env: Environment,
    network: Network,
    endpoints: Sequence[Endpoint],
    rounds: Rounds,
    sizes: Sequence[float],
    on_first: OnFirst,
    costs: OperationCosts | None = None,
) -> AbstractOperations:
    """Make operations on payloads of `sizes` (bytes), one after another, among ranks at these endpoints.

    If every message has a path of its own, all rounds are computed at once; otherwise message by
    message. With costs this takes a single operation, too, because of several some overlap with
    computing.
    """
    paths = _private_paths(network, endpoints, rounds)
    if costs is not None:
        if paths is None or len(sizes) > 1:
            return CostlyOperations(env, network, endpoints, rounds, sizes, on_first, costs)
        computed = CostlyLockstep(env, rounds, paths, sizes[0], on_first, costs)
        network.count_bytes_of(computed)
        return computed
    if paths is None:
        return MessagePassing(env, network, endpoints, rounds, sizes, on_first)
    lockstep = Lockstep(env, len(endpoints), rounds, paths, sizes, on_first)
    network.count_bytes_of(lockstep)
    return lockstep


def _private_paths(
    network: Network, endpoints: Sequence[Endpoint], rounds: Rounds
) -> dict[tuple[int, int], PrivatePath] | None:
    """Return the paths of all messages by source and target; None if other messages use one of them."""
    paths: dict[tuple[int, int], PrivatePath] = {}
    for messages in distinct_rounds(rounds):
        for pair in zip(messages.source.tolist(), messages.target.tolist(), strict=True):
            if pair in paths:
                continue
            path = network.private_path(endpoints[pair[0]], endpoints[pair[1]])
            if path is None:
                return None
            paths[pair] = path
    return paths
