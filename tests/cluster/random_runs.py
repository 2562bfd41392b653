"""Random clusters, protocols and faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.cluster.random_learners import computes, kinds_of_stragglers
from tests.protocols.table import ROWS, protocols


@dataclass(frozen=True)
class Values:
    """The strategies from which the values of a random scenario are drawn."""

    times: st.SearchStrategy[str]
    mini_batches: st.SearchStrategy[str]
    """Mean times per sample."""
    bandwidths: st.SearchStrategy[str]
    sizes: st.SearchStrategy[str]
    laws: st.SearchStrategy[dict[str, Any]]
    speeds: st.SearchStrategy[Any]
    """Of twelve learners, the first of which are there; or a law; or none."""
    stragglers: st.SearchStrategy[dict[str, Any] | None]
    between_crashes: st.SearchStrategy[str]
    down: st.SearchStrategy[str]
    factors: st.SearchStrategy[float]
    losses: st.SearchStrategy[float]

    def costs(self) -> st.SearchStrategy[dict[str, Any] | None]:
        """Draw a section of costs, which half of all clusters have."""
        laws = st.builds(lambda mean, law: {"mean": mean, **law}, self.times, self.laws)
        cost = st.one_of(st.just("0 s"), self.times, laws)
        keys = {"step": cost, "mixing": cost, "collective_start": cost, "per_message": self.times}
        return st.one_of(st.none(), st.fixed_dictionaries({**keys, "copy_bandwidth": self.bandwidths}))


ORDINARY = Values(
    times=st.sampled_from(["0 s", "1 us", "3 ms", "20 ms"]),
    mini_batches=st.just("1 ms"),
    bandwidths=st.sampled_from(["unlimited", "1 GB/s", "1 MB/s", "300 kB/s"]),
    sizes=st.sampled_from(["0 B", "1 B", "1 kB", "10 kB"]),
    laws=st.sampled_from(
        [
            {"distribution": "constant"},
            {"distribution": "gamma", "cv": 0.3},
            {"distribution": "lognormal", "cv": 0.8},
            {"distribution": "exponential"},
            {"distribution": "shifted-exponential", "cv": 0.4},
            {"distribution": "pareto", "cv": 1.0},
            {"distribution": "empirical", "measured": ["2 ms", "4 ms", "30 ms"]},
        ]
    ),
    speeds=st.sampled_from([None, {"distribution": "gamma", "cv": 0.5}, [1.0, 0.5, 1 / 3] * 4]),
    stragglers=st.sampled_from([None, {"slowdown": 5.0, "mean_normal": "30 ms", "mean_slow": "10 ms"}]),
    between_crashes=st.sampled_from(["10 ms", "200 ms"]),
    down=st.sampled_from(["1 ms", "40 ms"]),
    factors=st.just(0.2),
    losses=st.sampled_from([0.01, 0.3]),
)
_ANY_TIME = st.sampled_from(["1e-15 s", "1 ns", "1 us", "1 ms", "1 s", "1e9 s", "1e15 s"])
EXTREME = Values(
    times=st.one_of(ORDINARY.times, st.just("0 s"), _ANY_TIME),
    mini_batches=st.one_of(ORDINARY.mini_batches, _ANY_TIME),
    bandwidths=st.one_of(ORDINARY.bandwidths, st.sampled_from(["unlimited", "1e-15 B/s", "1 B/s", "1e15 B/s"])),
    sizes=st.one_of(ORDINARY.sizes, st.sampled_from(["0 B", "1e-15 B", "1 TB", "1e15 B"])),
    laws=st.one_of(
        ORDINARY.laws,
        st.sampled_from(
            [
                {"distribution": "gamma", "cv": 5.0},
                {"distribution": "gamma", "cv": 10.0},
                {"distribution": "gamma", "cv": 1e-6},
                {"distribution": "lognormal", "cv": 10.0},
                {"distribution": "shifted-exponential", "cv": 1.0},
                {"distribution": "pareto", "cv": 10.0},
                {"distribution": "empirical", "measured": ["0 s", "1 ms"]},
                {"distribution": "empirical", "measured": ["0 s"] * 50 + ["1e-15 s", "1e15 s"]},
            ]
        ),
    ),
    speeds=st.one_of(
        ORDINARY.speeds,
        st.sampled_from([{"distribution": "gamma", "cv": 10.0}, {"distribution": "lognormal", "cv": 10.0}]),
        st.lists(st.sampled_from([5e-324, 1e-300, 1e-20, 1.0, 1e6]), min_size=12, max_size=12),
    ),
    stragglers=st.one_of(
        ORDINARY.stragglers,
        st.fixed_dictionaries(
            {"slowdown": st.sampled_from([1.001, 5.0, 1e6]), "mean_normal": _ANY_TIME, "mean_slow": _ANY_TIME},
        ),
    ),
    between_crashes=st.one_of(ORDINARY.between_crashes, _ANY_TIME),
    down=st.one_of(ORDINARY.down, _ANY_TIME),
    factors=st.sampled_from([1e-15, 0.2, 1 - 2**-53]),
    losses=st.sampled_from([5e-324, 0.01, 0.3, 0.99]),
)
P775 = {"kind": "p775", "nodes_per_drawer": 2, "drawers_per_supernode": 2}


def topologies(values):
    links = {"local": values.bandwidths, "remote": values.bandwidths, "d_link": values.bandwidths}
    return st.one_of(
        st.sampled_from(["star", "ring", "medium", P775]),
        st.fixed_dictionaries({key: st.just(value) for key, value in P775.items()} | links),
        st.builds(
            lambda nodes, latency: {"kind": "tree", "nodes_per_rack": nodes, "oversubscription": 3.0, "core_latency": latency},
            st.integers(1, 4),
            values.times,
        ),
    )


def architectures(values):
    return st.one_of(
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
            values.bandwidths,
        ),
        st.integers(1, 3).map(lambda fan_out: {"kind": "adv*", "broadcast_fan_out": fan_out}),
    )


def spells(draw, **more):
    """Up to three spells that do not overlap, in milliseconds."""
    cuts = draw(st.lists(st.integers(0, 300), max_size=6, unique=True).map(sorted))
    pairs = zip(cuts[::2], cuts[1::2], strict=False)
    return [{"at": f"{at} ms", "lasting": f"{end - at} ms", **more} for at, end in pairs]


@st.composite
def crashes(draw, learners, values):
    if draw(st.booleans()):
        return {"mtbf": draw(values.between_crashes), "mttr": draw(values.down)}
    found = []
    for learner in draw(st.lists(st.integers(0, learners - 1), max_size=3, unique=True)):
        found += [{"learner": learner, "at": one["at"], "down": one["lasting"]} for one in spells(draw)]
        if draw(st.booleans()):
            found.append({"learner": learner, "at": f"{draw(st.integers(301, 400))} ms"})
    return found


@st.composite
def faults(draw, learners, nodes, racks, values):
    found = {}
    if draw(st.booleans()):
        found["crashes"] = draw(crashes(learners, values))
    if draw(st.booleans()):
        found["server_pauses"] = spells(draw)
    if draw(st.booleans()):
        links = st.sampled_from(["server", *(f"node {i}" for i in range(nodes)), *(f"rack {i}" for i in range(racks))])
        slow = [spells(draw, link=link, factor=draw(values.factors)) for link in draw(st.lists(links, max_size=2, unique=True))]
        found["degraded_links"] = [one for several in slow for one in several]
    if draw(st.booleans()):
        found["message_loss"] = {"probability": draw(values.losses), "resend_after": draw(values.times)}
    return found


def of_nodes(values, nodes):
    """Return bandwidths: one for all nodes, one for each, or a law."""
    means = values.bandwidths.filter(lambda bandwidth: bandwidth != "unlimited")
    law = {"mean": means, "distribution": st.sampled_from(["gamma", "lognormal"]), "cv": st.sampled_from([0.5, 10.0])}
    several = st.lists(values.bandwidths, min_size=nodes, max_size=nodes)
    return st.one_of(values.bandwidths, several, st.fixed_dictionaries(law))


def places(architecture, nodes):
    """Return the nodes of the servers: their own ones, or some of the learners'."""
    if architecture["kind"] != "base":
        return st.none()
    shards, node = architecture.get("shards", 1), st.integers(0, nodes - 1)
    return st.one_of(st.none(), node, st.lists(node, min_size=shards, max_size=shards))


@st.composite
def clusters(draw, *, may_fail, values=ORDINARY):
    learners, per_node = draw(st.integers(1, 12)), draw(st.sampled_from([1, 1, 2, 4]))
    law, topology, speeds = draw(values.laws), draw(topologies(values)), draw(values.speeds)
    nodes = -(-learners // per_node)
    architecture = draw(architectures(values))
    racks = -(-nodes // topology["nodes_per_rack"]) if "nodes_per_rack" in topology else 0
    members = {"learner": learners, "node": nodes, "rack": racks}
    return {
        "profile": None,
        "learners": learners,
        "learners_per_node": per_node,
        "seed": draw(st.integers(0, 2**32 - 1)),
        "architecture": architecture,
        "compute": draw(computes(law, draw(values.mini_batches), learners, may_leave=may_fail)),
        "speeds": speeds[:learners] if isinstance(speeds, list) else speeds,
        "stragglers": draw(kinds_of_stragglers(draw(values.stragglers), members)),
        "network": {
            "latency": draw(values.times),
            "bandwidth": draw(of_nodes(values, nodes)),
            "overhead": draw(st.sampled_from(["0 s", "0.1 ms"])),
            "goodput": draw(st.sampled_from([1.0, 1.0, 0.9, 1e-6])),
            "sharing": draw(st.sampled_from(["fifo", "fair"])),
            "topology": topology,
        },
        "server": {
            "bandwidth": draw(values.bandwidths),
            "node": draw(places(architecture, nodes)),
            "duplex": draw(st.sampled_from(["half", "full"])),
            "update": draw(values.times),
            "update_law": draw(values.laws),
        },
        "costs": draw(values.costs()),
        "faults": draw(faults(learners, nodes, racks, values)) if may_fail and draw(st.booleans()) else None,
        "start": draw(st.sampled_from(["together", "spread"])),
    }


@st.composite
def runs(draw, *, may_fail=True, values=ORDINARY):
    cluster = draw(clusters(may_fail=may_fail, values=values))
    payload = draw(values.sizes)
    protocol = draw(protocols(cluster["learners"]))
    if ROWS[protocol["kind"]].serverless:
        cluster = without_a_server(cluster, ROWS[protocol["kind"]].has_centre)
    return {"cluster": cluster, "protocol": protocol, "workload": {"payload": payload, "mini_batch": draw(sizes(cluster))}}


def sizes(cluster):
    """Return sizes of mini-batches: one for all learners, one for each, or a law."""
    learners, size = cluster["learners"], st.sampled_from([1, 4, 7])
    law = {"mean": st.just(4), "distribution": st.sampled_from(["gamma", "lognormal"]), "cv": st.sampled_from([0.5, 10.0])}
    return st.one_of(size, st.lists(size, min_size=learners, max_size=learners), st.fixed_dictionaries(law))


def without_a_server(cluster, has_centre):
    """Return the cluster without the keys that need a parameter server."""
    found = dict(cluster["faults"] or {})
    if not has_centre:
        found.pop("server_pauses", None)
        found["degraded_links"] = [one for one in found.get("degraded_links", []) if one["link"] != "server"]
    shards = cluster["architecture"].get("shards", 1) if has_centre else 1
    node = cluster["server"]["node"] if has_centre and cluster["architecture"]["kind"] == "base" else None
    server = {**cluster["server"], "node": node}
    compute = cluster["compute"]
    may_leave = any(law.get("at_end") == "stop" for law in (compute if isinstance(compute, list) else [compute]))
    costs = None if found.get("crashes") or may_leave else cluster["costs"]
    return {**cluster, "architecture": {"kind": "base", "shards": shards}, "server": server, "faults": found, "costs": costs}
