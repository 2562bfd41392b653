"""The `cluster.faults` section."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import inf, isclose
from typing import Annotated, final

from pydantic import AfterValidator, Field, Tag, WithJsonSchema

from simasgd.scenario.vocabulary.section import LIST, MAPPING, Inconsistency, ListOrMapping, Number, Section
from simasgd.scenario.vocabulary.units import TIME, Seconds, show
from simasgd.scenario.vocabulary.values import nearest, shown

Learner = Annotated[int, Field(strict=True, ge=0, le=10_000_000)]


@final
class RandomCrashes(Section):
    """Every learner crashes and rejoins, after exponential times."""

    mtbf: Seconds
    """Mean time from start or return to the next crash."""
    mttr: Seconds
    """Mean time from a crash to the return."""


@final
class Crash(Section):
    """A crash of one learner, which loses its work and rejoins without weights and gradient."""

    learner: Learner
    """Number of the learner, from 0."""
    at: Seconds
    """Time of the crash."""
    down: Seconds | None = None
    """Duration until the learner rejoins; for good if absent."""


@final
class Pause(Section):
    """A pause of the server, which neither updates nor answers; messages to it still arrive."""

    at: Seconds
    """Time at which it begins."""
    lasting: Seconds
    """Duration."""


_LINK = re.compile(r"server|(node|rack) (0|[1-9][0-9]{0,7})")


def _link(name: str) -> str:
    if _LINK.fullmatch(name) is None:
        word, space, number = name.partition(" ")
        near = nearest(word, ("server", "node", "rack"))
        meant = f"{near}{space}{number}" if near else ""
        hint = f"; did you mean {meant!r}?" if _LINK.fullmatch(meant) else "; expected 'server', 'node N' or 'rack N'"
        raise ValueError(f"{shown(name)} is not a link{hint}")
    return name


Link = Annotated[str, AfterValidator(_link), WithJsonSchema({"type": "string", "pattern": f"^({_LINK.pattern})$"})]


@final
class Degradation(Section):
    """An interface that is slower for a while."""

    link: Link
    """`server` (the interface of every server), `node N` (the interface of a node), or `rack N`
    (uplink and downlink of a rack in a tree)."""
    at: Seconds
    """Time at which it begins."""
    lasting: Seconds
    """Duration."""
    factor: Annotated[Number, Field(ge=1e-15, lt=1.0)]
    """Remaining fraction of the bandwidth, 10⁻¹⁵ or more and less than 1."""

    def number(self) -> int | None:
        """Return the number of the node or rack; None for the server."""
        found = re.search(r"[0-9]+", self.link)
        return int(found[0]) if found else None


@final
class MessageLoss(Section):
    """Loss of messages of gradients and weights, each independently, which are then sent again."""

    probability: Annotated[Number, Field(gt=0.0, le=0.99)]
    """Probability that a message is lost, each time it is sent."""
    resend_after: Seconds
    """Time between the moment when a lost message should have arrived and the moment when it is
    sent again."""


@final
class Faults(Section):
    """Faults and their times."""

    crashes: Annotated[
        Annotated[RandomCrashes, Tag(MAPPING)] | Annotated[tuple[Crash, ...], Tag(LIST)],
        ListOrMapping,
        Field(examples=[{"mtbf": "2 h", "mttr": "90 s"}, [{"learner": 3, "at": "10 s", "down": "1 min"}]]),
    ] = ()
    """Learners that crash and rejoin: all of them at random, or a list of crashes."""
    member_timeout: Seconds | None = None
    """Time after which the others go on without a learner that is away, under protocols without a
    parameter server. 1 s if absent; the default is ours."""
    server_pauses: Annotated[tuple[Pause, ...], Field(examples=[[{"at": "10 s", "lasting": "2 s"}]])] = ()
    """Pauses of the server: a list."""
    degraded_links: Annotated[
        tuple[Degradation, ...],
        Field(examples=[[{"link": "node 3", "at": "10 s", "lasting": "2 s", "factor": 0.1}]]),
    ] = ()
    """Interfaces that are slower for a while: a list."""
    message_loss: Annotated[MessageLoss | None, Field(examples=[{"probability": 0.01, "resend_after": "200 ms"}])] = None
    """Messages that are lost and sent again. None if absent."""

    @property
    def patience(self) -> float:
        """Seconds after which the others go on without a learner that is away."""
        return 1.0 if self.member_timeout is None else self.member_timeout

    def inconsistencies(self, learners: int, nodes: int, racks: int) -> Iterator[Inconsistency]:
        if isinstance(self.crashes, RandomCrashes):
            for key in ("mtbf", "mttr"):
                if getattr(self.crashes, key) == 0.0:
                    yield Inconsistency(("crashes", key), "must be a positive time")
        else:
            yield from _crash_inconsistencies(self.crashes, learners)
        pauses = [(i, pause.at, pause.lasting) for i, pause in enumerate(self.server_pauses)]
        yield from _spell_inconsistencies("server_pauses", pauses, "the server still pauses")
        by_link: dict[str, list[tuple[int, float, float]]] = {}
        for i, one in enumerate(self.degraded_links):
            by_link.setdefault(one.link, []).append((i, one.at, one.lasting))
        for link, spells in by_link.items():
            yield from _spell_inconsistencies("degraded_links", spells, f"{link} is still slower")
        yield from self._links_not_there(nodes, racks)

    def _links_not_there(self, nodes: int, racks: int) -> Iterator[Inconsistency]:
        for i, one in enumerate(self.degraded_links):
            number, kind = one.number(), one.link.split()[0]
            there = nodes if kind == "node" else racks
            if number is not None and number >= there:
                racks_there = f"racks 0 to {racks - 1}" if racks else "no racks (network.topology is not a tree)"
                many = f"nodes 0 to {nodes - 1}" if kind == "node" else racks_there
                yield Inconsistency(("degraded_links", i, "link"), f"there is no {one.link}; there are {many}")


def _crash_inconsistencies(crashes: tuple[Crash, ...], learners: int) -> Iterator[Inconsistency]:
    until: dict[int, float] = {}
    for i, crash in sorted(enumerate(crashes), key=lambda pair: pair[1].at):
        path = ("crashes", i)
        if crash.learner >= learners:
            yield Inconsistency((*path, "learner"), f"there is no learner {crash.learner}; there are 0 to {learners - 1}")
        back = until.get(crash.learner, 0.0)
        if _before(crash.at, back):
            still = "for good" if back == inf else f"until {show(back, TIME)}"
            yield Inconsistency((*path, "at"), f"learner {crash.learner} is down then, {still}")
        if crash.down == 0.0:
            yield Inconsistency((*path, "down"), "must be a positive time (or null: for good)")
        until[crash.learner] = inf if crash.down is None else max(back, crash.at + crash.down)


def _spell_inconsistencies(key: str, spells: list[tuple[int, float, float]], still: str) -> Iterator[Inconsistency]:
    """Yield the mistakes in spells (place in the list, begin, length), which must not overlap or be empty."""
    until = 0.0
    for i, at, lasting in sorted(spells, key=lambda spell: spell[1:]):
        if lasting == 0.0:
            yield Inconsistency((key, i, "lasting"), "must be a positive time")
        if _before(at, until):
            yield Inconsistency((key, i, "at"), f"{still} then, until {show(until, TIME)}")
        until = max(until, at + lasting)


def _before(time: float, other: float) -> bool:
    """Return whether a time (s) is before another, with 0.1 + 0.2 equal to 0.3 as people expect."""
    return time < other and not isclose(time, other, rel_tol=1e-12)
