"""Which runs have their clock in common, and which can be learned in one loop."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from simasgd.scenario.learning.data import ImageNet
from simasgd.scenario.schema import Scenario

# Measured on two cores: eight networks of 2,410 weights at once take 0.63 of the time of one after the other, of 12,730 and of
# 109,386 about 0.8. Large ones are better left to several workers.
_MOST_PARAMETERS = 20_000
_MOST_TOGETHER = 8


def clock_of(scenario: Scenario) -> str:
    """Names all that moves the clock: scenarios of one name have one tape."""
    tree = scenario.plain()
    cluster = {**tree["cluster"], "seed": scenario.cluster_seed}
    moving = {key: tree[key] for key in ("workload", "protocol", "stop", "record")}
    return json.dumps({**moving, "cluster": cluster}, sort_keys=True, allow_nan=False)


def together(scenarios: Sequence[Scenario]) -> list[list[int]]:
    """The numbers of the scenarios in groups that go through one loop at once, in order of their first: small models that have
    one tape and differ in nothing but their learning rates and the seeds of their learning."""
    groups: list[list[int]] = []
    open_groups: dict[str, list[int]] = {}
    for number, scenario in enumerate(scenarios):
        name = _loop_of(scenario)
        if name is None:
            groups.append([number])
        elif name in open_groups and len(open_groups[name]) < _MOST_TOGETHER:
            open_groups[name].append(number)
        else:
            open_groups[name] = [number]
            groups.append(open_groups[name])
    return groups


def _loop_of(scenario: Scenario) -> str | None:
    """Names the loop; None for one that a scenario has for itself."""
    learning = scenario.learning
    if learning is None or learning.num_parameters > _MOST_PARAMETERS or isinstance(learning.data, ImageNet):
        return None
    rate = learning.optimizer.learning_rate
    if scenario.modulation.scales_with_rate and learning.local_learning_rate is None:
        rate = math.floor((math.log10(rate) + 15) / 30)  # ratios beyond 1e30 would not fit into single precision
    optimizer = {**learning.optimizer.model_dump(mode="json"), "learning_rate": rate}
    rest = {**learning.model_dump(mode="json"), "optimizer": optimizer, "seed": None}
    return json.dumps([clock_of(scenario), rest], sort_keys=True, allow_nan=False)
