"""Sentences about the gaps of a log: what it does not tell, and what the profile assumes. The largest gap comes first."""

from __future__ import annotations

import numpy as np

from simasgd.calibration.interface_fit import InterfaceFit
from simasgd.calibration.laws.standard_errors import write_quantity
from simasgd.calibration.links import LineFit, TimesFit
from simasgd.operations.log import OperationLog
from simasgd.tape.arrays import Floats

_NETWORK = "in the profile messages take no time (latency 0 s, bandwidth unlimited)"


def find_messages(log: OperationLog) -> Floats:
    """Return how long each pull and push took (s), whether the log has its size or not."""
    seconds = log.seconds[np.concatenate([log.rows("pull"), log.rows("push")])]
    found: Floats = seconds[seconds >= 0.0]
    return found


def list_gaps(
    log: OperationLog, link: LineFit | None, interface: InterfaceFit | None, update: TimesFit | None
) -> tuple[str, ...]:
    """Return a sentence or two for each part of the profile that is assumed: the network, the server, its updates."""
    gaps = []
    if link is None:
        gaps.append(_describe_network(find_messages(log)))
    elif interface is not None:
        gaps.append(
            "Messages of one size tell the bandwidth of the server's interface only: in the profile that of the other links is "
            "unlimited."
        )
    else:
        gaps.append(
            "The log does not tell the server's interface from the learners' links: in the profile the server has the same "
            "bandwidth, in each direction (server.duplex: full)."
        )
    if update is None:
        gaps.append("The log has no updates that take time: in the profile they take none (server.update: 0 s).")
    return tuple(gaps)


def _describe_network(seconds: Floats) -> str:
    instead = "or set network.latency and network.bandwidth yourself"
    if not len(seconds):
        return (
            f"The log has no pulls and pushes, so the network is unknown: {_NETWORK}. Log them, with the column bytes for "
            f"their sizes, {instead}."
        )
    mean = write_quantity(float(np.mean(seconds)), "s")
    return (
        f"The log has {len(seconds):,} pulls and pushes, {mean} each on average, but not their sizes. So the network is "
        f"unknown: {_NETWORK}. Add the column bytes to the log and fit it again, {instead}."
    )
