"""A cluster on which protocols differ."""

from __future__ import annotations

from typing import Any

CLUSTER: dict[str, Any] = {
    "learners": 6,
    "profile": "ethernet-25g",
    "compute": {"per_batch": "1 ms", "per_sample": "1 ms", "distribution": "gamma", "cv": 0.4},
    "speeds": [1.0, 1.0, 0.9, 0.8, 0.5, 0.2],
}
"""Six learners of unequal speed whose compute times vary."""
