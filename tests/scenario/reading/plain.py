"""A plain scenario file, and how tests read it."""

from __future__ import annotations

import pytest

from simasgd.errors import ScenarioError
from simasgd.scenario.reading import yaml_layer
from simasgd.scenario.schema import Scenario

PLAIN = """\
name: plain
cluster: {learners: 30, profile: p775}
workload: {mini_batch: 4, payload: 350 kB}
protocol: hardsync
learning:
  data: digits
  model: {kind: mlp, hidden: [32]}
  optimizer: {kind: sgd, learning_rate: 0.05, momentum: 0.9}
stop: {epochs: 1}
"""


def read(yaml: str, *overrides: str) -> Scenario:
    """Build the scenario of a YAML text."""
    return Scenario.from_layer(yaml_layer.parse_layer(yaml, "s.yaml"), overrides)


def complaint(yaml: str, *overrides: str) -> str:
    """Return the message about a YAML text that is not a scenario."""
    with pytest.raises(ScenarioError) as caught:
        read(yaml, *overrides)
    return str(caught.value)
