"""Compares all ways of playing with the reference player on the devices that JAX has here.

A program of its own, because the number of devices is fixed before JAX starts. It prints the number of devices and each
way's relative distance from the reference, as JSON.
"""

from __future__ import annotations

import json

import jax

from simasgd.learning.layout.costs import CPU
from simasgd.learning.players.compiled import Compiled, CompiledGroup
from simasgd.learning.players.reference import Reference
from tests.build import LEARNING, scenario
from tests.learning.agreement import DOUBLE, IN_WAVES, final_weights, relative_distance, simulate_problem


def main() -> None:
    found: dict[str, float] = {"devices": jax.device_count()}
    with jax.enable_x64(True):
        for protocol in ("hardsync", "async"):
            problem = simulate_problem(scenario(LEARNING, DOUBLE, {"protocol": protocol}))
            expected = final_weights(Reference(), problem)
            for name, device in (("one by one", CPU), ("in waves", IN_WAVES)):
                weights = final_weights(Compiled(device), problem)
                found[f"{protocol} {name}"] = relative_distance(weights, expected)
        seeds = [scenario(LEARNING, DOUBLE, {"cluster": {"seed": 0}, "learning": {"seed": seed}}) for seed in range(4)]
        problems = [simulate_problem(seed) for seed in seeds]
        moments = list(CompiledGroup().play(problems, [200], lambda done: None))[-1]
        distances = []
        for moment, problem in zip(moments, problems, strict=True):
            assert moment is not None
            distances.append(relative_distance(moment.weights, final_weights(Reference(), problem)))
        found["together"] = max(distances)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
