"""How often `fit` finds what was put in: logs of the simulator with every law, speeds and slow spells.

The share of tries in which a parameter is within two standard errors of the truth should be about 95 %.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from pathlib import Path

from simasgd import Scenario, simulate
from simasgd.calibration.compute import ComputeFit, fit_compute
from simasgd.calibration.laws.standard_errors import Estimate
from simasgd.measured.exporting import export_log
from simasgd.operations.reading import read_log
from simasgd.scenario.reading import yaml_layer

LAWS = ("constant", "gamma", "lognormal", "exponential", "shifted-exponential", "pareto")
SPEEDS = (1.0, 0.5, 2.0, 0.5)
NORMAL, SLOW, SLOWDOWN, MEAN, CV = 5.0, 1.5, 4.0, 0.08, 0.3
_GRADIENTS = 1500


def main() -> None:
    """Print, for each law with and without speeds and spells, how often each parameter is within two standard errors."""
    tries = int(os.environ.get("TRIES", "20"))
    for law in LAWS:
        for has_speeds, has_spells in ((False, False), (True, False), (False, True), (True, True)):
            counts: Counter[str] = Counter()
            for seed in range(tries):
                counts.update(
                    _check(_fit(law, seed, has_speeds=has_speeds, has_spells=has_spells), law, has_speeds, has_spells)
                )
            what = f"{law}{', speeds' * has_speeds}{', spells' * has_spells}"
            print(f"{what:40}" + ", ".join(f"{name} {count}/{tries}" for name, count in sorted(counts.items())), flush=True)


def _fit(law: str, seed: int, *, has_speeds: bool, has_spells: bool) -> ComputeFit:
    compute = {"per_sample": f"{MEAN / 8} s", "distribution": law}
    cluster = {
        "learners": len(SPEEDS),
        "compute": compute if law in ("constant", "exponential") else {**compute, "cv": CV},
        "network": {"latency": "0 s", "bandwidth": "unlimited"},
        "server": {"bandwidth": "unlimited", "update": "0 s"},
    }
    if has_speeds:
        cluster["speeds"] = list(SPEEDS)
    if has_spells:
        cluster["stragglers"] = {"slowdown": SLOWDOWN, "mean_normal": f"{NORMAL} s", "mean_slow": f"{SLOW} s"}
    tree = {
        "name": "coverage",
        "seed": seed,
        "record": "timeline",
        "cluster": cluster,
        "workload": {"mini_batch": 8, "payload": "1 kB"},
        "protocol": "async",
        "stop": {"gradients": _GRADIENTS},
    }
    run = simulate(Scenario.from_layer(yaml_layer.parse_layer(yaml_layer.dump_yaml(tree), "coverage.yaml")))
    with tempfile.TemporaryDirectory() as folder:
        export_log(run, Path(folder) / "log.parquet")
        return fit_compute(read_log([Path(folder) / "log.parquet"]))


def _check(fit: ComputeFit, law: str, has_speeds: bool, has_spells: bool) -> dict[str, bool]:
    """Return which parts of the truth were found."""
    found = {"law": fit.law == law, "mean": _is_near(fit.mean, MEAN), "spells": len(fit.kinds) == has_spells}
    if law not in ("constant", "exponential"):
        found["cv"] = _is_near(fit.cv, CV)
    if has_speeds:
        found["speed"] = fit.speeds is not None and _is_near(Estimate(fit.speeds.each[2], fit.speeds.errors[2]), SPEEDS[2])
    if has_spells:
        kind = fit.kinds[0] if fit.kinds else None
        for name, value in (("slowdown", SLOWDOWN), ("normal", NORMAL), ("slow", SLOW)):
            found[name] = kind is not None and _is_near(getattr(kind, name), value)
    return found


def _is_near(estimate: Estimate, value: float) -> bool:
    return bool(abs(estimate.value - value) <= 2 * estimate.error + 1e-6 * value)
