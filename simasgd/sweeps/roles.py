"""The role of a swept key: a choice, a part of the world, or chance."""

from __future__ import annotations

from enum import StrEnum

from simasgd.sweeps.axes import TOGETHER


class KeyRole(StrEnum):
    """The role of a key in the search for the best setting."""

    CHOICE = "choice"
    """They decide it: the protocol, the number of learners, the learning rate."""
    WORLD = "world"
    """They have to live with it: latency, bandwidth, stragglers, faults, the data."""
    CHANCE = "chance"
    """A seed: its values are repetitions of one setting."""


_ROLES = {
    "": KeyRole.CHOICE,
    "seed": KeyRole.CHANCE,
    "cluster": KeyRole.WORLD,
    "cluster.seed": KeyRole.CHANCE,
    "cluster.learners": KeyRole.CHOICE,
    "cluster.learners_per_node": KeyRole.CHOICE,
    "cluster.architecture": KeyRole.CHOICE,
    "cluster.server.node": KeyRole.CHOICE,
    "workload.payload": KeyRole.WORLD,
    "workload.samples_per_epoch": KeyRole.WORLD,
    "learning.seed": KeyRole.CHANCE,
    "learning.data": KeyRole.WORLD,
    "learning.partition": KeyRole.WORLD,
}
"""The roles of sections and keys. The longest beginning of a key decides; docs/scenario.md has the same table."""


def find_role(key: str) -> KeyRole:
    """Return the role of a full key, such as `cluster.network.latency`, or of keys that vary together.

    These are a choice if one of them is.
    """
    together = {find_role(part) for part in key.split(TOGETHER)} if TOGETHER in key else set()
    if together:
        return next(role for role in (KeyRole.CHOICE, KeyRole.WORLD, KeyRole.CHANCE) if role in together)
    parts = key.split(".")
    return next(
        _ROLES[beginning] for beginning in (".".join(parts[:size]) for size in range(len(parts), -1, -1)) if beginning in _ROLES
    )
