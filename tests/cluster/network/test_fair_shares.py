"""Max-min fair rates: by hand, and against their definition and a slow twin in exact arithmetic."""

from __future__ import annotations

from fractions import Fraction

import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from simasgd.cluster.clock.events import Signal
from simasgd.cluster.clock.pipe import Pipe
from simasgd.cluster.clock.trail import START, add_push
from simasgd.cluster.network.fair import FairLink, FairLinks, Flow, FlowClass

UNLIMITED = float("inf")


class Net:
    """Links by number, and messages over them; `ends[i]` is when the i-th has passed, None before."""

    def __init__(self, *bandwidths):
        self.env = simpy.Environment()
        self.links = [FairLink(str(i), float(bandwidth)) for i, bandwidth in enumerate(bandwidths)]
        self.home = FairLinks(self.env, None)
        self.ends = []
        self._classes = {}

    def flow_class(self, *path, cap=UNLIMITED):
        key = path, cap
        if key not in self._classes:
            self._classes[key] = FlowClass(self.home, tuple(self.links[i] for i in path), float(cap))
        return self._classes[key]

    def send(self, size, *path, cap=UNLIMITED, at=None):
        number = len(self.ends)
        self.ends.append(None)

        def start(_=None):
            arrived = Signal(self.env)
            arrived.callbacks.append(lambda _: self.ends.__setitem__(number, self.env.now))
            self.home.start(flow_class, size, size, Flow(arrived, self.env.now, 0.0, START, add_push, -1))

        flow_class = self.flow_class(*path, cap=cap)
        if at is None:
            start()
        else:
            simpy.Timeout(self.env, at).callbacks.append(start)
        return flow_class


def one_each(*flows):
    return [flow if isinstance(flow[0], tuple) else (flow, UNLIMITED) for flow in flows]


@pytest.mark.parametrize(
    ("bandwidths", "flows", "rates"),
    [
        # One long flow over two links, and a short one on each (Bertsekas and Gallager, section 6.5.2).
        ((1, 2), one_each((0, 1), (0,), (1,)), [0.5, 0.5, 1.5]),
        # A chain of three: the long flow and the first two are stopped in turn.
        ((1, 2, 4), one_each((0, 1, 2), (0,), (1,), (2,)), [0.5, 0.5, 1.5, 3.5]),
        ((3, 4, 10), one_each((0, 1), (1, 2), (0,), (2,), (1,)), [4 / 3, 4 / 3, 5 / 3, 26 / 3, 4 / 3]),
        # What a cap leaves, the others get.
        ((6,), one_each((0,), ((0,), 1.0), (0,)), [2.5, 1.0, 2.5]),
        ((6,), one_each((0,), ((0,), 2.0), (0,)), [2.0, 2.0, 2.0]),
        ((6, 3), one_each(((0, 1), 1.0), (0,), (1,), (0, 1)), [1.0, 4.0, 1.0, 1.0]),
        ((UNLIMITED, 2), one_each((0, 1), ((0, 1), 0.5), ((0,), 7.0)), [1.5, 0.5, 7.0]),
        # Crossing flows on a triangle.
        ((2, 2, 2), one_each((0, 1), (1, 2), (2, 0)), [1.0, 1.0, 1.0]),
        ((2, 2, 1), one_each((0, 1), (1, 2), (2, 0)), [1.5, 0.5, 0.5]),
    ],
    ids=str,
)
def test_rates_by_hand(bandwidths, flows, rates):
    net = Net(*bandwidths)
    classes = [net.send(1.0, *path, cap=cap) for path, cap in flows]
    assert [flow_class.rate for flow_class in classes] == pytest.approx(rates, rel=1e-12)


def slow_twin(bandwidths, flows):
    """Rates of single flows: raise all that can be raised by as much as all can bear, and again."""
    rates = [Fraction(0)] * len(flows)
    open_ = set(range(len(flows)))
    while open_:
        steps = [flows[i][1] - rates[i] for i in open_]
        for link, bandwidth in enumerate(bandwidths):
            raised = sum(link in flows[i][0] for i in open_)
            if raised:
                used = sum(rate for rate, (path, _) in zip(rates, flows, strict=True) if link in path)
                steps.append((bandwidth - used) / raised)
        step = min(steps)
        for i in open_:
            rates[i] += step
        used = [
            sum(rate for rate, (path, _) in zip(rates, flows, strict=True) if link in path) for link in range(len(bandwidths))
        ]
        full = {link for link, bandwidth in enumerate(bandwidths) if used[link] == bandwidth}
        open_ = {i for i in open_ if rates[i] < flows[i][1] and full.isdisjoint(flows[i][0])}
    return rates


quantities = st.integers(1, 60).map(lambda value: Fraction(value, 7))


@st.composite
def networks(draw):
    links = draw(st.lists(quantities, min_size=1, max_size=5))
    paths = st.lists(st.integers(0, len(links) - 1), min_size=1, max_size=3, unique=True).map(tuple)
    caps = st.one_of(quantities, st.just(Fraction(10**6)))
    classes = st.dictionaries(st.tuples(paths, caps), st.integers(1, 4), min_size=1, max_size=6)
    return links, draw(classes)


@settings(max_examples=300, deadline=None)
@given(networks())
def test_no_link_carries_too_much_and_every_flow_has_a_bottleneck(network):
    bandwidths, classes = network
    net = Net(*bandwidths)
    flows = [flow for flow, number in classes.items() for _ in range(number)]
    made = [net.send(1.0, *path, cap=cap) for path, cap in flows]
    rates = [flow_class.rate for flow_class in made]

    def on(link):
        return [rate for rate, (path, _) in zip(rates, flows, strict=True) if link in path]

    tiny = 1e-9
    for link, bandwidth in enumerate(bandwidths):
        assert sum(on(link)) <= bandwidth * (1 + tiny)
    for rate, (path, cap) in zip(rates, flows, strict=True):
        # Max-min fair is who can get more only from one that has no more than he has.
        assert rate == pytest.approx(float(cap)) or any(
            sum(on(link)) >= bandwidths[link] * (1 - tiny) and rate >= max(on(link)) * (1 - tiny) for link in path
        )
    assert rates == pytest.approx([float(rate) for rate in slow_twin(bandwidths, flows)], rel=1e-9)


@settings(max_examples=100, deadline=None)
@given(network=networks(), sizes=st.lists(st.integers(1, 9), min_size=24, max_size=24))
def test_messages_end_when_their_rates_have_carried_them(network, sizes):
    """Against a twin that asks for all rates anew whenever a message has passed."""
    bandwidths, classes = network
    flows = [flow for flow, number in classes.items() for _ in range(number)]
    net = Net(*bandwidths)
    for size, (path, cap) in zip(sizes, flows, strict=False):
        net.send(float(size), *path, cap=cap)
    net.env.run()

    left = {i: Fraction(size) for i, (size, _) in enumerate(zip(sizes, flows, strict=False))}
    now, ends = Fraction(0), {}
    while left:
        rates = dict(zip(left, slow_twin(bandwidths, [flows[i] for i in left]), strict=True))
        step = min(left[i] / rates[i] for i in left)
        now += step
        left = {i: size - step * rates[i] for i, size in left.items()}
        ends |= {i: now for i, size in left.items() if not size}
        left = {i: size for i, size in left.items() if size}
    assert net.ends == pytest.approx([float(ends[i]) for i in range(len(flows))], rel=1e-9)


@pytest.mark.parametrize("messages", [1, 5, 32])
def test_an_incast_ends_at_once_when_shared_and_one_by_one_in_turn(messages):
    """The last byte arrives at the same time."""
    net, pipe = Net(2), Pipe("nic")
    for _ in range(messages):
        net.send(6.0, 0)
    net.env.run()
    assert net.ends == pytest.approx([3.0 * messages] * messages, rel=1e-12)
    starts = [pipe.request(0.0, 3.0) for _ in range(messages)]
    assert starts == [3.0 * i for i in range(messages)]
    assert pipe.free == net.ends[-1]


def test_messages_that_come_and_go_by_hand():
    """10 bytes at 1 byte/s from 0 on, 3 bytes from 2 on: they share until the second has its 3 at 8, and the first 2 + 3."""
    net = Net(1)
    net.send(10.0, 0)
    net.send(3.0, 0, at=2.0)
    net.env.run()
    assert net.ends == pytest.approx([13.0, 8.0])
    usage = net.home.usage(net.links[0], 26.0)
    assert (usage.busy, usage.mean_queue, usage.bytes) == (pytest.approx(0.5), pytest.approx(6.0 / 26), 13.0)


def test_a_link_that_gets_slower_and_faster_again_by_hand():
    """12 bytes at 2 bytes/s; a quarter of that from 1 s to 5 s: 2 + 2 bytes by then, and 8 more take 4 s."""
    net = Net(2)
    net.send(12.0, 0)
    for at, factor in ((1.0, 0.25), (5.0, 1.0)):
        simpy.Timeout(net.env, at).callbacks.append(lambda _, factor=factor: net.home.set_capacity(net.links[0], factor))
    net.env.run()
    assert net.ends == pytest.approx([9.0])


def test_a_slower_link_leaves_others_more_of_a_shared_one():
    """A has 2 bytes over links 0 and 1, B has 9 over link 1, and links carry 1 byte/s.

    Both have half of link 1 until link 0 falls to a tenth at 2 s. Then A has 0.1 for its last byte,
    and B has 0.9 for its last 8.
    """
    net = Net(1, 1)
    net.send(2.0, 0, 1)
    net.send(9.0, 1)
    simpy.Timeout(net.env, 2.0).callbacks.append(lambda _: net.home.set_capacity(net.links[0], 0.1))
    net.env.run()
    assert net.ends == pytest.approx([12.0, 2.0 + 8.0 / 0.9])


def test_classes_of_many_messages_weigh_as_many():
    """Three long and one short on a link of 4, two short on a link of 9: 1 for each of the first four, then (9 − 3)/2."""
    net = Net(4, 9)
    flows = [net.send(1.0, 0, 1) for _ in range(3)] + [net.send(1.0, 0)] + [net.send(1.0, 1) for _ in range(2)]
    assert [flow.rate for flow in flows] == pytest.approx([1, 1, 1, 1, 3, 3])
