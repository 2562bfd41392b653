"""First-in-first-out links of unequal bandwidth: by hand, against fair sharing, and against packets that queue one by one."""

from __future__ import annotations

import random

import pytest
import simpy

from simasgd.cluster.clock.trail import START, add_push
from simasgd.cluster.network.inflow import Inflow
from simasgd.cluster.network.network import Network
from simasgd.cluster.network.topology import build_topology
from simasgd.scenario.cluster.cluster import Cluster
from simasgd.what_if.answers import what_if
from simasgd.what_if.question import Question
from tests.build import TIMING, clock, scenario
from tests.cluster.by_hand import ms, spell
from tests.cluster.network.packets import PacketLinks, async_rate

GIGA = 1e9
UNLIMITED = float("inf")


SIXTEEN = {
    "cluster": {
        "learners": 16,
        "profile": None,
        "compute": {"per_batch": "1 ms", "per_sample": 0, "distribution": "constant"},
        "network": {"latency": 0, "bandwidth": "1 GB/s"},
        "server": {"bandwidth": "unlimited", "update": 0},
    },
    "workload": {"payload": "10 MB"},
    "stop": {"gradients": 1600},
}
"""16 learners of 1 GB/s that compute for 1 ms and send messages of 10 MB, which take 10 ms."""


def sixteen(server="unlimited", **network):
    return scenario(TIMING, SIXTEEN, {"cluster": {"server": {"bandwidth": server}, "network": network}})


def rate(chosen):
    clocked, _ = clock(chosen)
    return clocked.gradients_applied / clocked.simulated_seconds


def star_of_packets(server):
    """Return the same network, packet by packet."""
    bandwidths = {"in": server, "out": server} | {f"{i} {side}": GIGA for i in range(16) for side in ("in", "out")}
    return async_rate(16, 1e-3, 10e6, lambda i: ([f"{i} out", "in"], ["out", f"{i} in"]), bandwidths, 320)


@pytest.mark.parametrize(
    ("server", "bandwidth", "expected"),
    [("1 GB/s", 1, 100), ("4 GB/s", 4, 400), ("16 GB/s", 16, 759), ("100 GB/s", 100, 762), ("unlimited", UNLIMITED, 762)],
)
def test_a_fast_interface_carries_as_much_as_it_can(server, bandwidth, expected):
    """At most bandwidth ÷ 10 MB, and at most what 16 learners can do: 16 ÷ (10 + 1 + 10 ms) = 762 gradients/s."""
    found = rate(sixteen(server))
    assert found <= min(bandwidth * GIGA / 10e6, 16 / 21e-3) * (1 + 1e-9)
    assert found == pytest.approx(expected, rel=0.03)
    assert found == pytest.approx(star_of_packets(bandwidth * GIGA), rel=0.03)
    assert found >= 0.97 * rate(sixteen(server, sharing="fair"))


@pytest.mark.parametrize(("oversubscription", "expected"), [(1, 762), (4, 400), (16, 100)])
def test_an_uplink_carries_as_much_as_it_can(oversubscription, expected):
    """A rack of 16 behind 16 GB/s, 4 and 1, and a server that is never the bottleneck."""
    tree = {"kind": "tree", "nodes_per_rack": 16, "oversubscription": oversubscription}
    assert rate(sixteen(topology=tree)) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("collective", ["ring", "recursive-doubling", "halving-doubling", "tree", "hierarchical"])
@pytest.mark.parametrize("per_node", [1, 2])
def test_a_tree_without_oversubscription_is_as_good_as_a_star(collective, per_node):
    def seconds(kind):
        cluster = {"learners": 32, "learners_per_node": per_node, "network": {"topology": kind}}
        protocol = {"kind": "all-reduce", "collective": collective}
        more = {"workload": {"payload": "100 MB"}, "stop": {"gradients": None, "updates": 2}}
        return clock(scenario(TIMING, SIXTEEN, {"cluster": cluster, "protocol": protocol}, more))[0].simulated_seconds

    tree = {"kind": "tree", "nodes_per_rack": 16 // per_node, "oversubscription": 1}
    assert seconds(tree) == pytest.approx(seconds("star"), rel=0.01)


@pytest.mark.parametrize("shards", [1, 2, 4, 8])
def test_shards_share_the_bytes(shards):
    """16 learners of 10 GB/s push and pull 100 MB through shards of 1 GB/s each.

    In a round the last learner pulls until 1.6 s ÷ shards, computes for 1 ms and pushes for 0.1 s ÷
    shards. The others have pushed meanwhile.
    """
    cluster = {
        "network": {"bandwidth": "10 GB/s"},
        "server": {"bandwidth": "1 GB/s"},
        "architecture": {"kind": "base", "shards": shards},
    }
    rounds = {"workload": {"payload": "100 MB"}, "protocol": "hardsync", "stop": {"gradients": None, "updates": 5}}
    clocked, _ = clock(scenario(TIMING, SIXTEEN, {"cluster": cluster}, rounds))
    assert clocked.simulated_seconds == pytest.approx(5 * (1.7 / shards + 1e-3), rel=1e-9)
    assert len(clocked.links) == 2 * shards
    for link in clocked.links:
        assert link.busy == pytest.approx(5 * 1.6 / shards / clocked.simulated_seconds, rel=1e-9)


def test_a_link_is_busy_while_it_carries_bytes():
    """A lone learner of 1 GB/s sends 10 MB in 10 of each 21 ms, through an interface of 2 GB/s."""
    alone = {"cluster": {"learners": 1, "server": {"bandwidth": "2 GB/s"}}}
    clocked, _ = clock(scenario(TIMING, SIXTEEN, alone))
    assert [link.busy for link in clocked.links] == pytest.approx([5 / 21, 5 / 21], rel=0.01)


def test_a_faster_server_helps_where_it_is_the_bottleneck_and_a_network_where_that_is():
    """At 4 GB/s the server is full: twice as much is 762 ÷ 400. At 100 GB/s only the nodes are left: 21 ms → 11 ms."""
    narrow = {row.change: row.speedup for row in ask(sixteen("4 GB/s"), 1600).rows}
    wide = {row.change: row.speedup for row in ask(sixteen("100 GB/s"), 1600).rows}
    assert narrow["server"] == pytest.approx(762 / 400, rel=0.03)
    assert (wide["server"], wide["network"]) == pytest.approx((1.0, 21 / 11), rel=0.03)


def ask(chosen, applied):
    return what_if(chosen, Question.of(chosen, applied))


def speedups(cluster):
    chosen = scenario(TIMING, SIXTEEN, {"cluster": cluster, "protocol": "hardsync", "stop": {"gradients": 64}})
    return {row.change: row.speedup for row in ask(chosen, 64).rows}


def test_what_takes_all_of_the_time_is_twice_as_fast_in_one_of_the_answers():
    """The core of a tree, and the links within a node."""
    nothing = {"compute": {"per_batch": "1 us", "per_sample": 0}, "network": {"bandwidth": "unlimited"}}
    core = {"network": {"bandwidth": "unlimited", "topology": {"kind": "tree", "core_latency": "10 ms"}}}
    assert speedups({**nothing, **core}) == pytest.approx({"network": 2, "server": 1, "node": 1}, rel=0.01)
    within = {"learners_per_node": 16, "architecture": {"kind": "adv", "intra_node_bandwidth": "1 GB/s"}}
    assert speedups({**nothing, **within}) == pytest.approx({"network": 1, "server": 1, "node": 2}, rel=0.01)


@pytest.mark.parametrize("sharing", ["fifo", "fair"])
def test_unlimited_links_carry_any_number_of_overheads(sharing):
    """Of 1 ms each: 16 learners make 16 gradients in 3 ms, however fast their nodes are."""
    for bandwidth in ("1000000 GB/s", "unlimited"):
        changes = {"network": {"overhead": "1 ms", "bandwidth": bandwidth, "sharing": sharing}}
        assert rate(scenario(TIMING, SIXTEEN, {"cluster": changes})) == pytest.approx(16 / 3e-3, rel=0.01)


@pytest.mark.parametrize("sharing", ["fifo", "fair"])
def test_a_degraded_link_that_is_full_is_busy(sharing):
    """At a tenth of 1 GB/s, 16 learners keep the server's interface full from their first push on."""
    faults = {"degraded_links": [{"link": "server", **spell(0, 1e7, factor=0.1)}]}
    server = {"bandwidth": "1 GB/s", "duplex": "half"}
    chosen = scenario(TIMING, SIXTEEN, {"cluster": {"server": server, "faults": faults, "network": {"sharing": sharing}}})
    (link,) = clock(chosen)[0].links
    assert link.busy == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize("sharing", ["fifo", "fair"])
def test_bytes_that_move_slowly_are_pushed_and_pulled(sharing):
    """A rack's links at a tenth: 10 MB take 100 ms instead of 10. Nobody waits for anything."""
    tree = {"sharing": sharing, "topology": {"kind": "tree", "nodes_per_rack": 1}}
    faults = {"degraded_links": [{"link": "rack 0", **spell(0, 10_000, factor=0.1)}]}
    cluster = {"cluster": {"learners": 1, "network": tree, "faults": faults}, "stop": {"gradients": 2}}
    clocked, _ = clock(scenario(TIMING, SIXTEEN, cluster))
    compute, push, wait, pull, _ = ms(clocked.learner_seconds[0])
    assert (compute, push, wait, pull) == pytest.approx((2, 200, 0, 200), abs=1e-6)


@pytest.mark.parametrize("sharing", ["fifo", "fair"])
@pytest.mark.parametrize(("protocol", "push"), [("gossip-pull", 0), ("elastic-gossip", 2000)])
def test_models_that_move_slowly_are_pushed_and_pulled(protocol, push, sharing):
    """Two learners behind a rack each, one of them at a tenth: each of 20 models takes 100 ms either way."""
    tree = {"sharing": sharing, "topology": {"kind": "tree", "nodes_per_rack": 1}}
    faults = {"degraded_links": [{"link": "rack 0", **spell(0, 10_000, factor=0.1)}]}
    change = {"cluster": {"learners": 2, "network": tree, "faults": faults}, "stop": {"gradients": 40}}
    clocked, _ = clock(scenario(TIMING, SIXTEEN, change, {"protocol": protocol}))
    for day in clocked.learner_seconds:
        assert ms(day)[:4] == pytest.approx([20, push, 0, 2000], abs=1e-6)


def test_what_is_to_come_by_hand():
    """4 s of work arrive from 0 to 10 s, and 2 s from 5 to 9 s; what comes at the link's own pace is not kept."""
    inflow = Inflow()
    inflow.add(0.0, 10.0, 4.0)
    inflow.add(0.0, 3.0, 3.0)
    assert inflow.to_come(5.0) == pytest.approx(2.0)
    inflow.add(5.0, 9.0, 2.0)
    assert [inflow.to_come(t) for t in (5.0, 7.0, 9.0, 9.5, 10.0)] == pytest.approx([4.0, 2.2, 0.4, 0.2, 0.0])


def cluster_of(rng):
    """Return a network whose links differ, with the interfaces of its nodes."""
    nodes = rng.choice([4, 8, 12, 16])
    kinds = [
        "star",
        {"kind": "ring"},
        {"kind": "tree", "nodes_per_rack": rng.choice([2, 4]), "oversubscription": rng.choice([1, 2, 4])},
        {"kind": "p775", "nodes_per_drawer": 2, "drawers_per_supernode": 2, "local": "24 GB/s"},
    ]
    return Cluster.model_validate(
        {
            "learners": 2 * nodes,
            "learners_per_node": 2,
            "compute": {"per_batch": "1 ms", "per_sample": 0},
            "network": {
                "latency": 0,
                "bandwidth": rng.choice(["1 GB/s", "2500 MB/s", "10 GB/s"]),
                "topology": kinds[rng.randrange(4)],
            },
            "server": {"bandwidth": rng.choice(["1 GB/s", "4 GB/s", "40 GB/s", "unlimited"]), "update": 0},
        }
    )


@pytest.mark.parametrize("seed", range(24))
def test_random_traffic_takes_as_long_as_packet_by_packet(seed):
    """200 messages between random learners, or between these and a server, from a light load to twice the nodes' capacity."""
    rng = random.Random(seed)
    spec = cluster_of(rng)
    env = simpy.Environment()
    network = Network(env, spec, servers=1, seed=0, shared_nodes=True)
    ways = build_topology(spec.network, [spec.network.bandwidth] * spec.nodes, 1)
    server = network.server_endpoint(spec.nodes, "server")
    bandwidths = {}
    sent, now, share = [], 0.0, rng.random()
    load = rng.choice([0.3, 1.0, 2.0]) * spec.nodes * spec.network.bandwidth / 2
    for _ in range(200):
        now += rng.expovariate(load / 10e6)
        a, b = rng.sample(range(spec.nodes), 2)
        if rng.random() < share:
            a, b = (a, spec.nodes) if rng.random() < 0.5 else (spec.nodes, b)
        sent.append((now, a, b, rng.choice([5e6, 10e6, 15e6])))

    ends = []

    def send(a, b, size):
        source, target = (server if node == spec.nodes else network.learner_endpoint(2 * node) for node in (a, b))
        _, arrival = network.make_uncounted_route(source, target, size, add_push, learner=0).send(env.now, START)
        ends.append(env.now) if arrival is None else arrival.callbacks.append(lambda _: ends.append(env.now))

    packets = PacketLinks(bandwidths)
    for at, a, b, size in sent:
        simpy.events.Timeout(env, at).callbacks.append(lambda _, a=a, b=b, size=size: send(a, b, size))
        path = [f"node {a} out"] if a < spec.nodes else ["server out"]
        links = ways.path(a, b).links
        path += [link.name for link in links] + ([f"node {b} in"] if b < spec.nodes else ["server in"])
        bandwidths |= {link.name: link.bandwidth for link in links}
        bandwidths |= {name: spec.network.bandwidth if name.startswith("node") else spec.server.bandwidth for name in path
                       if name not in bandwidths}  # fmt: skip
        packets.call_at(at, lambda size=size, path=path: packets.send(size, path, lambda: None))
    env.run()
    assert len(ends) == len(sent)
    assert max(ends) == pytest.approx(packets.run(), rel=0.05)
