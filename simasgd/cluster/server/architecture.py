"""Rudra's architectures: the routes between learners and servers, and how learners push and pull over them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import singledispatch
from math import inf
from typing import Any, final

from simasgd.cluster.cast.context import RunContext
from simasgd.cluster.clock.activity import ActivityLog
from simasgd.cluster.clock.log import UPDATE
from simasgd.cluster.clock.pipe import Pipe
from simasgd.cluster.clock.processor import Processor
from simasgd.cluster.clock.trail import add_pull, add_push
from simasgd.cluster.network.network import Endpoint, Network
from simasgd.cluster.server.interfaces import AbstractSource
from simasgd.cluster.server.learner import Learner
from simasgd.cluster.server.pulling import BlockingPull, PullThread
from simasgd.cluster.server.pushing import BlockingPush, PushThread
from simasgd.cluster.server.relay import Relay
from simasgd.cluster.server.server import Server
from simasgd.scenario.cluster.architecture import AbstractServerTree, Adv, AdvStar, Base


@final
@dataclass(frozen=True, eq=False)
class Deployment:
    """An architecture in place: its learners, relays and network, and the threads that run beside the learners' own."""

    network: Network
    learners: Sequence[Learner]
    relays: Sequence[Relay] = ()
    threads: Sequence[Callable[[], Generator[Any, Any, None]]] = ()


@singledispatch
def deploy(kind: object, context: RunContext, server: Server) -> Deployment:
    """Make the learners, relays and routes of an architecture around `server`.

    Learners send messages of the gradient payload. Weights, and the sums that relays send, have the
    full payload.
    """
    raise TypeError(f"no architecture {kind!r}")


@deploy.register
def _(kind: Base, context: RunContext, server: Server) -> Deployment:
    spec, env = context.spec, context.env
    network = context.make_network(
        servers=spec.own_server_nodes,
        shared_nodes=spec.learners_per_node > 1,
        intra_node_bandwidth=kind.intra_node_bandwidth if spec.server_nodes else inf,
    )
    shards = network.shard_endpoints(kind.shards)
    learners = []
    for number in range(spec.learners):
        here, log = network.learner_endpoint(number), context.make_activity_log(number)
        up = network.make_split_route([(here, shard) for shard in shards], context.gradient_payload, add_push, learner=number)
        down = network.make_split_route([(shard, here) for shard in shards], context.payload, add_pull, learner=number)
        pulling, pushing = BlockingPull(env, number, log, server, down), BlockingPush(env, log, server, up)
        learners.append(Learner(context, number, log, pulling, pushing, server))
    return Deployment(network, learners)


@deploy.register
def _(kind: Adv, context: RunContext, server: Server) -> Deployment:
    tree = _ServerTree(kind, context, server, broadcasts=False)
    learners = []
    for number in range(context.spec.learners):
        log = context.make_activity_log(number)
        leaf, endpoint = tree.leaf_of(number)
        here = tree.network.learner_endpoint(number)
        route = tree.network.make_route(endpoint, here, context.payload, add_pull, learner=number)
        pulling = BlockingPull(context.env, number, log, leaf, route)
        learners.append(Learner(context, number, log, pulling, tree.push_thread(number, log), server))
    threads = [thread for relay in tree.relays for thread in (relay.send_up, relay.fetch_weights)]
    return Deployment(tree.network, learners, tree.relays, threads)


@deploy.register
def _(kind: AdvStar, context: RunContext, server: Server) -> Deployment:
    tree = _ServerTree(kind, context, server, broadcasts=True)
    learners: list[Learner] = []
    sources: list[tuple[AbstractSource, Endpoint]] = []
    for number in range(context.spec.learners):
        log = context.make_activity_log(number)
        parent = number // kind.broadcast_fan_out - 1
        source, endpoint = (server, tree.root) if parent < 0 else sources[parent]
        here = tree.network.learner_endpoint(number)
        route = tree.network.make_route(endpoint, here, context.payload, add_pull, learner=number)
        pulling = PullThread(context.env, log, context.make_activity_log(number, "pull"), source, route)
        sources.append((pulling.cache, here))
        learners.append(Learner(context, number, log, pulling, tree.push_thread(number, log), server))
    return Deployment(tree.network, learners, tree.relays, [relay.send_up for relay in tree.relays])


@final
class _ServerTree:
    """The servers below the root. The children of a leaf server are learners; those of an inner server are servers.

    `broadcasts` says whether learners send weights to each other.
    """

    def __init__(self, kind: AbstractServerTree, context: RunContext, server: Server, *, broadcasts: bool) -> None:
        spec = context.spec
        per_leaf = spec.learners_per_node if kind.colocated else kind.fan_out
        levels = [-(-spec.learners // per_leaf)]
        while levels[-1] > kind.fan_out:
            levels.append(-(-levels[-1] // kind.fan_out))
        own_nodes = 1 if kind.colocated else 1 + sum(levels)
        self.network = context.make_network(
            servers=own_nodes,
            shared_nodes=True,
            shared_ports=broadcasts,
            intra_node_bandwidth=kind.intra_node_bandwidth,
        )
        self.root = self.network.server_endpoint(spec.nodes, "server")
        self._context = context
        self._server = server
        self._kind = kind
        self._per_leaf = per_leaf
        above: list[tuple[Server | Relay, Endpoint]] = [(server, self.root)]
        self.relays: list[Relay] = []
        for depth, size in enumerate(reversed(levels)):
            height = len(levels) - 1 - depth  # 0: leaf servers
            above = [self._add_relay(i, height, above[i // kind.fan_out if depth else 0]) for i in range(size)]
        self._leaves = above

    def leaf_of(self, learner: int) -> tuple[Relay, Endpoint]:
        """Return the leaf server above a learner, and its endpoint."""
        leaf, endpoint = self._leaves[learner // self._per_leaf]
        assert isinstance(leaf, Relay)
        return leaf, endpoint

    def push_thread(self, learner: int, log: ActivityLog) -> PushThread:
        """Make the thread that pushes to the learner's leaf server."""
        context, here = self._context, self.network.learner_endpoint(learner)
        leaf, endpoint = self.leaf_of(learner)
        up = self.network.make_route(here, endpoint, context.gradient_payload, add_push, learner=learner)
        return PushThread(context.env, log, context.make_activity_log(learner, "push"), leaf, up)

    def _add_relay(self, number: int, height: int, parent: tuple[Server | Relay, Endpoint]) -> tuple[Server | Relay, Endpoint]:
        """Add server `number` of the level at `height` to the tree."""
        context, spec, kind = self._context, self._context.spec, self._kind
        above, above_endpoint = parent
        name = f"server {len(self.relays) + 1}"
        node = number * kind.fan_out**height if kind.colocated else spec.nodes + len(self.relays) + 1
        endpoint = self.network.server_endpoint(node, name)
        up = self.network.make_route(endpoint, above_endpoint, context.payload, add_push)
        down = self.network.make_route(above_endpoint, endpoint, context.payload, add_pull)
        span = self._per_leaf * kind.fan_out**height
        learners = range(number * span, min((number + 1) * span, spec.learners))
        relay = Relay(context.env, above, above, up, down, _adding_processor(context, name), self._server.round, learners)
        self.relays.append(relay)
        return relay, endpoint


def _adding_processor(context: RunContext, name: str) -> Processor:
    """Make the processor of a server in the tree: it adds gradients up and makes no updates."""
    seconds = context.spec.server.per_gradient
    log = context.log if seconds else None
    return Processor(context.env, Pipe(name, log=log, group="servers", activity=UPDATE), seconds)
