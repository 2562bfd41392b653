"""Run times that others measured on real clusters are met (docs/validation.md has all of them)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.build import clock, scenario

# github.com/Adnan082/diloco-measured (Apache-2.0): four machines, local SGD on 30,846,720 float32 parameters. Seconds that a
# machine is blocked in a synchronization, means of the steady ones.
LOCAL_SGD = {
    ("1 Gbit/s", 1): 1.5014,
    ("1 Gbit/s", 8): 1.5090,
    ("5 Gbit/s", 1): 0.3135,
    ("5 Gbit/s", 8): 0.3210,
    ("200 Mbit/s", 8): 8.2566,
    ("50 Mbit/s", 8): 38.0908,
}
STEP, START, GOODPUT = 0.025, 0.0202, {"200 Mbit/s": 0.902, "50 Mbit/s": 0.778}  # START at 1 Gbit/s, GOODPUT with H = 1


@pytest.mark.parametrize(("bandwidth", "steps"), LOCAL_SGD)
def test_a_synchronization_of_local_sgd_takes_as_long_as_it_was_measured(bandwidth: str, steps: int) -> None:
    base: dict[str, Any] = {
        "name": "measured",
        "cluster": {
            "learners": 4,
            "compute": {"per_batch": f"{STEP} s", "per_sample": 0},
            "network": {"latency": "100 us", "bandwidth": bandwidth, "goodput": GOODPUT.get(bandwidth, 1.0)},
            "server": {"bandwidth": bandwidth, "update": 0},
            "costs": {"collective_start": f"{START} s"},
        },
        "workload": {"mini_batch": 4, "payload": "123386880 B"},
        "protocol": {"kind": "local-sgd", "steps": steps},
        "stop": {"gradients": 4 * (steps + 1)},
    }
    clocked, _ = clock(scenario(base))
    assert clocked.simulated_seconds - (steps + 1) * STEP == pytest.approx(LOCAL_SGD[bandwidth, steps], rel=0.02)
