"""Cases of bad input: scenarios with one thing changed, and what the message about it must say."""

from __future__ import annotations

from typing import NamedTuple

PLAIN = """\
name: plain
cluster:
  learners: 30
  profile: p775
workload: {mini_batch: 4, payload: 350 kB}
protocol: hardsync
learning:
  data: digits
  model: {kind: mlp, hidden: [32]}
  optimizer: {kind: sgd, learning_rate: 0.05, momentum: 0.9}
  schedule: {boundaries: [24, 28], factor: 0.1}
stop: {epochs: 1}
"""
TIMING = """\
name: timing
cluster: {learners: 4, profile: ideal}
workload: {mini_batch: 4, payload: 1 kB}
protocol: async
stop: {epochs: 1}
"""


class Case(NamedTuple):
    """A command, the `text` of its `s.yaml`, and the parts that its message must have, the beginning first."""

    label: str
    text: str | bytes
    arguments: list[str]
    fragments: list[str]
    environment: dict[str, str | None] = {}  # noqa: RUF012


RUN = ["run", "s.yaml", "--out", "out"]


def wrong(label: str, old: str, new: str, *fragments: str, base: str = PLAIN) -> Case:
    """Make a case of a scenario with one thing changed."""
    assert base.count(old) == 1, old
    return Case(label, base.replace(old, new), RUN, list(fragments))


def cluster(label: str, changes: str, *fragments: str) -> Case:
    """Make a cluster section with something more."""
    return wrong(label, "profile: p775", f"profile: p775\n  {changes}", *fragments)


def compute(label: str, changes: str, *fragments: str) -> Case:
    return wrong(label, "profile: p775", COMPUTE + changes, *fragments)


def override(label: str, argument: str, *fragments: str, text: str = PLAIN) -> Case:
    return Case(label, text, [*RUN, argument], ["argument: ", *fragments])


def sweep(label: str, axes: list[str], *fragments: str) -> Case:
    return Case(label, PLAIN, ["sweep", "s.yaml", *axes, "--out", "out"], ["argument: ", *fragments])


def compare(label: str, arguments: list[str], *fragments: str, text: str = PLAIN) -> Case:
    return Case(label, text, ["compare", "s.yaml", *arguments, "--out", "out"], ["argument: ", *fragments])


VARIANTS = "stop: {epochs: 1}\nvariants:"
NETWORK = "profile: p775\n  network: "
COMPUTE = "profile: p775\n  compute: "
DEGRADED = "faults: {{degraded_links: [{{link: {}, at: 1 s, lasting: 1 s, factor: 0.5}}]}}"
