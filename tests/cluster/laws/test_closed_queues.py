"""Async is a closed queueing network with λ customers: computing and travel are delays, links and the server are queues.

Where the links are shared fairly (processor sharing), the server's updates are exponential and learners are out of step, it has
a product form, and mean-value analysis is exact in the long run: Reiser and Lavenberg, J. ACM 27 (1980). test_start.py has what
happens where they are in step.
"""

from __future__ import annotations

import math

import pytest

from tests.build import TIMING, clock, scenario, thin
from tests.cluster.laws.mean_value_analysis import analyse_mean_values

MS = 1e-3
THINK = 10 * MS + 2 * 20e-6  # computing and travel
MESSAGE = 1.2 * MS  # 1.2 MB over 1 GB/s
UPDATE = 0.1 * MS


def shared_links(learners, gradients, *, compute=None, server=None):
    """Async with fairly shared links to the server, one each way."""
    cluster = {
        "learners": learners,
        "profile": None,
        "compute": compute or {"distribution": "exponential"},
        "network": {"latency": "20 us", "bandwidth": "unlimited", "sharing": "fair"},
        "server": {"bandwidth": "1 GB/s", "duplex": "full", "update": "0.1 ms", **(server or {})},
    }
    cluster["compute"] |= {"per_batch": "10 ms", "per_sample": 0}
    return scenario(TIMING, {"cluster": cluster, "workload": {"payload": "1.2 MB"}, "stop": {"gradients": gradients}})


@pytest.mark.parametrize(("learners", "seconds"), thin([(8, 188.68), (32, 125.10)], 2))
def test_a_hundred_thousand_pushes_take_as_long_as_mean_value_analysis_says(learners, seconds):
    throughput, (queue_in, queue_out, queue) = analyse_mean_values(learners, THINK, [MESSAGE, MESSAGE, UPDATE])
    assert 100_000 / throughput == pytest.approx(seconds, abs=0.005)
    clocked, _ = clock(shared_links(learners, 100_000))
    assert clocked.simulated_seconds == pytest.approx(seconds, rel=0.005)
    # A link's queue is the number under way but one: the mean number, less the time in which there is any.
    for link, mean in zip(clocked.links, (queue_in, queue_out), strict=True):
        assert link.busy == pytest.approx(throughput * MESSAGE, rel=0.01)
        assert link.mean_queue == pytest.approx(mean - throughput * MESSAGE, rel=0.02)
    (server,) = clocked.servers
    assert server.busy == pytest.approx(throughput * UPDATE, rel=0.005)
    assert queue < 0.1  # so its law hardly matters


def test_no_throughput_beats_the_bounds_and_their_knee_is_where_it_should_be():
    """X ≤ min(λ/(Z + D), 1/D_max), which meet at N* = (Z + D)/D_max = 5.225 learners where one link takes both directions."""
    demands = [2 * MESSAGE, UPDATE]
    cycle = THINK + sum(demands)
    found = {}
    for learners in (1, 2, 4, 6, 10, 40):
        compute = {"distribution": "gamma", "cv": 0.3}
        clocked, _ = clock(shared_links(learners, 10_000, compute=compute, server={"duplex": "half"}))
        found[learners] = 10_000 / clocked.simulated_seconds
        assert found[learners] <= min(learners / cycle, 1 / max(demands)) * 1.005
        assert found[learners] == pytest.approx(analyse_mean_values(learners, THINK, demands)[0], rel=0.01)
    assert cycle / max(demands) == pytest.approx(5.225)
    assert found[40] / found[1] == pytest.approx(5.225, rel=0.01)


LAWS = [("gamma", 0.5), ("gamma", 2.0), ("lognormal", 1.0), ("pareto", 1.0), ("constant", None)]


@pytest.mark.parametrize(("distribution", "cv", "learners"), thin([(*law, n) for law in LAWS for n in (8, 32)], 3))
def test_the_law_of_the_compute_times_does_not_matter_where_something_else_is_random(distribution, cv, learners):
    """Delays and processor sharing care about means only. Random updates of 1 ms keep constant times from marching in step."""
    server = {"update": "1 ms", "update_law": {"distribution": "exponential"}}
    compute = {"distribution": distribution, "cv": cv}
    clocked, _ = clock(shared_links(learners, 20_000, compute=compute, server=server))
    throughput, _ = analyse_mean_values(learners, THINK, [MESSAGE, MESSAGE, 1 * MS])
    assert 20_000 / clocked.simulated_seconds == pytest.approx(throughput, rel=0.01)


@pytest.mark.parametrize(
    ("distribution", "learners"), thin([(law, n) for law in ("gamma", "lognormal", "pareto") for n in (8, 32)], 3)
)
def test_compute_times_with_a_cv_of_seven_tenths_are_random_enough(distribution, learners):
    """Here nothing else is: updates of 0.1 ms are constant."""
    clocked, _ = clock(shared_links(learners, 20_000, compute={"distribution": distribution, "cv": 0.7}))
    throughput, _ = analyse_mean_values(learners, THINK, [MESSAGE, MESSAGE, UPDATE])
    assert 20_000 / clocked.simulated_seconds == pytest.approx(throughput, rel=0.015)


def test_with_constant_times_throughout_learners_that_start_together_stay_together():
    """They pull and push in a crowd for ever, which costs a fifth of the throughput: laws of means need some chance."""
    clocked, tape = clock(shared_links(8, 4000, compute={"distribution": "constant"}))
    assert tape.learner.tolist() == [*range(8)] * 500
    assert 4000 / clocked.simulated_seconds < 0.8 * analyse_mean_values(8, THINK, [MESSAGE, MESSAGE, UPDATE])[0]


def test_one_learner_never_queues():
    clocked, _ = clock(shared_links(1, 10_000))
    assert clocked.simulated_seconds / 10_000 == pytest.approx(THINK + 2 * MESSAGE + UPDATE, rel=0.02)
    assert [usage.mean_queue for usage in (*clocked.links, *clocked.servers)] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("learners", thin([1, 2, 4, 8, 16, 32, 64], 3))
def test_the_server_is_the_repairman_of_the_machine_repairman_model(learners):
    """Exponential compute times of 10 ms, updates of 1 ms and free communication make M/M/1//λ.

    With r = 0.1 the probability that no learner is at the server is 1/Σ_k λ!/(λ − k)!·r^k (Erlang).
    Mean-value analysis gives the same.
    """
    clocked, _ = clock(
        scenario(
            TIMING,
            {
                "cluster": {
                    "learners": learners,
                    "profile": "ideal",
                    "compute": {"per_batch": "10 ms", "per_sample": 0, "distribution": "exponential", "cv": None},
                    "server": {"update": "1 ms", "update_law": {"distribution": "exponential"}},
                },
                "stop": {"gradients": 40_000},
            },
        )
    )
    busy = 1.0 - 1.0 / sum(math.perm(learners, k) * 0.1**k for k in range(learners + 1))
    throughput, (mean,) = analyse_mean_values(learners, 10 * MS, [1 * MS])
    assert throughput == pytest.approx(busy / MS, rel=1e-9)
    assert 40_000 / clocked.simulated_seconds == pytest.approx(throughput, rel=0.01)
    (server,) = clocked.servers
    assert server.busy == pytest.approx(busy, rel=0.02)
    # Of those at the server, one is served; a queue fluctuates more than a throughput.
    assert server.mean_queue == pytest.approx(mean - busy, rel=0.04, abs=1e-12)
