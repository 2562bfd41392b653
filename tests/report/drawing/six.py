"""Six variants as in a study of a small cluster: two fail, two tie, one is worse, one is slow; made without learning."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd

from simasgd import Run, Study, simulate
from simasgd.results.summary_parts import evaluation_rows
from tests.build import LEARNING, TIMING, scenario
from tests.clockwork import PATH, WHAT_IF, altered

ENDS = {
    "hardsync": ("hardsync", 0.03, 2.0),
    "async": ("async", 0.91, 1.0),
    "all-reduce": ("all-reduce", 0.03, 1.2),
    "backups": ({"kind": "backup-workers", "backups": 1}, 0.025, 2.3),
    "k-batch-sync-of-three": ({"kind": "k-batch-sync", "k": 3}, 0.12, 1.1),
    "ssp": ({"kind": "ssp", "slack": 2}, 0.89, 1.4),
}
"""The protocol, the last test error, and the time as a multiple of the fastest."""
_SMALL = {"stop": {"gradients": 60}, "cluster": {"speeds": [1, 1, 0.5, 0.5]}}


def learnt(name: str, evaluations: int) -> Run:
    """Return a run that ends as in `ENDS`, with an evaluation each epoch."""
    protocol, end, slower = ENDS[name]
    clocked = simulate(scenario(TIMING, _SMALL, {"protocol": protocol}))
    seconds = 10.0 * slower
    epochs = np.arange(evaluations + 1.0)
    errors = end + (0.9 - end) * np.exp(-1.2 * epochs)
    errors[-1] = end
    table = pd.DataFrame(
        {
            "epoch": epochs,
            "samples": (1437 * epochs).astype(int),
            "updates": (15 * epochs).astype(int),
            "simulated_seconds": seconds * epochs / evaluations,
            "test_loss": 2.3 * errors,
            "test_error": errors,
            "bytes": 1e5 * epochs,
            "consensus_distance": np.nan,
        }
    )
    chosen = scenario(LEARNING, _SMALL, {"protocol": protocol})
    last = {"test_error": end, "test_loss": 2.3 * end, "simulated_seconds": seconds}
    rows = [row.model_dump() for row in evaluation_rows(table)]
    more = {} if name == "all-reduce" else {"critical_path": PATH, "what_if": WHAT_IF}
    return altered(replace(clocked, scenario=chosen, evaluations=table), evaluations=rows, **last, **more)


@cache
def six_variants(evaluations: int = 10) -> Study:
    """Return the study of all six."""
    runs = {name: [learnt(name, evaluations)] for name in ENDS}
    return Study(scenario(LEARNING, _SMALL, {"variants": {name: {"protocol": ENDS[name][0]} for name in ENDS}}), runs)
