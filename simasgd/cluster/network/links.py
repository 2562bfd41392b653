"""The links of a network: first-in-first-out pipes, or links that messages share fairly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from simpy import Environment
from simpy.events import Timeout

from simasgd.cluster.clock.log import SpanLog
from simasgd.cluster.clock.pace import ScheduledPace
from simasgd.cluster.clock.pipe import Pipe, Usage
from simasgd.cluster.network.fair import FairLink, FairLinks, FlowClass
from simasgd.cluster.network.inflow import Inflow
from simasgd.cluster.network.topology import Link
from simasgd.scenario.cluster.faults import Degradation


@final
class Links:
    """Makes the links of a run when a route needs them. `degraded` lists the times at which links are slow."""

    def __init__(self, env: Environment, degraded: Sequence[Degradation], log: SpanLog | None) -> None:
        self._env = env
        self._degraded = degraded
        self._log = log
        self._pipes: dict[str, Pipe] = {}
        self._inflows: dict[str, Inflow] = {}
        self._fair: dict[str, FairLink] = {}
        self._homes: dict[str, FairLinks] = {}  # by link; links that share a message share a home
        self._classes: dict[tuple[tuple[str, ...], float], FlowClass] = {}

    def usage(self, until: float) -> tuple[Usage, ...]:
        """Return the usage of each link until `until` (s), the present."""
        fifo = (pipe.usage(until) for pipe in self._pipes.values())
        return (*fifo, *(self._homes[name].usage(link, until) for name, link in self._fair.items()))

    def close(self, now: float) -> None:
        """Log the messages that are still under way at `now` (s), the end of the run."""
        for home in dict.fromkeys(self._homes.values()):
            home.close(now)

    def pipe(self, link: Link) -> Pipe:
        if link.name not in self._pipes:
            slow = self._degradations(link.name)
            pace = ScheduledPace([(time.at, time.at + time.lasting, time.factor) for time in slow]) if slow else None
            self._pipes[link.name] = Pipe(link.name, pace=pace, log=self._log)
        return self._pipes[link.name]

    def inflow(self, link: Link) -> Inflow:
        return self._inflows.setdefault(link.name, Inflow())

    def flow_class(self, links: Sequence[Link], cap: float) -> FlowClass:
        key = tuple(link.name for link in links), cap
        if key not in self._classes:
            made = tuple(self._fair_link(link) for link in links)
            homes = list(dict.fromkeys(self._homes[link.name] for link in links))
            home = FairLinks(self._env, self._log) if len(homes) > 1 else homes.pop()
            if homes:
                # Links that were computed apart so far, with their classes and messages under way.
                home.take_over(homes)
                for name in [name for name, old in self._homes.items() if old in homes]:
                    self._homes[name] = home
                for flow_class in self._classes.values():
                    flow_class.home = home if flow_class.home in homes else flow_class.home
            self._classes[key] = FlowClass(home, made, cap)
        return self._classes[key]

    def _fair_link(self, link: Link) -> FairLink:
        if link.name not in self._fair:
            track = self._log.track("links", link.name) if self._log is not None else -1
            made = self._fair[link.name] = FairLink(link.name, link.bandwidth, track)
            self._homes[link.name] = FairLinks(self._env, self._log)
            for slow in self._degradations(link.name):
                for at, factor in ((slow.at, slow.factor), (slow.at + slow.lasting, 1.0)):
                    self._set_capacity_at(at, made, factor)
        return self._fair[link.name]

    def _set_capacity_at(self, at: float, link: FairLink, factor: float) -> None:
        wait = max(0.0, at - self._env.now)  # a link may be made late, when it is first needed
        Timeout(self._env, wait).callbacks.append(lambda _: self._homes[link.name].set_capacity(link, factor))

    def _degradations(self, name: str) -> list[Degradation]:
        def applies(slow: Degradation) -> bool:
            return name.startswith("server") if slow.link == "server" else name.startswith(f"{slow.link} ")

        return [slow for slow in self._degraded if applies(slow)]
