"""Runs that share a clock, and runs that can be learned in one loop."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import NamedTuple

from simasgd.scenario.learning.data import ImageNet
from simasgd.scenario.learning.rates import Rates
from simasgd.scenario.schema import Scenario

_MOST_TOGETHER = 8


class Capacity(NamedTuple):
    """How many runs a kind of device learns at once."""

    most_parameters: float
    """The largest model of which several go through one loop."""
    memory: float
    """The bytes that may be used for runs in one loop."""

    @classmethod
    def of_accelerator(cls, memory: float | None) -> Capacity:
        """Return the capacity of an accelerator with `memory` bytes (None: not known)."""
        return cls(math.inf, math.inf if memory is None else memory / 2)

    def most_together(self, scenario: Scenario) -> int:
        """Return how many runs like this one may go through one loop."""
        learning = scenario.learning
        if learning is None or learning.num_parameters > self.most_parameters:
            return 1
        return max(1, int(min(_MOST_TOGETHER, self.memory / (_copies(scenario) * learning.model_bytes))))


def _copies(scenario: Scenario) -> int:
    """Return about the most copies of the weights that a run has in an accelerator's memory at once.

    All that a loop carries is there three times. A wave may have two gradients of each learner. For
    each it has the weights read, the gradient as computed and as transformed, and what a step makes.
    `simasgd.learning.players.fitting` knows the plan, and decides in the end.
    """
    assert scenario.learning is not None
    learners, of_optimizer = scenario.cluster.learners, scenario.learning.optimizer.state_copies
    if scenario.protocol.has_own_models:  # at most some more states than learners, and twice as many models
        return 19 * learners + 24 + 3 * of_optimizer * (learners + 4)
    return 13 * learners + 15 + 3 * of_optimizer


# Measured on two cores: eight networks of 2,410 weights at once take 0.63 of the time of one after
# the other. With 12,730 and 109,386 weights it is about 0.8. Several workers are better for large
# networks.
CPU_CAPACITY = Capacity(20_000, math.inf)


def clock_of(scenario: Scenario) -> str:
    """Return a text of everything that affects the clock: scenarios with equal texts have equal tapes.

    A test error at which a run is cut does not: one of the tapes is then a beginning of the other.
    """
    tree = scenario.plain()
    cluster = {**tree["cluster"], "seed": scenario.cluster_seed}
    moving = {"workload": tree["workload"], "protocol": tree["protocol"], "record": tree["record"]["kind"]}
    moving["stop"] = {key: limit for key, limit in tree["stop"].items() if key != "test_error"}
    return json.dumps({**moving, "cluster": cluster}, sort_keys=True, allow_nan=False)


def together(scenarios: Sequence[Scenario], capacity: Capacity = CPU_CAPACITY) -> list[list[int]]:
    """Group the numbers of the scenarios that can go through one loop at once, in order of the first of each group.

    A group has one tape, and models that differ only in their learning rates and in the seeds of
    their learning. The device's `capacity` limits their number and size.
    """
    groups: list[list[int]] = []
    open_groups: dict[str, list[int]] = {}
    for number, scenario in enumerate(scenarios):
        most = capacity.most_together(scenario)
        name = _loop_of(scenario) if most > 1 else None
        if name is None:
            groups.append([number])
        elif name in open_groups and len(open_groups[name]) < most:
            open_groups[name].append(number)
        else:
            open_groups[name] = [number]
            groups.append(open_groups[name])
    return groups


def _loop_of(scenario: Scenario) -> str | None:
    """Return a text that is equal for scenarios that can share a loop; None for a scenario that needs its own."""
    learning = scenario.learning
    if learning is None or isinstance(learning.data, ImageNet):
        return None
    if scenario.stop.continued:
        return None
    if scenario.record.weights and scenario.stop.test_error is not None:
        return None  # a checkpoint of the others' later steps would not have the weights of a run that is cut
    # Factors that a law draws are a function of the seed, and runs in a loop have the same ones.
    seed = scenario.learning_seed if isinstance(learning.learner_rates, Rates) else None
    optimizer = {**learning.optimizer.model_dump(mode="json"), "learning_rate": None}
    rest = {**learning.model_dump(mode="json"), "optimizer": optimizer, "seed": seed}
    return json.dumps([clock_of(scenario), rest, scenario.stop.test_error], sort_keys=True, allow_nan=False)
