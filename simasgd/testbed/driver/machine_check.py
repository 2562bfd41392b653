"""The machines of a run without a parameter server, whose processes must share a clock."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.errors import RunFailed
from simasgd.testbed.engine.abstract import ProcessInfo


def require_one_clock(processes: Sequence[ProcessInfo]) -> None:
    """Raise RunFailed if processes are on different machines.

    Clocks are compared with a parameter server's (`Clocks`). Without a server nobody compares them.
    """
    hosts = {about.machine.boot: about.machine.host for about in processes}
    if len(hosts) > 1:
        raise RunFailed(
            f"the processes are on {len(hosts)} machines ({', '.join(sorted(hosts.values()))}), whose clocks are compared only "
            "where there is a parameter server; use a protocol with a server, or one machine"
        )
