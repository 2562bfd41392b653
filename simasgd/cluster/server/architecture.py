"""Rudra's architectures: which routes there are between learners and servers, and who pushes and pulls on them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any, final

from simasgd.cluster.cast.cast import Ground
from simasgd.cluster.clock.activity import Diary
from simasgd.cluster.clock.log import UPDATE
from simasgd.cluster.clock.pipe import Pipe
from simasgd.cluster.clock.processor import Processor
from simasgd.cluster.clock.trail import pulled, pushed
from simasgd.cluster.network.network import End, Network
from simasgd.cluster.server.learner import Learner
from simasgd.cluster.server.pulling import AbstractPulling, BlockingPull, PullThread
from simasgd.cluster.server.pushing import AbstractPushing, BlockingPush, PushThread
from simasgd.cluster.server.relay import Relay
from simasgd.cluster.server.server import Server
from simasgd.cluster.server.weights import AbstractSource
from simasgd.scenario.cluster.architecture import AbstractServerTree, Adv, AdvStar, Base


@final
class Site:
    """What an architecture is built of: a ground, and the server on it. Learners send gradients of `gradient_payload` bytes;
    weights, and the sums of a server in between, have `payload`."""

    def __init__(self, ground: Ground, server: Server) -> None:
        self.ground = ground
        self.server = server
        self.env = ground.env
        self.spec = ground.spec
        self.payload = ground.payload
        self.gradient_payload = ground.gradient_payload
        self.network = ground.network
        self.diary = ground.diary

    def learner(self, number: int, diary: Diary, pulling: AbstractPulling, pushing: AbstractPushing) -> Learner:
        ground = self.ground
        times, pace, per_epoch = ground.times[number], ground.paces[number], ground.gradients_per_epoch
        return Learner(self.env, number, diary, times, pace, pulling, pushing, self.server, ground.seed, per_epoch)

    def adder(self, name: str) -> Processor:
        """Make the processor of a server in the tree. It adds gradients up and makes no updates."""
        seconds = self.spec.server.per_gradient
        log = self.ground.log if seconds else None
        return Processor(self.env, Pipe(name, log=log, group="servers", activity=UPDATE), iter(()), seconds)


@final
@dataclass(frozen=True, eq=False)
class Built:
    """The learners, the servers of the tree, what runs all by itself, and the network between them."""

    network: Network
    learners: Sequence[Learner]
    relays: Sequence[Relay] = ()
    threads: Sequence[Callable[[], Generator[Any, Any, None]]] = ()


@singledispatch
def build(kind: object, site: Site) -> Built:
    """Learners and routes of an architecture."""
    raise TypeError(f"no architecture {kind!r}")


@build.register
def _(kind: Base, site: Site) -> Built:
    spec, env, server = site.spec, site.env, site.server
    network = site.network(servers=kind.shards, shared_nodes=spec.learners_per_node > 1)
    names = ["server"] if kind.shards == 1 else [f"server {shard}" for shard in range(kind.shards)]
    shards = [network.server_end(spec.nodes + shard, name) for shard, name in enumerate(names)]
    learners = []
    for number in range(spec.learners):
        me, diary = network.learner_end(number), site.diary(number)
        up = network.parts([(me, shard) for shard in shards], site.gradient_payload, pushed, learner=number)
        down = network.parts([(shard, me) for shard in shards], site.payload, pulled, learner=number)
        pulling = BlockingPull(env, number, diary, server, down)
        learners.append(site.learner(number, diary, pulling, BlockingPush(env, diary, server, up)))
    return Built(network, learners)


@build.register
def _(kind: Adv, site: Site) -> Built:
    tree = _ServerTree(kind, site, broadcasts=False)
    learners = []
    for number in range(site.spec.learners):
        diary = site.diary(number)
        leaf, end = tree.leaf_of(number)
        route = tree.network.route(end, tree.network.learner_end(number), site.payload, pulled, learner=number)
        pulling = BlockingPull(site.env, number, diary, leaf, route)
        learners.append(site.learner(number, diary, pulling, tree.push_thread(number, diary)))
    threads = [thread for relay in tree.relays for thread in (relay.send_up, relay.fetch_weights)]
    return Built(tree.network, learners, tree.relays, threads)


@build.register
def _(kind: AdvStar, site: Site) -> Built:
    tree = _ServerTree(kind, site, broadcasts=True)
    learners: list[Learner] = []
    sources: list[tuple[AbstractSource, End]] = []
    for number in range(site.spec.learners):
        diary = site.diary(number)
        parent = number // kind.broadcast_fan_out - 1
        source, end = (site.server, tree.root) if parent < 0 else sources[parent]
        me = tree.network.learner_end(number)
        route = tree.network.route(end, me, site.payload, pulled, learner=number)
        pulling = PullThread(site.env, diary, site.diary(number, "pull"), source, route)
        sources.append((pulling.copy, me))
        learners.append(site.learner(number, diary, pulling, tree.push_thread(number, diary)))
    return Built(tree.network, learners, tree.relays, [relay.send_up for relay in tree.relays])


@final
class _ServerTree:
    """The servers below the root: leaf servers, whose children are learners, and inner ones. `broadcasts` says whether learners
    send weights to each other."""

    def __init__(self, kind: AbstractServerTree, site: Site, *, broadcasts: bool) -> None:
        spec = site.spec
        per_leaf = spec.learners_per_node if kind.colocated else kind.fan_out
        levels = [-(-spec.learners // per_leaf)]
        while levels[-1] > kind.fan_out:
            levels.append(-(-levels[-1] // kind.fan_out))
        own_nodes = 1 if kind.colocated else 1 + sum(levels)
        self.network = site.network(
            servers=own_nodes,
            shared_nodes=True,
            shared_ports=broadcasts,
            intra_node_bandwidth=kind.intra_node_bandwidth,
        )
        self.root = self.network.server_end(spec.nodes, "server")
        self._site = site
        self._kind = kind
        self._per_leaf = per_leaf
        above: list[tuple[Server | Relay, End]] = [(site.server, self.root)]
        self.relays: list[Relay] = []
        for depth, size in enumerate(reversed(levels)):
            height = len(levels) - 1 - depth  # 0: leaf servers
            above = [self._relay(i, height, above[i // kind.fan_out if depth else 0]) for i in range(size)]
        self._leaves = above

    def leaf_of(self, learner: int) -> tuple[Relay, End]:
        leaf, end = self._leaves[learner // self._per_leaf]
        assert isinstance(leaf, Relay)
        return leaf, end

    def push_thread(self, learner: int, diary: Diary) -> PushThread:
        """Pushes to the learner's leaf server."""
        leaf, end = self.leaf_of(learner)
        up = self.network.route(self.network.learner_end(learner), end, self._site.gradient_payload, pushed, learner=learner)
        return PushThread(self._site.env, diary, self._site.diary(learner, "push"), leaf, up)

    def _relay(self, number: int, height: int, parent: tuple[Server | Relay, End]) -> tuple[Server | Relay, End]:
        site, kind = self._site, self._kind
        above, end_above = parent
        own = len(self.relays) + 1
        node = number * kind.fan_out**height if kind.colocated else site.spec.nodes + own
        end = self.network.server_end(node, f"server {own}")
        up = self.network.route(end, end_above, site.payload, pushed)
        down = self.network.route(end_above, end, site.payload, pulled)
        span = self._per_leaf * kind.fan_out**height
        below = range(number * span, min((number + 1) * span, site.spec.learners))
        relay = Relay(site.env, above, above, up, down, site.adder(f"server {own}"), site.server.round, below)
        self.relays.append(relay)
        return relay, end
