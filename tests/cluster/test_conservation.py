"""Over random clusters and all protocols: no deadlock, nothing lost, every second named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simasgd.tape import SummaryRecorder
from tests.build import TIMING, clock, scenario

protocols = st.one_of(
    st.just({"kind": "async"}),
    st.just({"kind": "hardsync"}),
    st.integers(1, 6).map(lambda n: {"kind": "n-softsync", "n": n}),
)
times = st.sampled_from(["0 s", "1 us", "3 ms", "20 ms"])
bandwidths = st.sampled_from(["unlimited", "1 GB/s", "1 MB/s"])
laws = st.sampled_from([("constant", None), ("gamma", 0.3), ("lognormal", 0.8), ("exponential", None)])


@st.composite
def clusters(draw):
    law, cv = draw(laws)
    return {
        "learners": draw(st.integers(6, 12)),
        "seed": draw(st.integers(0, 2**32 - 1)),
        "compute": {"per_sample": "1 ms", "distribution": law, "cv": cv},
        "network": {"latency": draw(times), "bandwidth": draw(bandwidths)},
        "server": {"bandwidth": draw(bandwidths), "duplex": draw(st.sampled_from(["half", "full"])), "update": draw(times)},
    }


@settings(max_examples=60, deadline=None)
@given(cluster=clusters(), protocol=protocols, gradients=st.integers(1, 200))
def test_conservation(cluster, protocol, gradients):
    chosen = scenario(TIMING, {"cluster": cluster, "protocol": protocol, "stop": {"gradients": gradients}})
    clocked, tape = clock(chosen)
    learners = chosen.cluster.learners

    assert clocked.gradients_applied == tape.num_gradients >= gradients
    assert clocked.gradients_computed == clocked.gradients_applied + clocked.gradients_in_flight
    assert 0 <= clocked.gradients_in_flight <= learners * 2
    assert clocked.updates == tape.num_steps

    assert (np.diff(tape.stepped_at) >= 0).all()
    assert (tape.read_at < tape.computed_at).all()
    assert (tape.computed_at <= tape.stepped_at[tape.step] + 1e-12).all()
    assert (tape.staleness >= 0).all()

    pairs = set(zip(tape.learner.tolist(), tape.batch.tolist(), strict=True))
    assert len(pairs) == tape.num_gradients, "a mini-batch was used twice"

    for seconds in clocked.learner_seconds:
        assert min(seconds) >= 0
        assert sum(seconds) == pytest.approx(clocked.simulated_seconds)
    for usage in (*clocked.servers, *clocked.links):
        assert 0 <= usage.busy <= 1 + 1e-9
        assert usage.mean_queue >= -1e-12


@settings(max_examples=20, deadline=None)
@given(cluster=clusters(), protocol=protocols)
def test_the_summary_says_what_the_tape_says(cluster, protocol):
    from simasgd.cluster.simulation import Limit, run
    from simasgd.tape import staleness_counts

    chosen = scenario(TIMING, {"cluster": cluster, "protocol": protocol})
    _, tape = clock(chosen)
    recorder = SummaryRecorder()
    run(
        chosen.cluster,
        chosen.protocol,
        seed=chosen.cluster_seed,
        mini_batch=chosen.workload.mini_batch,
        payload=chosen.payload,
        limit=Limit(gradients=chosen.gradients_to_stop),
        recorder=recorder,
    )
    assert recorder.staleness_counts() == staleness_counts(tape.staleness)


@pytest.mark.parametrize("protocol", ["async", "hardsync", {"kind": "n-softsync", "n": 2}])
@pytest.mark.parametrize(
    "stop",
    [
        {"gradients": 12},
        {"updates": 3},
        {"simulated_time": "50 ms"},
        {"epochs": 0.1},
        {"updates": 100, "simulated_time": "9 ms"},
    ],
)
def test_every_stop_stops(protocol, stop):
    chosen = scenario(TIMING, {"protocol": protocol, "stop": {"gradients": None, **stop}})
    clocked, tape = clock(chosen)
    if "simulated_time" in stop:
        assert clocked.simulated_seconds == pytest.approx(chosen.stop.simulated_time)
    elif "updates" in stop:
        assert clocked.updates == stop["updates"]
    else:
        wanted = stop.get("gradients", 0.1 * 1000 / 4)
        assert clocked.gradients_applied >= wanted > clocked.gradients_applied - np.diff(tape.offsets)[-1]
