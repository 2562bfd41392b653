"""Ring all-reduce, message by message over the ring topology: 2(p − 1)/p·n/B + 2(p − 1)·latency (docs/papers.md B3.8)."""

from __future__ import annotations

import pytest
import simpy

from simasgd.cluster.clock.trail import START, add_push
from simasgd.cluster.network.network import Network
from tests.build import TIMING, scenario

BYTES, BANDWIDTH, LATENCY = 100e6, 1e9, 20e-6


def ring(env, nodes, sharing, **network):
    spec = scenario(
        TIMING,
        {
            "cluster": {
                "learners": nodes,
                "network": {"latency": "20 us", "bandwidth": "1 GB/s", "topology": "ring", "sharing": sharing, **network},
            }
        },
    )
    return Network(env, spec.cluster, servers=0, seed=0, shared_nodes=False)


def all_reduce(nodes, sharing, **network):
    """Every node sends a p-th of the data to its right neighbour, and the next part when it has that of its left one."""
    env = simpy.Environment()
    net = ring(env, nodes, sharing, **network)
    ends = [net.learner_endpoint(i) for i in range(nodes)]
    routes = [net.make_route(ends[i], ends[(i + 1) % nodes], BYTES / nodes, add_push) for i in range(nodes)]
    inboxes = [simpy.Store(env) for _ in range(nodes)]

    def node(i):
        for _ in range(2 * (nodes - 1)):
            _, arrival = routes[i].send(env.now, START)
            arrival.callbacks.append(lambda _: inboxes[(i + 1) % nodes].put("part"))
            yield inboxes[i].get()

    everybody = [env.process(node(i)) for i in range(nodes)]
    env.run(until=simpy.AllOf(env, everybody))
    return env.now, net


@pytest.mark.parametrize("sharing", ["fifo", "fair"])
@pytest.mark.parametrize("nodes", [2, 3, 8, 17])
def test_ring_all_reduce(nodes, sharing):
    seconds, net = all_reduce(nodes, sharing)
    assert seconds == pytest.approx(2 * (nodes - 1) * (BYTES / nodes / BANDWIDTH + LATENCY), rel=1e-11)
    usage = net.usage(seconds)
    assert [link.name for link in usage] == [f"ring {i} to {(i + 1) % nodes}" for i in range(nodes)]
    assert [link.bytes for link in usage] == pytest.approx([2 * (nodes - 1) / nodes * BYTES] * nodes)
    assert net.counts().sent == pytest.approx(2 * (nodes - 1) * BYTES)


def test_an_overhead_is_paid_in_every_round():
    seconds, _ = all_reduce(4, "fifo", overhead="1 ms")
    assert seconds == pytest.approx(6 * (25e6 / BANDWIDTH + LATENCY + 1e-3), rel=1e-11)


@pytest.mark.parametrize("sharing", ["fifo", "fair"])
def test_messages_that_go_further_share_the_links_on_their_way(sharing):
    """In a ring of 7 everybody sends to the third on its right at once: three messages want every link."""
    env = simpy.Environment()
    net = ring(env, 7, sharing)
    ends = [net.learner_endpoint(i) for i in range(7)]
    arrivals = [net.make_route(ends[i], ends[(i + 3) % 7], BYTES, add_push).send(0.0, START)[1] for i in range(7)]
    env.run(until=simpy.AllOf(env, arrivals))
    assert env.now == pytest.approx(3 * BYTES / BANDWIDTH + 3 * LATENCY, rel=1e-11)
