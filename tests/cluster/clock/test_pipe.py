"""The first-in-first-out pipe, against hand-computed numbers and a slow twin built from SimPy's own resource."""

from __future__ import annotations

import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st

from simasgd.cluster.clock.pipe import Pipe


def test_by_hand():
    pipe = Pipe("nic")
    assert [pipe.request(0.0, 2.0, 20.0), pipe.request(1.0, 3.0, 30.0), pipe.request(1.5, 1.0, 10.0)] == [0.0, 2.0, 5.0]
    assert pipe.request(10.0, 1.0, 10.0) == 10.0
    usage = pipe.usage(20.0)
    assert usage.busy == pytest.approx(7.0 / 20)
    assert usage.mean_queue == pytest.approx((1.0 + 3.5) / 20)
    assert usage.bytes == 70.0


def test_what_lies_behind_the_stop_does_not_count():
    pipe = Pipe("nic")
    for _ in range(3):
        pipe.request(0.0, 2.0, 20.0)
    usage = pipe.usage(3.0)  # the second is half through, the third still waits
    assert usage.busy == pytest.approx(1.0)
    assert usage.mean_queue == pytest.approx((2.0 + 3.0) / 3)
    assert usage.bytes == 40.0
    assert pipe.usage(0.0).busy == 0.0


def test_a_queue_that_reaches_far_behind_the_stop_costs_no_precision():
    pipe = Pipe("nic")
    for _ in range(4):
        pipe.request(0.0, 1e9, 1e12)
    usage = pipe.usage(1e-9)
    assert (usage.busy, usage.mean_queue, usage.bytes) == (1.0, 3.0, 1e12)


@given(
    requests=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), min_size=1, max_size=30),
    extra=st.integers(0, 30),
)
def test_equals_a_simpy_resource(requests, extra):
    gaps, services = zip(*requests, strict=True)
    arrivals = [sum(gaps[: i + 1]) for i in range(len(gaps))]
    until = arrivals[-1] + extra
    pipe = Pipe("nic")
    starts = [pipe.request(float(at), float(service), 1.0) for at, service in zip(arrivals, services, strict=True)]

    env, expected = simpy.Environment(), {}
    resource = simpy.Resource(env)

    def message(i):
        yield env.timeout(arrivals[i])
        with resource.request() as turn:
            yield turn
            expected[i] = env.now
            yield env.timeout(services[i])

    for i in range(len(arrivals)):
        env.process(message(i))
    env.run()
    assert starts == [expected[i] for i in range(len(arrivals))]
    if until > 0:
        usage = pipe.usage(float(until))
        busy = sum(max(0, min(until, start + service) - start) for start, service in zip(starts, services, strict=True))
        waiting = sum(min(until, start) - at for start, at in zip(starts, arrivals, strict=True))
        assert usage.busy == pytest.approx(busy / until)
        assert usage.mean_queue == pytest.approx(waiting / until)
        assert usage.bytes == sum(start <= until for start in starts)
