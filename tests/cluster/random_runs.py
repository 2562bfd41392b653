"""Random clusters, protocols and faults."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.protocols.table import ROWS, protocols

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
    st.sampled_from(["star", "ring", "medium", P775, {**P775, "local": "1 MB/s", "remote": "400 kB/s", "d_link": "700 kB/s"}]),
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
def faults(draw, learners, nodes, racks):
    found = {}
    if draw(st.booleans()):
        found["crashes"] = draw(crashes(learners))
    if draw(st.booleans()):
        found["server_pauses"] = spells(draw)
    if draw(st.booleans()):
        links = st.sampled_from(["server", *(f"node {i}" for i in range(nodes)), *(f"rack {i}" for i in range(racks))])
        slow = [spells(draw, link=link, factor=0.2) for link in draw(st.lists(links, max_size=2, unique=True))]
        found["degraded_links"] = [one for several in slow for one in several]
    if draw(st.booleans()):
        found["message_loss"] = {"probability": draw(st.sampled_from([0.01, 0.3])), "resend_after": draw(times)}
    return found


@st.composite
def clusters(draw, *, may_fail):
    learners, per_node = draw(st.integers(1, 12)), draw(st.sampled_from([1, 1, 2, 4]))
    law, topology = draw(laws), draw(topologies)
    nodes = -(-learners // per_node)
    racks = -(-nodes // topology["nodes_per_rack"]) if "nodes_per_rack" in topology else 0
    some_speeds = [1.0 / (1 + learner % 3) for learner in range(learners)]
    return {
        "profile": None,
        "learners": learners,
        "learners_per_node": per_node,
        "seed": draw(st.integers(0, 2**32 - 1)),
        "architecture": draw(architectures),
        "compute": {"per_batch": 0, "per_sample": None if "measured" in law else "1 ms", **law},
        "speeds": draw(st.sampled_from([None, {"distribution": "gamma", "cv": 0.5}, some_speeds])),
        "stragglers": draw(st.sampled_from([None, {"slowdown": 5.0, "mean_normal": "30 ms", "mean_slow": "10 ms"}])),
        "network": {
            "latency": draw(times),
            "bandwidth": draw(bandwidths),
            "overhead": draw(st.sampled_from(["0 s", "0.1 ms"])),
            "sharing": draw(st.sampled_from(["fifo", "fair"])),
            "topology": topology,
        },
        "server": {
            "bandwidth": draw(bandwidths),
            "duplex": draw(st.sampled_from(["half", "full"])),
            "update": draw(times),
            "update_law": draw(laws),
        },
        "faults": draw(faults(learners, nodes, racks)) if may_fail and draw(st.booleans()) else None,
        "start": draw(st.sampled_from(["together", "spread"])),
    }


@st.composite
def runs(draw, *, may_fail=True):
    cluster = draw(clusters(may_fail=may_fail))
    payload = draw(st.sampled_from(["0 B", "1 B", "1 kB", "10 kB"]))
    protocol = draw(protocols(cluster["learners"]))
    if ROWS[protocol["kind"]].serverless:
        cluster = without_a_server(cluster, ROWS[protocol["kind"]].has_centre)
    return {"cluster": cluster, "protocol": protocol, "workload": {"payload": payload}}


def without_a_server(cluster, has_centre):
    """The cluster without what wants a parameter server."""
    found = {key: value for key, value in (cluster["faults"] or {}).items() if key != "crashes"}
    if not has_centre:
        found.pop("server_pauses", None)
        found["degraded_links"] = [one for one in found.get("degraded_links", []) if one["link"] != "server"]
    shards = cluster["architecture"].get("shards", 1) if has_centre else 1
    return {**cluster, "architecture": {"kind": "base", "shards": shards}, "faults": found}
