"""The role of a swept key: a choice, a part of the world, or chance."""

from __future__ import annotations

from enum import StrEnum

from simasgd.sweeps.axes import TOGETHER


class Role(StrEnum):
    """What a key is to somebody who looks for the best setting."""

    CHOICE = "choice"
    """They decide it: the protocol, the number of learners, the learning rate."""
    WORLD = "world"
    """They have to live with it: latency, bandwidth, stragglers, faults, the data."""
    CHANCE = "chance"
    """A seed: its values are repetitions of one setting."""


_ROLES = {
    "": Role.CHOICE,
    "seed": Role.CHANCE,
    "cluster": Role.WORLD,
    "cluster.seed": Role.CHANCE,
    "cluster.learners": Role.CHOICE,
    "cluster.learners_per_node": Role.CHOICE,
    "cluster.architecture": Role.CHOICE,
    "cluster.server.node": Role.CHOICE,
    "workload.payload": Role.WORLD,
    "workload.samples_per_epoch": Role.WORLD,
    "learning.seed": Role.CHANCE,
    "learning.data": Role.WORLD,
    "learning.partition": Role.WORLD,
}
"""The roles of sections and keys. The longest beginning of a key decides; docs/scenario.md has the same table."""


def find_role(key: str) -> Role:
    """Return the role of a full key, such as `cluster.network.latency`, or of keys that vary together.

    These are a choice if one of them is.
    """
    together = {find_role(part) for part in key.split(TOGETHER)} if TOGETHER in key else set()
    if together:
        return next(role for role in (Role.CHOICE, Role.WORLD, Role.CHANCE) if role in together)
    parts = key.split(".")
    return next(
        _ROLES[beginning] for beginning in (".".join(parts[:size]) for size in range(len(parts), -1, -1)) if beginning in _ROLES
    )
