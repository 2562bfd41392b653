"""Over random clusters and all protocols: no deadlock, nothing lost, every second named."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simasgd.cluster.log import SpanLog
from simasgd.cluster.simulation import Limit
from simasgd.cluster.simulation import run as run_cluster
from simasgd.cluster.trail import PARTS
from simasgd.tape import SummaryRecorder, Tape, staleness_counts
from tests.build import TIMING, clock, scenario

times = st.sampled_from(["0 s", "1 us", "3 ms", "20 ms"])
bandwidths = st.sampled_from(["unlimited", "1 GB/s", "1 MB/s", "300 kB/s"])
laws = st.sampled_from(
    [
        {"distribution": "constant"},
        {"distribution": "gamma", "cv": 0.3},
        {"distribution": "lognormal", "cv": 0.8},
        {"distribution": "exponential"},
        {"distribution": "shifted-exponential", "cv": 0.4},
        {"distribution": "pareto", "cv": 1.0},
        {"distribution": "empirical", "measured": ["2 ms", "4 ms", "30 ms"]},
    ]
)
P775 = {"kind": "p775", "nodes_per_drawer": 2, "drawers_per_supernode": 2}
topologies = st.one_of(
    st.sampled_from(["star", "ring", P775, {**P775, "local": "1 MB/s", "remote": "400 kB/s", "d_link": "700 kB/s"}]),
    st.builds(
        lambda nodes, latency: {"kind": "tree", "nodes_per_rack": nodes, "oversubscription": 3.0, "core_latency": latency},
        st.integers(1, 4),
        times,
    ),
)
architectures = st.one_of(
    st.integers(1, 3).map(lambda shards: {"kind": "base", "shards": shards}),
    st.builds(
        lambda kind, fan_out, colocated, bandwidth: {
            "kind": kind,
            "fan_out": fan_out,
            "colocated": colocated,
            "intra_node_bandwidth": bandwidth,
        },
        st.sampled_from(["adv", "adv*"]),
        st.integers(2, 3),
        st.booleans(),
        bandwidths,
    ),
    st.integers(1, 3).map(lambda fan_out: {"kind": "adv*", "broadcast_fan_out": fan_out}),
)


def spells(draw, **more):
    """Up to three spells that do not overlap, in milliseconds."""
    cuts = draw(st.lists(st.integers(0, 300), max_size=6, unique=True).map(sorted))
    pairs = zip(cuts[::2], cuts[1::2], strict=False)
    return [{"at": f"{at} ms", "lasting": f"{end - at} ms", **more} for at, end in pairs]


@st.composite
def crashes(draw, learners):
    if draw(st.booleans()):
        return {"mtbf": draw(st.sampled_from(["10 ms", "200 ms"])), "mttr": draw(st.sampled_from(["1 ms", "40 ms"]))}
    found = []
    for learner in draw(st.lists(st.integers(0, learners - 1), max_size=3, unique=True)):
        found += [{"learner": learner, "at": one["at"], "down": one["lasting"]} for one in spells(draw)]
        if draw(st.booleans()):
            found.append({"learner": learner, "at": f"{draw(st.integers(301, 400))} ms"})
    return found


@st.composite
def faults(draw, learners, nodes):
    found = {}
    if draw(st.booleans()):
        found["crashes"] = draw(crashes(learners))
    if draw(st.booleans()):
        found["server_pauses"] = spells(draw)
    if draw(st.booleans()):
        links = st.sampled_from(["server", *(f"node {node}" for node in range(nodes))])
        slow = [spells(draw, link=link, factor=0.2) for link in draw(st.lists(links, max_size=2, unique=True))]
        found["degraded_links"] = [one for several in slow for one in several]
    if draw(st.booleans()):
        found["message_loss"] = {"probability": draw(st.sampled_from([0.01, 0.3])), "resend_after": draw(times)}
    return found


@st.composite
def clusters(draw, *, may_fail):
    learners, per_node = draw(st.integers(1, 12)), draw(st.sampled_from([1, 1, 2, 4]))
    law = draw(laws)
    return {
        "profile": None,
        "learners": learners,
        "learners_per_node": per_node,
        "seed": draw(st.integers(0, 2**32 - 1)),
        "architecture": draw(architectures),
        "compute": {"per_batch": 0, "per_sample": None if "measured" in law else "1 ms", **law},
        "speeds": draw(
            st.sampled_from(
                [None, {"distribution": "gamma", "cv": 0.5}, [1.0 / (1 + learner % 3) for learner in range(learners)]]
            )
        ),
        "stragglers": draw(st.sampled_from([None, {"slowdown": 5.0, "mean_normal": "30 ms", "mean_slow": "10 ms"}])),
        "network": {
            "latency": draw(times),
            "bandwidth": draw(bandwidths),
            "overhead": draw(st.sampled_from(["0 s", "0.1 ms"])),
            "sharing": draw(st.sampled_from(["fifo", "fair"])),
            "topology": draw(topologies),
        },
        "server": {
            "bandwidth": draw(bandwidths),
            "duplex": draw(st.sampled_from(["half", "full"])),
            "update": draw(times),
            "update_law": draw(laws),
        },
        "faults": draw(faults(learners, -(-learners // per_node))) if may_fail and draw(st.booleans()) else None,
    }


def protocols(learners):
    return st.one_of(
        st.just({"kind": "async"}),
        st.just({"kind": "hardsync"}),
        st.sampled_from(["0 s", "1 ms", "5 ms", "50 ms"]).map(lambda time: {"kind": "hardsync", "barrier_timeout": time}),
        st.integers(1, learners).map(lambda n: {"kind": "n-softsync", "n": n}),
        st.just({"kind": "n-softsync", "n": "learners"}),
    )


@st.composite
def runs(draw, *, may_fail=True):
    cluster = draw(clusters(may_fail=may_fail))
    payload = draw(st.sampled_from(["0 B", "1 B", "1 kB", "10 kB"]))
    return {"cluster": cluster, "protocol": draw(protocols(cluster["learners"])), "workload": {"payload": payload}}


def tapes_are_equal(one, other):
    return all(np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(Tape))


@settings(max_examples=150, deadline=None)
@given(run=runs(), gradients=st.integers(1, 150))
def test_conservation(run, gradients):
    protocol = run["protocol"]
    # The limit of time is for learners that crash too often to get anything done.
    chosen = scenario(TIMING, run, {"stop": {"gradients": gradients, "simulated_time": "3 s"}})
    clocked, tape = clock(chosen, SpanLog())
    now = clocked.simulated_seconds

    # It ends, or says why not.
    assert clocked.gradients_applied >= gradients or clocked.hang or now == 3.0
    if clocked.hang:
        assert "crashed for good" in clocked.hang.reason
        assert chosen.cluster.faults.crashes
        assert clocked.gradients_applied < gradients
        assert clocked.hang.at <= now

    # Gradients and bytes are conserved.
    assert clocked.gradients_applied == tape.num_gradients
    assert clocked.updates == tape.num_steps
    assert clocked.gradients_in_flight >= 0
    assert clocked.gradients_computed == sum(clocked.learner_gradients)
    ends = (clocked.gradients_applied, clocked.gradients_dropped, clocked.gradients_lost, clocked.gradients_in_flight)
    assert clocked.gradients_computed == sum(ends)
    sent, received, lost = clocked.bytes
    assert min(sent, received, lost, sent - received - lost + 1e-6) >= 0.0
    if chosen.cluster.faults.message_loss is None and not chosen.cluster.faults.crashes:
        assert lost == clocked.gradients_lost == clocked.mishaps.messages_lost == 0
        if protocol["kind"] != "hardsync":
            assert clocked.gradients_dropped == 0
    pairs = set(zip(tape.learner.tolist(), tape.batch.tolist(), strict=True))
    assert len(pairs) == tape.num_gradients, "a mini-batch was used twice"

    # Time does not run backwards.
    assert (np.diff(tape.stepped_at) >= 0).all()
    assert (tape.read_at < tape.computed_at).all()
    assert (tape.computed_at <= tape.stepped_at[tape.step] + 1e-12).all()
    assert (tape.staleness >= 0).all()
    if protocol["kind"] == "hardsync":
        assert not tape.staleness.any()

    # Every second has a name, and nobody does two things at once.
    days = [*clocked.learner_seconds, *(day for days in clocked.thread_seconds.values() for day in days)]
    for seconds in days:
        assert min(seconds) >= -1e-12
        assert sum(seconds) == pytest.approx(now, rel=1e-9, abs=1e-12)
    for usage in (*clocked.servers, *clocked.links):
        assert 0 <= usage.busy <= 1 + 1e-9
        assert usage.mean_queue >= -1e-12
    for number, track in enumerate(clocked.spans.tracks):
        if track.group != "links" or chosen.cluster.network.sharing == "fifo":
            mine = clocked.spans.track == number
            assert (clocked.spans.start[mine][1:] >= clocked.spans.end[mine][:-1] - 1e-12).all(), track

    # The critical path is as long as the run.
    assert min(clocked.critical_path) >= 0.0
    assert sum(clocked.critical_path) == pytest.approx(now, rel=1e-9, abs=1e-12)
    if run["cluster"]["faults"] is None and "barrier_timeout" not in protocol and now < 3.0:
        assert clocked.critical_path[PARTS.index("other")] <= 1e-9 * now

    # A seed fixes the tape.
    again, same = clock(chosen)
    assert tapes_are_equal(tape, same)
    assert (again.bytes, again.critical_path) == (clocked.bytes, clocked.critical_path)


@settings(max_examples=20, deadline=None)
@given(run=runs(may_fail=False), gradients=st.integers(1, 150))
def test_the_summary_says_what_the_tape_says(run, gradients):
    chosen = scenario(TIMING, run, {"stop": {"gradients": gradients}})
    _, tape = clock(chosen)
    recorder = SummaryRecorder()
    run_cluster(
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
