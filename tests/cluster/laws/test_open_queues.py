"""Poisson arrivals at one link, served in turn (M/G/1) or all at once (M/G/1 with processor sharing)."""

from __future__ import annotations

import numpy as np
import pytest
import simpy

from simasgd.cluster.clock.events import Signal
from simasgd.cluster.clock.pipe import Pipe
from simasgd.cluster.clock.trail import START, add_push
from simasgd.cluster.network.fair import FairLink, FairLinks, Flow, FlowClass

ARRIVALS = 400_000


def poisson(load, law, seed):
    """Draw times of arrival, and service times (s) of mean 1."""
    random = np.random.default_rng(seed)
    services = random.exponential(size=ARRIVALS) if law == "exponential" else np.ones(ARRIVALS)
    return np.cumsum(random.exponential(1.0 / load, ARRIVALS)).tolist(), services.tolist()


@pytest.mark.parametrize("load", [0.3, 0.6])
@pytest.mark.parametrize(("law", "second_moment"), [("exponential", 2.0), ("constant", 1.0)])
def test_the_mean_wait_in_a_pipe_is_pollaczek_and_khinchines(law, second_moment, load):
    """W = ρ·E[S²]/(2(1 − ρ)) at E[S] = 1; the mean queue is ρW (Little)."""
    arrivals, services = poisson(load, law, seed=7)
    pipe = Pipe("nic")
    waited = sum(pipe.request(at, service) - at for at, service in zip(arrivals, services, strict=True))
    wait = load * second_moment / (2.0 * (1.0 - load))
    assert waited / ARRIVALS == pytest.approx(wait, rel=0.02)
    usage = pipe.usage(arrivals[-1])
    assert usage.busy == pytest.approx(load, rel=0.01)
    assert usage.mean_queue == pytest.approx(load * wait, rel=0.02)


@pytest.mark.parametrize("load", [0.3, 0.6])
@pytest.mark.parametrize("law", ["exponential", "constant"])
def test_the_mean_stay_on_a_shared_link_depends_on_the_mean_size_only(law, load):
    """T = E[S]/(1 − ρ) under processor sharing, whatever the law; on average ρ²/(1 − ρ) more than one are under way."""
    arrivals, services = (column[: ARRIVALS // 4] for column in poisson(load, law, seed=8))
    env = simpy.Environment()
    links = FairLinks(env, None)
    link = FairLink("nic", 1.0)
    flow_class = FlowClass(links, (link,), float("inf"))
    ends = [0.0] * len(arrivals)

    def traffic():
        for i, (at, size) in enumerate(zip(arrivals, services, strict=True)):
            yield env.timeout(at - env.now)
            arrived = Signal(env)
            arrived.callbacks.append(lambda _, i=i: ends.__setitem__(i, env.now))
            links.start(flow_class, size, size, Flow(arrived, env.now, 0.0, START, add_push, -1))

    env.process(traffic())
    env.run()
    assert np.mean(np.subtract(ends, arrivals)) == pytest.approx(1.0 / (1.0 - load), rel=0.02)
    usage = links.usage(link, env.now)
    assert usage.busy == pytest.approx(load, rel=0.01)
    assert usage.mean_queue == pytest.approx(load * load / (1.0 - load), rel=0.03)
    assert usage.bytes == pytest.approx(sum(services))
