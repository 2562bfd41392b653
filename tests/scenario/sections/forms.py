"""The forms of the values in a `cluster` section, for four learners and a complete profile, such as `ideal`."""

from __future__ import annotations

from typing import Any

CLUSTER_FORMS: dict[str, dict[str, Any]] = {
    "learners per node": {"learners_per_node": 2},
    "efficiency": {"compute": {"efficiency": {"full_at": 16, "exponent": 0.5}}},
    "shifted-exponential": {"compute": {"distribution": "shifted-exponential", "cv": 0.5}},
    "pareto": {"compute": {"distribution": "pareto", "cv": 2}},
    "measured": {"compute": {"distribution": "empirical", "cv": None, "measured": ["1 ms", "0.0025 s", 0, "1.5e-5 s"]}},
    "as measured": {
        "compute": {"distribution": "empirical", "cv": None, "per_sample": None, "per_batch": 0, "measured": ["1 ms"]}
    },
    "speeds listed": {"speeds": [1.0, 0.5, 2, 4]},
    "speeds by law": {"speeds": {"distribution": "lognormal", "cv": 0.3}},
    "no speeds": {"speeds": None},
    "stragglers": {"stragglers": {"slowdown": 10, "mean_normal": "2 min", "mean_slow": "5 s"}},
    "trace": {"compute": {"distribution": "trace", "cv": None, "measured": ["1 ms", 0, "2.5 ms"], "per": "cluster"}},
    "trace of two": {
        "compute": {
            "distribution": "trace",
            "cv": None,
            "measured": [["1 ms", "2 ms"], ["3 ms"]],
            "at_end": "bootstrap",
            "block": 1,
        }
    },
    "laws listed": {
        "compute": [
            {"per_sample": "1 ms"},
            {"per_sample": "2 ms", "per_batch": "1 ms", "distribution": "gamma", "cv": 0.3},
            {"distribution": "empirical", "measured": ["1 ms", "2 ms"]},
            {"distribution": "trace", "measured": ["1 ms", "2 ms"], "at_end": "stop"},
        ]
    },
    "spells of nodes": {
        "stragglers": {"slowdown": 2, "mean_normal": "2 s", "mean_slow": "1 s", "hits": "node", "members": [1]}
    },
    "kinds of spells": {
        "stragglers": [
            {"slowdown": 3, "mean_slow": "forever", "share": 0.5},
            {
                "slowdown": {"mean": 5, "distribution": "pareto", "cv": 2},
                "mean_normal": "2 s",
                "mean_slow": "5 ms",
                "normal_law": {"distribution": "gamma", "cv": 0.5},
                "slow_law": {"distribution": "lognormal", "cv": 2},
                "hits": "all",
            },
        ]
    },
    "no kinds of spells": {"stragglers": []},
    "overhead": {"network": {"overhead": "3 us"}},
    "bandwidths listed": {"network": {"bandwidth": ["1 Gbit/s", "unlimited", "20 Mbit/s", "3 GB/s"]}},
    "bandwidths by law": {"network": {"bandwidth": {"mean": "1 GB/s", "distribution": "gamma", "cv": 0.5}}},
    "server on a node": {"server": {"node": 3}},
    "shards on nodes": {"server": {"node": [3, 0]}, "architecture": {"kind": "base", "shards": 2}},
    "fair": {"network": {"sharing": "fair"}},
    "star": {"network": {"topology": "star"}},
    "ring": {"network": {"topology": {"kind": "ring"}}},
    "tree by default": {"network": {"topology": "tree"}},
    "tree": {
        "network": {
            "topology": {"kind": "tree", "nodes_per_rack": 2, "oversubscription": 2.5, "core_latency": "3 us"},
        }
    },
    "p775": {"network": {"topology": "p775"}},
    "p775 of its own": {
        "network": {
            "topology": {
                "kind": "p775",
                "nodes_per_drawer": 4,
                "drawers_per_supernode": 2,
                "local": "unlimited",
                "remote": "40 Gbit/s",
                "d_link": "1.5 GB/s",
                "d_links": 64,
            }
        }
    },
    "update law": {"server": {"update_law": {"distribution": "gamma", "cv": 0.3}}},
    "exponential updates": {"server": {"update_law": {"distribution": "exponential"}}},
    "measured updates": {"server": {"update_law": {"distribution": "empirical", "measured": ["1 us", "2 us"]}}},
    "no update law": {"server": {"update_law": None}},
    "work per gradient": {"server": {"per_gradient": "30 us"}},
    "base": {"architecture": "base"},
    "shards": {"architecture": {"kind": "base", "shards": 4}},
    "adv": {"architecture": "adv"},
    "adv*": {"architecture": "adv*"},
    "adv of its own": {
        "architecture": {"kind": "adv", "fan_out": 2, "colocated": False, "intra_node_bandwidth": "unlimited"},
    },
    "adv* of its own": {"architecture": {"kind": "adv*", "broadcast_fan_out": 1, "intra_node_bandwidth": "12.5 GB/s"}},
    "costs": {
        "costs": {
            "step": "1.4 ms",
            "mixing": 0,
            "per_message": "20 us",
            "copy_bandwidth": "8 GB/s",
            "collective_start": "150 us",
        }
    },
    "random costs": {
        "costs": {
            "step": {"mean": "1.4 ms", "distribution": "gamma", "cv": 0.2},
            "mixing": {"distribution": "empirical", "measured": ["1 ms", "2 ms"]},
            "collective_start": {"mean": "1 ms", "distribution": "exponential"},
        }
    },
    "no costs": {"costs": None},
    "goodput": {"network": {"goodput": 0.94}},
    "no faults": {"faults": None},
    "random crashes": {"faults": {"crashes": {"mtbf": "2 h", "mttr": "90 s"}}},
    "crashes": {"faults": {"crashes": [{"learner": 3, "at": "1.5 s"}, {"learner": 0, "at": 0, "down": "2 min"}]}},
    "no crashes": {"faults": {"crashes": []}},
    "pauses": {"faults": {"server_pauses": [{"at": "2 s", "lasting": "1 s"}, {"at": 0, "lasting": "3 ms"}]}},
    "pauses that touch": {
        "faults": {"server_pauses": [{"at": "0.1 s", "lasting": "0.2 s"}, {"at": "0.3 s", "lasting": "1 s"}]}
    },
    "degraded links": {
        "network": {"topology": {"kind": "tree", "nodes_per_rack": 2}},
        "faults": {
            "degraded_links": [
                {"link": "server", "at": "1 s", "lasting": "2 s", "factor": 0.1},
                {"link": "node 3", "at": "1 s", "lasting": "2 s", "factor": 0.5},
                {"link": "rack 1", "at": "1 s", "lasting": "2 s", "factor": 0.999},
            ]
        },
    },
    "message loss": {"faults": {"message_loss": {"probability": 0.01, "resend_after": "200 ms"}}},
}
