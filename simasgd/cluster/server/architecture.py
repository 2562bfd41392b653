"""Rudra's architectures: the routes between learners and servers, and how learners push and pull over them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import singledispatch
from math import inf
from typing import Any, final

from simasgd.cluster.cast.context import RunContext
from simasgd.cluster.cast.own_work import ANSWER, AnswerThread, copy
from simasgd.cluster.clock.activity import ActivityLog
from simasgd.cluster.clock.log import UPDATE
from simasgd.cluster.clock.pipe import Pipe
from simasgd.cluster.clock.processor import Processor
from simasgd.cluster.clock.trail import add_pull, add_push
from simasgd.cluster.network.network import Endpoint, Network
from simasgd.cluster.server.cycle import CyclicLearner
from simasgd.cluster.server.interfaces import AbstractSource
from simasgd.cluster.server.learner import Learner
from simasgd.cluster.server.pulling import BlockingPull, PullThread
from simasgd.cluster.server.pushing import BlockingPush, PushThread
from simasgd.cluster.server.relay import Relay
from simasgd.cluster.server.server import Server
from simasgd.cluster.server.weights import CopyingFetch, Fetch, fetch
from simasgd.protocols.base import Cycle
from simasgd.scenario.cluster.architecture import AbstractServerTree, Adv, AdvStar, Base


@final
@dataclass(frozen=True, eq=False)
class Deployment:
    """An architecture in place: its learners, relays and network, and the threads that run beside the learners' own.

    `thread_names` are those of a learner's threads beside its compute thread.
    """

    network: Network
    learners: Sequence[Learner | CyclicLearner]
    thread_names: tuple[str, ...]
    relays: Sequence[Relay] = ()
    threads: Sequence[Callable[[], Generator[Any, Any, None]]] = ()


@singledispatch
def deploy(kind: object, context: RunContext, server: Server, cycle: Cycle | None) -> Deployment:
    """Make the learners, relays and routes of an architecture around `server`.

    Learners send messages of the gradient payload. Weights, and the sums that relays send, have the
    full payload. Under base learners with a `cycle` need no processes.
    """
    raise TypeError(f"no architecture {kind!r}")


@deploy.register
def _(kind: Base, context: RunContext, server: Server, cycle: Cycle | None) -> Deployment:
    spec, env = context.spec, context.env
    network = context.make_network(
        servers=spec.own_server_nodes,
        shared_nodes=spec.learners_per_node > 1,
        intra_node_bandwidth=kind.intra_node_bandwidth if spec.server_nodes else inf,
    )
    shards = network.shard_endpoints(kind.shards)
    fetch = _fetch_to_learners(context, kind.shards)
    if spec.faults.makes_learners_leave or spec.may_leave or spec.costs.any:
        cycle = None  # something interrupts it
    learners: list[Learner | CyclicLearner] = []
    for number in range(spec.learners):
        here, log = network.learner_endpoint(number), context.make_activity_log(number)
        up = network.make_split_route([(here, shard) for shard in shards], context.gradient_payload, add_push, learner=number)
        down = network.make_split_route([(shard, here) for shard in shards], context.payload, add_pull, learner=number)
        if cycle is not None:
            learners.append(CyclicLearner(context, number, log, server, up, down, cycle))
            continue
        pulling, pushing = BlockingPull(env, number, log, server, down, fetch), BlockingPush(env, log, server, up)
        learners.append(Learner(context, number, log, pulling, pushing, server))
    return Deployment(network, learners, kind.threads)


@deploy.register
def _(kind: Adv, context: RunContext, server: Server, cycle: Cycle | None) -> Deployment:
    tree = _ServerTree(kind, context, server, broadcasts=False)
    fetch = _fetch_to_learners(context)
    learners = []
    for number in range(context.spec.learners):
        log = context.make_activity_log(number)
        leaf, endpoint = tree.leaf_of(number)
        here = tree.network.learner_endpoint(number)
        route = tree.network.make_route(endpoint, here, context.payload, add_pull, learner=number)
        pulling = BlockingPull(context.env, number, log, leaf, route, fetch)
        learners.append(Learner(context, number, log, pulling, tree.push_thread(number, log), server))
    threads = [thread for relay in tree.relays for thread in (relay.send_up, relay.fetch_weights)]
    return Deployment(tree.network, learners, kind.threads, tree.relays, threads)


@deploy.register
def _(kind: AdvStar, context: RunContext, server: Server, cycle: Cycle | None) -> Deployment:
    tree = _ServerTree(kind, context, server, broadcasts=True)
    fetch, copy_seconds = _fetch_to_learners(context), context.spec.costs.copy_seconds(context.payload)
    names = (*kind.threads, ANSWER) if copy_seconds else kind.threads
    learners: list[Learner] = []
    sources: list[tuple[AbstractSource, Endpoint]] = []
    for number in range(context.spec.learners):
        log = context.make_activity_log(number)
        parent = number // kind.broadcast_fan_out - 1
        source, endpoint = (server, tree.root) if parent < 0 else sources[parent]
        here = tree.network.learner_endpoint(number)
        route = tree.network.make_route(endpoint, here, context.payload, add_pull, learner=number)
        thread = context.make_activity_log(number, "pull")
        answering = AnswerThread(context.env, context.make_activity_log(number, ANSWER)) if copy_seconds else None
        pulling = PullThread(context.env, log, thread, source, route, fetch, answering, copy_seconds)
        sources.append((pulling.cache, here))
        learners.append(Learner(context, number, log, pulling, tree.push_thread(number, log), server))
    return Deployment(tree.network, learners, names, tree.relays, [relay.send_up for relay in tree.relays])


def _fetch_to_learners(context: RunContext, parts: int = 1) -> Fetch:
    """Return how weights get to a learner, in `parts` messages."""
    seconds = context.spec.costs.copy_seconds(context.payload, parts)
    return CopyingFetch(lambda log: copy(context.env, log, seconds)) if seconds else fetch


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
        copy_seconds = context.spec.costs.copy_seconds(context.gradient_payload)
        return PushThread(context.env, log, context.make_activity_log(learner, "push"), leaf, up, copy_seconds)

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
        processor = _relay_processor(context, name, context.payload if height else context.gradient_payload)
        copy_seconds = spec.costs.copy_seconds(context.payload)
        relay = Relay(context.env, above, above, up, down, processor, self._server.round, learners, copy_seconds)
        self.relays.append(relay)
        return relay, endpoint


def _relay_processor(context: RunContext, name: str, arriving: float) -> Processor:
    """Make the processor of a server in the tree: it takes up messages of `arriving` bytes and makes no updates."""
    seconds, copy_in = context.spec.server.per_gradient, context.spec.costs.copy_seconds(arriving)
    log = context.log if seconds or copy_in else None
    pipe = Pipe(name, log=log, group="servers", activity=UPDATE)
    return Processor(context.env, pipe, seconds, copy_in=copy_in)
