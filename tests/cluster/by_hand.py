"""Small clusters whose events are worked out by hand in several tests. All times are in milliseconds."""

from __future__ import annotations

from typing import Any

from simasgd.cluster.clock.log import SpanLog
from simasgd.cluster.result import ClockResult
from simasgd.tape.tape import Tape
from tests.build import TIMING, clock, scenario

HALF_DUPLEX: dict[str, Any] = {
    "cluster": {
        "learners": 3,
        "compute": {"per_batch": "2 ms", "per_sample": "2 ms", "distribution": "constant", "cv": None},
        "network": {"latency": "2 ms", "bandwidth": "10 GB/s"},
        "server": {"bandwidth": "1 GB/s", "duplex": "half", "update": "0.5 ms"},
    },
    "workload": {"mini_batch": 4, "payload": "3 MB"},
}
"""Three learners, 10 of computing, messages of 3 in a half-duplex pipe, 2 of travel, updates of 0.5."""
THREE: dict[str, Any] = {
    "cluster": {
        "learners": 3,
        "profile": None,
        "compute": {"per_batch": "10 ms", "per_sample": 0},
        "network": {"latency": "2 ms", "bandwidth": "unlimited"},
        "server": {"bandwidth": "unlimited", "update": "0.5 ms"},
    },
    "workload": {"payload": "4 MB"},
}
"""Three learners, 10 of computing, messages of 2, updates of 0.5: gradients arrive at 14 and are applied at 14.5, 15 and 15.5;
a learner's cycle is 14.5."""

SMALL_TREE: dict[str, Any] = {
    "cluster": {
        "learners": 4,
        "learners_per_node": 2,
        "profile": None,
        "speeds": [1.0, 0.8, 0.4, 0.25],
        "compute": {"per_batch": "10 ms", "per_sample": 0},
        "network": {"latency": "0.5 ms", "bandwidth": "1 GB/s"},
        "server": {"bandwidth": "unlimited", "update": "0.25 ms"},
    },
    "workload": {"payload": "3 MB"},
}
"""Two nodes of two learners, a leaf server on each node, the root on a node of its own. Between nodes a message takes 3 and
travels for 0.5; within a node it takes no time; an update takes 0.25; learners 0 to 3 compute for 10, 12.5, 25 and 40."""
ADV = {"kind": "adv", "intra_node_bandwidth": "unlimited"}
ADV_STAR = {"kind": "adv*", "intra_node_bandwidth": "unlimited"}


def run_three(updates: int, faults: dict[str, Any], *changes: dict[str, Any]) -> tuple[ClockResult, Tape]:
    changed = {"cluster": {"faults": faults}, "stop": {"gradients": None, "updates": updates}}
    return clock(scenario(TIMING, THREE, *changes, changed))


def run_tree(
    architecture: dict[str, Any] | str, updates: int, *changes: dict[str, Any], log: SpanLog | None = None
) -> tuple[ClockResult, Tape]:
    changed = {"cluster": {"architecture": architecture}, "stop": {"gradients": None, "updates": updates}}
    return clock(scenario(TIMING, SMALL_TREE, *changes, changed), log)


def crash(learner: int, at: float, back: float | None = None) -> dict[str, Any]:
    """From `at` to `back`; for good without the latter."""
    return {"learner": learner, "at": f"{at} ms"} | ({} if back is None else {"down": f"{back - at} ms"})


def spell(at: float, until: float, **more: Any) -> dict[str, Any]:
    """Return a pause or a degradation."""
    return {"at": f"{at} ms", "lasting": f"{until - at} ms", **more}


def ms(seconds: Any) -> list[float]:
    """In milliseconds, without the rounding errors."""
    return [round(float(second) * 1e3, 6) for second in seconds]
