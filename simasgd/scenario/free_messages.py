"""A note on messages that take no time because the file of a node profile leaves the network open."""

from __future__ import annotations

import math

from simasgd.scenario.cluster.profile_file import ProfileFile
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.units import UNLIMITED

_BANDWIDTHS = ("cluster.network.bandwidth", "cluster.server.bandwidth")


def describe_free_messages(scenario: Scenario) -> tuple[str, ...]:
    """Return a note if messages take no time for their size, and a profile's file says so.

    `simasgd fit` writes such a file where a log does not tell the sizes of messages. The scenario's own values, and the
    profile `ideal`, mean it.
    """
    spec = scenario.cluster
    if not isinstance(spec.profile, ProfileFile) or spec.learners == 1 or not scenario.payload:
        return ()
    given = {number.key for number in spec.profile.numbers if number.value == UNLIMITED}
    if spec.network.bandwidth != math.inf or spec.server.bandwidth != math.inf or not given.issuperset(_BANDWIDTHS):
        return ()
    open_ended = spec.network.latency or spec.network.overhead
    taken = "no time for their size" if open_ended else "no time"
    return (
        f"Messages take {taken} in this profile: {spec.profile.file} has unlimited bandwidths. If the real network has limits, "
        f"set {' and '.join(_BANDWIDTHS)}, or fit the profile to a log with the sizes of messages.",
    )
