"""The machines of a run's processes, which must share a clock."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.errors import RunFailed
from simasgd.testbed.engine.abstract import About


def require_one_clock(processes: Sequence[About]) -> None:
    """Raise RunFailed if processes are on different machines: their clocks are not compared, so times would be wrong."""
    hosts = {about.machine.boot: about.machine.host for about in processes}
    if len(hosts) > 1:
        raise RunFailed(
            f"the processes are on {len(hosts)} machines ({', '.join(sorted(hosts.values()))}), whose clocks differ; "
            "use a Ray cluster of one machine, or leave --address out"
        )
